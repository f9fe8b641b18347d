"""Exercises on what a label is worth: its mutual information with the image, and a model's gain."""

from math import log

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.validation import FloatArray


def label_information(joint: FloatArray) -> float:
    """Return I(x; y) in nats for a table of probabilities, (X, K): eq. 23.2."""
    x, y = joint.sum(axis=1, keepdims=True), joint.sum(axis=0, keepdims=True)
    return float((joint * np.log(joint / (x * y))).sum())


def _draw_joint(random: np.random.Generator) -> tuple[FloatArray]:
    table = random.random(unequal_sizes(random, 2)) + 0.05
    return (table / table.sum(),)


def _entropy(table: FloatArray) -> float:
    return float(-(table * np.log(table)).sum())


LABEL_INFORMATION = Exercise(
    name="label-information",
    answer=label_information,
    draw=_draw_joint,
    mistakes={
        "that is the entropy of the label, which is the most that it could be": lambda joint: (
            _entropy(joint.sum(axis=0))
        ),
        "that is the entropy of image and label together": _entropy,
        "the sign is wrong: a label never takes information away": lambda joint: (
            -label_information(joint)
        ),
        "the logarithms are averaged over the cells; their mean is weighted by the table": (
            lambda joint: float(
                np.log(
                    joint / (joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True))
                ).mean()
            )
        ),
        "the logarithms are added up as they are; each counts by its p(x, y)": lambda joint: float(
            np.log(
                joint / (joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True))
            ).sum()
        ),
        "that compares p(x, y) with p(x) alone; the label's own p(y) is missing": lambda joint: (
            float((joint * np.log(joint / joint.sum(axis=1, keepdims=True))).sum())
        ),
        "that compares p(x, y) with p(y) alone; the image's own p(x) is missing": lambda joint: (
            float((joint * np.log(joint / joint.sum(axis=0, keepdims=True))).sum())
        ),
    },
    hints=(
        "p(x) is the sum of a row, p(y) that of a column.",
        "log p(x | y) − log p(x) is log of p(x, y) / (p(x) p(y)).",
        "(joint * np.log(joint / (rows * columns))).sum(), with keepdims=True in both sums.",
    ),
    returns=("the information",),
)

WORTH_OF_A_LABEL = Question(
    name="worth-of-a-label",
    kind="predict",
    answer=log(10),
    mistakes={
        "that is in bits; a nat is 1/log 2 bits": log(10) / log(2),
        "ten classes are not ten nats: it takes log K nats to name one of K": 10.0,
    },
    hints=(
        "By (23.2) it is at most the entropy of the label.",
        "Ten equally likely classes have the entropy log 10.",
    ),
)

MORE_THAN_A_LABEL = Question(
    name="more-than-a-label",
    kind="explain",
    answer="B",
    mistakes={
        "both were trained for as long, and their losses are those of test images": "A",
        "(23.2) is about expectations, and a thousand test images give them to a nat or so": "C",
        "the KL of the conditional model is a proper one: its q and its p(z) are Gaussians": "D",
    },
    hints=(
        "Whose distributions does (23.2) speak about?",
        "What else does the unconditional model have to put into its two latents?",
    ),
)
