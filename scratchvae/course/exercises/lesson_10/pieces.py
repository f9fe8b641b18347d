"""What lesson 10 adds to the reader's own program: the draw; and its questions about variances."""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import draw, draw_backward
from scratchvae.validation import FloatArray


def _draw_three(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    first, second, third = random.standard_normal((3, *unequal_sizes(random, 2)))
    return first, second, third


DRAW = Exercise(
    name="draw",
    piece="draw",
    answer=draw,
    draw=_draw_three,
    mistakes={
        "that multiplies the noise by the variance; z's variance would be its square": (
            lambda mean, log_variance, eps: mean + np.exp(log_variance) * eps
        ),
        "the log-variance was taken for the standard deviation": (
            lambda mean, log_variance, eps: mean + log_variance * eps
        ),
        "that is half the variance; halve the logarithm, inside the exponential": (
            lambda mean, log_variance, eps: mean + np.exp(log_variance) / 2 * eps
        ),
        "the mean is missing: the draw lies around it": (
            lambda mean, log_variance, eps: np.exp(log_variance / 2) * eps
        ),
        "that is the root of the log-variance; the standard deviation is e^(l/2)": (
            lambda mean, log_variance, eps: mean + np.sqrt(np.abs(log_variance)) * eps
        ),
    },
    hints=("It is (10.7).", "The standard deviation is np.exp(log_variance / 2)."),
    returns=("z",),
)

DRAW_BACKWARD = Exercise(
    name="draw-backward",
    piece="draw_backward",
    answer=draw_backward,
    draw=_draw_three,
    mistakes={
        "e^(l/2) has the slope ½ e^(l/2): the half is missing": (
            lambda dz, log_variance, eps: (dz, dz * np.exp(log_variance / 2) * eps)
        ),
        "that is for noise times the variance; here it is times e^(l/2)": (
            lambda dz, log_variance, eps: (dz, dz * np.exp(log_variance) * eps)
        ),
        "the noise is missing: ∂z/∂l = ½ e^(l/2) ε": (
            lambda dz, log_variance, eps: (dz, 0.5 * dz * np.exp(log_variance / 2))
        ),
        "the standard deviation e^(l/2) is missing in the second": (
            lambda dz, log_variance, eps: (dz, 0.5 * dz * eps)
        ),
        "the derivative of e^(l/2) has it to the same power, e^(l/2), not e^l": (
            lambda dz, log_variance, eps: (dz, 0.5 * dz * np.exp(log_variance) * eps)
        ),
        "z is a sum: mean moves it by as much as itself, without the noise": (
            lambda dz, log_variance, eps: (dz * eps, 0.5 * dz * np.exp(log_variance / 2) * eps)
        ),
        "the upstream gradient dz is missing in both": (
            lambda dz, log_variance, eps: (
                np.ones_like(dz),
                0.5 * np.exp(log_variance / 2) * eps,
            )
        ),
        "the upstream gradient dz is missing in the second": (
            lambda dz, log_variance, eps: (dz, 0.5 * np.exp(log_variance / 2) * eps)
        ),
    },
    hints=(
        "(10.11) with S = 1. What are ∂z/∂m and ∂z/∂l in (10.7)?",
        "1, and ½ e^(l/2) ε; each times dz.",
    ),
    returns=("d_mean", "d_log_variance"),
)

VARIANCE_OF_A_CONSTANT = Question(
    name="variance-of-a-constant",
    kind="predict",
    answer=10_000.0,
    mistakes={
        "a constant has no gradient, but this estimate of it has noise": 0.0,
        "that is the standard deviation": 100.0,
    },
    hints=("f times the score: what is the score for σ = 1?", "100 ε."),
)

VARIANCE_WITH_NEIGHBOURS = Question(
    name="variance-with-neighbours",
    kind="predict",
    answer=2.5,
    mistakes={
        "that is (10.9), for a separable f": 0.25,
        "variances add; you added standard deviations": 5.0,
        "variances add, and a sum of ten has ten times the variance, not a hundred times": 25.0,
    },
    hints=(
        "What is the slope of f in the direction of z₁?",
        "The sum of all latents. What is the variance of a sum of ten independent numbers?",
    ),
)
