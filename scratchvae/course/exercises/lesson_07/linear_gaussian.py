"""Exercises on the model with a linear decoder: what it draws, and its exact evidence.

Dimensions: N images of P pixels, D latents.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.evaluation import LinearGaussian
from scratchvae.probability import gaussian_log_density
from scratchvae.validation import FloatArray


def draw_images(
    weight: FloatArray, bias: FloatArray, variance: float, z: FloatArray, eps: FloatArray
) -> FloatArray:
    """Return x = z W + b + √c ε, (N, P): the two steps of eq. 7.1 with a linear decoder."""
    images: FloatArray = z @ weight + bias + np.sqrt(variance) * eps
    return images


def _draw_decoding(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, float, FloatArray, FloatArray]:
    images, pixels, latents = random.choice(np.arange(2, 9), 3, replace=False)
    return (
        random.normal(size=(latents, pixels)),
        random.normal(size=pixels),
        float(random.uniform(0.1, 3)),
        random.normal(size=(images, latents)),
        random.normal(size=(images, pixels)),
    )


DRAW_IMAGES = Exercise(
    name="draw-images",
    answer=draw_images,
    draw=_draw_decoding,
    mistakes={
        "the noise is multiplied by the variance: to have the variance c it is multiplied by "
        "the standard deviation, √c": lambda w, b, c, z, e: z @ w + b + c * e,
        "these are the mean images: the noise of the pixels is missing": (
            lambda w, b, c, z, e: z @ w + b
        ),
        "the bias is missing": lambda w, b, c, z, e: z @ w + np.sqrt(c) * e,
        "you added √c to the noise: multiply it by √c": (
            lambda w, b, c, z, e: z @ w + b + np.sqrt(c) + e
        ),
        "the noise is not scaled: it has the variance 1, and c is asked for": (
            lambda w, b, c, z, e: z @ w + b + e
        ),
        "you took c for a log-variance; here it is the variance itself": (
            lambda w, b, c, z, e: z @ w + b + np.exp(c / 2) * e
        ),
    },
    hints=(
        "First the mean image of every z. Which product of (N, D) and (D, P) is (N, P)?",
        "eps has variance 1. What do you multiply it by, so that its variance is c?",
        "z W + b, plus √c times eps.",
    ),
    returns=("the images",),
)


def log_evidence(
    x: FloatArray, weight: FloatArray, bias: FloatArray, variance: float
) -> FloatArray:
    """Return log p(x) = log N(x; b, Wᵀ W + c I) of each row of x (N, P): eq. 7.4."""
    return LinearGaussian(weight, bias, variance).log_likelihood(x)


def _draw_linear(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    weight, bias, variance, _, noise = _draw_decoding(random)
    return random.normal() + noise, weight, bias, variance


LINEAR_EVIDENCE = Exercise(
    name="linear-evidence",
    answer=log_evidence,
    draw=_draw_linear,
    mistakes={
        "the noise has the variance c of its own, so c I is added, not √c I": (
            lambda x, w, b, c: log_evidence(x, w, b, float(np.sqrt(c)))
        ),
        "the variance itself is c: do not square it": lambda x, w, b, c: log_evidence(
            x, w, b, c**2
        ),
        "the mean b is missing": lambda x, w, b, c: log_evidence(x, w, 0 * b, c),
        "this is log p(x | z = 0): the latents move the pixels too, which adds Wᵀ W to the "
        "covariance": lambda x, w, b, c: log_evidence(x, 0 * w, b, c),
        "this is the sum over the images, and one number per image is asked for": (
            lambda x, w, b, c: log_evidence(x, w, b, c).sum()
        ),
        "only the diagonal of Wᵀ W is in your covariance: pixels that share latents vary "
        "together": lambda x, w, b, c: gaussian_log_density(x, b, np.log((w**2).sum(axis=0) + c)),
    },
    hints=(
        "Which covariance is in (7.4), and of what shape must it be for P pixels?",
        "The weight is (D, P): the product that is (P, P) has the transposed one first.",
        "weight.T @ weight + variance · I is the covariance, bias the mean.",
    ),
    usable=("multivariate_gaussian_log_density",),
    returns=("the log-evidence",),
)
