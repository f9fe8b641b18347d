"""The exercises of lesson 3 on initial weights."""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise, Question


def spread_after(layers: int, inputs: int, bound: float) -> float:
    """Return by what factor linear layers change a standard deviation: eq. 3.11, once a layer.

    Their weights are uniform in ±bound, whose variance is bound²/3: eq. 3.13.
    """
    return float((inputs * bound**2 / 3) ** (layers / 2))


def glorot_bound(inputs: int, outputs: int) -> float:
    """Return the bound of uniform weights of variance 2/(inputs + outputs).

    It is the middle way between what the forward pass asks for, eq. 3.11, and what the backward
    pass does, eq. 3.12; Glorot and Bengio (2010).
    """
    return float(np.sqrt(6 / (inputs + outputs)))


def _draw_sizes(random: np.random.Generator) -> tuple[int, int]:
    inputs, outputs = random.choice(np.arange(20, 400), 2, replace=False)
    return int(inputs), int(outputs)


GLOROT_BOUND = Exercise(
    name="glorot-bound",
    answer=glorot_bound,
    draw=_draw_sizes,
    mistakes={
        "that is the standard deviation; a uniform number in ±b has the variance b²/3 (3.13)": (
            lambda inputs, outputs: np.sqrt(2 / (inputs + outputs))
        ),
        "that keeps the forward pass only": lambda inputs, outputs: np.sqrt(3 / inputs),
        "that keeps the backward pass only": lambda inputs, outputs: np.sqrt(3 / outputs),
        "the variance of uniform weights in ±b is b²/3, by (3.13), not b²": (
            lambda inputs, outputs: np.sqrt(6 / (inputs + outputs)) / 3
        ),
    },
    hints=(
        "(3.13) says what variance the bound b gives. Set it to 2/(I + O).",
        "b² = 6/(I + O).",
    ),
    returns=("the bound",),
)

SPREAD_AFTER_TEN = Question(
    name="spread-after-ten-layers",
    kind="predict",
    answer=3.0**-5,
    within=0.15,
    mistakes={
        "that is the variance; the standard deviation is its root": 3.0**-10,
        "that is one layer; there are ten": 3.0**-0.5,
    },
    hints=(
        "By (3.13) the variance of the weights is 1/(3I), so by (3.11) each layer divides the "
        "variance by 3.",
        "Ten layers divide it by 3¹⁰, and the standard deviation by 3⁵.",
    ),
)
