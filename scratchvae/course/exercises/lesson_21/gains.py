"""Exercises on what latents could gain: a decoder beside a constant, an upper layer beside none.

Dimensions: M decoded points of P coordinates, D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import component_gain, gaussian_mismatch
from scratchvae.validation import FloatArray


def _draw_points(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float]:
    count, coordinates = unequal_sizes(random, 2)
    spread = random.uniform(0.3, 2.0, coordinates)
    return random.standard_normal((count, coordinates)), spread, float(random.uniform(0.5, 1.5))


COMPONENT_GAIN = Exercise(
    name="component-gain",
    piece="component_gain",
    answer=component_gain,
    draw=_draw_points,
    mistakes={
        "that is the mean of the ratio, not its logarithm": lambda points, spread, c: np.exp(
            component_gain(points, spread, c)
        ),
        "that is the mean of the logarithm; the logarithm of the mean is larger": (
            lambda points, spread, c: -(points**2).sum(axis=1) / (2 * c)
        ),
        "the term −|f|²/2c is missing": lambda points, spread, c: (
            (points**2 * spread).sum(axis=1) / (2 * c**2)
        ),
        "the first term is divided by 2c²: x is divided by c, and its variance by c²": (
            lambda points, spread, c: (points**2 * (spread - 1)).sum(axis=1) / (2 * c)
        ),
        "the ½ is missing": lambda points, spread, c: 2 * component_gain(points, spread, c),
    },
    hints=(
        "(21.1) is the exponential of a sum over coordinates; take its logarithm.",
        "Each coordinate contributes f² (λ/c − 1) / 2c.",
    ),
    returns=("the logarithms",),
)


def _draw_draws(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count, latents = unequal_sizes(random, 2)
    return random.standard_normal((count, latents)), random.standard_normal(count)


GAUSSIAN_MISMATCH = Exercise(
    name="gaussian-mismatch",
    piece="gaussian_mismatch",
    answer=gaussian_mismatch,
    draw=_draw_draws,
    mistakes={
        "the sign of the entropy: it is minus the mean of log q": lambda z, log_density: (
            gaussian_mismatch(z, -log_density)
        ),
        "that is the other way round, H(q) minus the Gaussian's": lambda z, log_density: (
            -gaussian_mismatch(z, log_density)
        ),
        "a Gaussian's entropy is ½ log(2πe v): the e is missing": lambda z, log_density: float(
            0.5 * np.log(2 * np.pi * z.var(axis=0)).sum() + log_density.mean()
        ),
        "the Gaussian's entropy has the variance, not the standard deviation, under ½ log": (
            lambda z, log_density: float(
                0.5 * np.log(2 * np.pi * np.e * z.std(axis=0)).sum() + log_density.mean()
            )
        ),
        "divide by M, as z.var(axis=0) does: (21.5) is about these draws as they are": (
            lambda z, log_density: float(
                0.5 * np.log(2 * np.pi * np.e * z.var(axis=0, ddof=1)).sum() + log_density.mean()
            )
        ),
        "v is the variance about the mean; you took the mean square, about 0": (
            lambda z, log_density: float(
                0.5 * np.log(2 * np.pi * np.e * (z**2).mean(axis=0)).sum() + log_density.mean()
            )
        ),
        "each latent has a variance of its own: take it over the draws, axis 0": (
            lambda z, log_density: float(
                0.5 * np.log(2 * np.pi * np.e * z.var()) + log_density.mean()
            )
        ),
        "the entropies of the latents are added up, not averaged": lambda z, log_density: float(
            0.5 * np.log(2 * np.pi * np.e * z.var(axis=0)).mean() + log_density.mean()
        ),
    },
    hints=(
        "z.var(axis=0) are the variances; the mean over the draws of −log q is H(q).",
        "0.5 * np.log(2 * np.pi * np.e * z.var(axis=0)).sum() + log_density.mean()",
    ),
    returns=("the nats",),
)
