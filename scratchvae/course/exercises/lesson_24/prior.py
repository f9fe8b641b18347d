"""Exercises on the prior over codes: its nats and their gradient, and the masks.

Dimensions: N images, P places, K codes, H hidden units.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import causal_masks, code_nats
from scratchvae.course.program.discrete import Codes
from scratchvae.validation import FloatArray


def _draw_codes(random: np.random.Generator) -> tuple[Codes, FloatArray]:
    images, places, codes = unequal_sizes(random, 3)
    return (
        random.integers(codes, size=(images, places)),
        2 * random.standard_normal((images, places, codes)),
    )


def _draw_sizes(random: np.random.Generator) -> tuple[int, int, int]:
    places, width, more = unequal_sizes(random, 3)
    return places, width, 2 * places + more


def _masks(
    places: int, width: int, hidden: int, *, own_input: bool, own_output: bool
) -> tuple[FloatArray, FloatArray]:
    """Return masks in which a unit sees its own place, or is seen by it."""
    place = np.repeat(np.arange(places), width)
    own = np.arange(hidden) % max(places - 1, 1)
    first = place[:, None] <= own if own_input else place[:, None] < own
    second = own[:, None] <= place if own_output else own[:, None] < place
    return first.astype(float), second.astype(float)


CODE_NATS = Exercise(
    name="code-nats",
    piece="code_nats",
    answer=code_nats,
    draw=_draw_codes,
    mistakes={
        "the nats are a mean over the places; the places' terms add up": lambda codes, logits: (
            code_nats(codes, logits)[0] / codes.shape[1],
            code_nats(codes, logits)[1],
        ),
        "the gradient has the wrong sign: softmax minus one-hot": lambda codes, logits: (
            code_nats(codes, logits)[0],
            -code_nats(codes, logits)[1],
        ),
        "the gradient is divided by N; here it is that of each image's own nats": (
            lambda codes, logits: (
                code_nats(codes, logits)[0],
                code_nats(codes, logits)[1] / len(codes),
            )
        ),
        "in the gradient the one-hot of the code is missing": lambda codes, logits: (
            code_nats(codes, logits)[0],
            code_nats(codes, logits)[1] + np.eye(logits.shape[-1])[codes],
        ),
        "that is only minus the logit of the code; its softmax has a denominator": (
            lambda codes, logits: (
                -(logits * np.eye(logits.shape[-1])[codes]).sum(axis=(1, 2)),
                code_nats(codes, logits)[1],
            )
        ),
    },
    hints=(
        "log softmax(a) is a − log Σ exp(a), along the last axis.",
        "np.eye(K)[codes] is the one-hot of every code, (N, P, K): it picks the code's log p, and "
        "it is what the gradient lacks.",
    ),
    returns=("nats", "gradient"),
)

CAUSAL_MASKS = Exercise(
    name="causal-masks",
    piece="causal_masks",
    answer=causal_masks,
    draw=_draw_sizes,
    mistakes={
        "an output sees its own place: in the second mask a unit must be *below* the place": (
            lambda places, width, hidden: _masks(
                places, width, hidden, own_input=True, own_output=True
            )
        ),
        "that is causal and loses the nearest place: a unit may look at its own": (
            lambda places, width, hidden: _masks(
                places, width, hidden, own_input=False, own_output=False
            )
        ),
        "that is causal, but the hidden units look at the places before their own; let them look "
        "at their own, and be seen from later ones": (
            lambda places, width, hidden: _masks(
                places, width, hidden, own_input=False, own_output=True
            )
        ),
        "the masks are transposed: a row for each input of a layer": (
            lambda places, width, hidden: tuple(
                mask.T for mask in causal_masks(places, width, hidden)
            )
        ),
    },
    hints=(
        "place = np.repeat(np.arange(places), width) is the place of every input and output.",
        "own = np.arange(hidden) % (places - 1) is the last place that a hidden unit looks at.",
        "place[:, None] <= own, and own[:, None] < place; as floats, .astype(float).",
    ),
    returns=("the first mask", "the second mask"),
)
