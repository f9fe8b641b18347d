"""The exercises of lesson 13, "What the KL buys".

Dimensions: N images, M points, D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import (
    aggregate_log_density,
    effective_number,
    log_mean_exp,
    log_normal,
)
from scratchvae.validation import FloatArray


def _draw_counts(random: np.random.Generator) -> tuple[FloatArray]:
    counts = random.integers(1, 50, int(random.integers(4, 11))).astype(float)
    counts[0] = 0  # log 0 is not to be multiplied by 0
    return (counts,)


def _draw_mixture(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    points, images, latents = unequal_sizes(random, 3)
    mean, log_variance = random.standard_normal((2, images, latents))
    return random.standard_normal((points, latents)), mean, log_variance


KL_ALONE = Question(
    name="kl-alone",
    kind="predict",
    answer=0.0,
    hints=(
        "What is the smallest value of a KL, and what keeps it from there?",
        "Nothing does: every image may be encoded as the prior.",
    ),
)

EFFECTIVE_NUMBER = Exercise(
    name="effective-number",
    piece="effective_number",
    answer=effective_number,
    draw=_draw_counts,
    mistakes={
        "that is the entropy; its exponential is a number of classes": lambda counts: np.log(
            effective_number(counts)
        ),
        "that counts every class that occurs, however rarely": lambda counts: (counts > 0).sum(),
        "that is one over the sum of the squared shares, another measure of the same thing": (
            lambda counts: 1 / ((counts / counts.sum()) ** 2).sum()
        ),
    },
    hints=(
        "First the shares: counts / counts.sum(), without the zeros.",
        "np.exp(-(shares * np.log(shares)).sum())",
    ),
    returns=("the number",),
)

AGGREGATE_LOG_DENSITY = Exercise(
    name="aggregate-log-density",
    piece="aggregate_log_density",
    answer=aggregate_log_density,
    draw=_draw_mixture,
    mistakes={
        "the 1/N is missing: a mean over the images, not a sum": lambda z, mean, log_variance: (
            aggregate_log_density(z, mean, log_variance) + np.log(len(mean))
        ),
        "that is the mean of the logarithms; (13.2) is the logarithm of a mean": (
            lambda z, mean, log_variance: log_normal(
                z[None], mean[:, None], log_variance[:, None]
            ).mean(axis=0)
        ),
        "the mean is over the points; q(z) is a mean over the images": (
            lambda z, mean, log_variance: log_mean_exp(
                log_normal(z[:, None], mean[None], log_variance[None])
            )
        ),
    },
    hints=(
        "log_normal(z[None], mean[:, None], log_variance[:, None]) has a row for each image and a "
        "column for each point.",
        "log_mean_exp takes the mean over the first axis.",
    ),
    returns=("log q(z)",),
)

WHICH_FAILURE = Question(
    name="which-failure",
    kind="explain",
    answer="B",
    mistakes={
        "a wrong rate spoils reconstructions, too": "A",
        "without latents all samples would look the same, and blurred": "C",
        "more images of all ten digits would not make the other eight appear": "D",
    },
    hints=(
        "Is it fidelity or diversity that is missing?",
        "Where do the codes of the other digits lie, and where does the prior draw?",
    ),
)

EXERCISES: list[Exercise | Question] = [
    KL_ALONE,
    EFFECTIVE_NUMBER,
    AGGREGATE_LOG_DENSITY,
    WHICH_FAILURE,
]
