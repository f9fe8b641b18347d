"""Exercises on factor analysis: its posterior, which is the E step, and its M step.

Dimensions: N images, P pixels, D latents.
"""

from collections.abc import Callable

import numpy as np

from scratchvae.course.exercises.draws import draw_covariance
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.validation import FloatArray


def factor_posterior(
    x: FloatArray, weight: FloatArray, bias: FloatArray, variances: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the mean (N, D) and covariance (D, D) of p(z | x), one noise variance per pixel.

    The model is eq. 9.1 otherwise.

    With C = diag(variances), S = (I + W C⁻¹ Wᵀ)⁻¹ and m = (x − b) C⁻¹ Wᵀ S: eq. 9.3 where all
    variances are the same.
    """
    scaled = weight / variances
    covariance: FloatArray = np.linalg.inv(np.eye(len(weight)) + scaled @ weight.T)
    return (x - bias) @ scaled.T @ covariance, covariance


def draw_factor(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return images (N, P), and a weight (D, P), a bias (P,) and variances (P,) to explain them."""
    count, pixels, latents = random.integers(2, 6), random.integers(6, 10), random.integers(2, 5)
    return (
        random.standard_normal((count, pixels)),
        random.standard_normal((latents, pixels)),
        random.standard_normal(pixels),
        random.uniform(0.3, 2.0, pixels),
    )


FACTOR_POSTERIOR = Exercise(
    name="factor-posterior",
    answer=factor_posterior,
    draw=draw_factor,
    mistakes={
        "the prior is missing: log p(z) adds the identity to the precision": (
            lambda x, w, b, v: (
                (x - b) @ (w / v).T @ np.linalg.inv((w / v) @ w.T),
                np.linalg.inv((w / v) @ w.T),
            )
        ),
        "this is (9.3) with the mean of the variances for c; each pixel has its own": (
            lambda x, w, b, v: factor_posterior(x, w, b, np.full_like(v, v.mean()))
        ),
        "you returned the precision; the covariance is its inverse": (
            lambda x, w, b, v: (
                factor_posterior(x, w, b, v)[0],
                np.eye(len(w)) + (w / v) @ w.T,
            )
        ),
        "you divide by the standard deviations; the density contains the variances": (
            lambda x, w, b, v: factor_posterior(x, w, b, np.sqrt(v))
        ),
        "you multiply by the variances; a pixel with much noise must count for less": (
            lambda x, w, b, v: factor_posterior(x, w, b, 1 / v)
        ),
        "the bias is missing: what the latents explain is x − b": (
            lambda x, w, b, v: factor_posterior(x, w, np.zeros_like(b), v)
        ),
        "the mean is still m S⁻¹, only the linear terms: multiply by the covariance": (
            lambda x, w, b, v: ((x - b) @ (w / v).T, factor_posterior(x, w, b, v)[1])
        ),
        "the noise is missing from the mean: it must weigh the pixels of x − b too": (
            lambda x, w, b, v: (
                (x - b) @ w.T @ factor_posterior(x, w, b, v)[1],
                factor_posterior(x, w, b, v)[1],
            )
        ),
    },
    hints=(
        "Write log p(x | z) + log p(z) as a function of z. Which terms are quadratic in z, and "
        "which are linear?",
        "Only one thing changes in the comparison before (9.3): wherever 1/c stands, each "
        "pixel is divided by its own variance. So W Wᵀ / c becomes (W / variances) Wᵀ, and "
        "r Wᵀ / c changes in the same way.",
        "The covariance is the inverse of I + (W / variances) Wᵀ, and the mean is "
        "(x − b) (W / variances)ᵀ times it.",
    ),
    returns=("mean", "covariance"),
)


def factor_m_step(
    x: FloatArray, mean: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the weight (D, P) and variances (P,) that maximise the bound of factor analysis.

    As for eq. 9.13, with a variance for each pixel.

    The weight is eq. 9.14; the mean of the variances is eq. 9.15, which has one for all pixels.
    """
    weight: FloatArray = np.linalg.solve(len(x) * covariance + mean.T @ mean, mean.T @ x)
    spread = (weight * (covariance @ weight)).sum(axis=0)
    variances: FloatArray = ((x - mean @ weight) ** 2).mean(axis=0) + spread
    return weight, variances


def _draw_m_step(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    count, pixels, latents = random.integers(9, 15), random.integers(5, 9), random.integers(2, 5)
    x = random.standard_normal((count, pixels))
    return (
        x - x.mean(axis=0),
        random.standard_normal((count, latents)),
        draw_covariance(random, int(latents)),
    )


def _with_weight(
    x: FloatArray, mean: FloatArray, covariance: FloatArray, times: float
) -> tuple[FloatArray, FloatArray]:
    """Return an M step that counts the covariance ``times`` times in the weight's equation."""
    weight = np.linalg.solve(times * covariance + mean.T @ mean, mean.T @ x)
    spread = (weight * (covariance @ weight)).sum(axis=0)
    return weight, ((x - mean @ weight) ** 2).mean(axis=0) + spread


def _with_spread(
    x: FloatArray,
    mean: FloatArray,
    covariance: FloatArray,
    spread: Callable[[FloatArray], FloatArray | float],
) -> tuple[FloatArray, FloatArray]:
    """Return an M step of the right weight that takes ``spread(weight)`` for the spread of z."""
    weight, _ = factor_m_step(x, mean, covariance)
    return weight, ((x - mean @ weight) ** 2).mean(axis=0) + spread(weight)


FACTOR_M_STEP = Exercise(
    name="factor-m-step",
    answer=factor_m_step,
    draw=_draw_m_step,
    mistakes={
        "the covariance is missing from E[zᵀz]: you use only the means, as if z were known": (
            lambda x, m, s: _with_weight(x, m, s, 0.0)
        ),
        "the covariance is used nowhere: the means are not all that the E step found": (
            lambda x, m, s: factor_m_step(x, m, np.zeros_like(s))
        ),
        "the variances are means over the images; you add the squared residuals up": (
            lambda x, m, s: (
                factor_m_step(x, m, s)[0],
                factor_m_step(x, m, s)[1]
                + (len(x) - 1) * ((x - m @ factor_m_step(x, m, s)[0]) ** 2).mean(axis=0),
            )
        ),
        "the covariance is counted once; each of the N images contributes it": (
            lambda x, m, s: _with_weight(x, m, s, 1.0)
        ),
        "the variances lack the spread of z: add wₚᵀ S wₚ to the mean squared residual": (
            lambda x, m, s: _with_spread(x, m, s, lambda w: 0.0)
        ),
        "this is one variance for all pixels, that of (9.15); here each has its own": (
            lambda x, m, s: (
                factor_m_step(x, m, s)[0],
                np.full(x.shape[1], factor_m_step(x, m, s)[1].mean()),
            )
        ),
        "only the diagonal of the covariance is used in the variances: correlated latents add "
        "mixed terms": (lambda x, m, s: _with_spread(x, m, s, lambda w: np.diag(s) @ w**2)),
        "the spread of z is divided equally among the pixels: pixel p has its own share, from "
        "its column of W": (
            lambda x, m, s: _with_spread(x, m, s, lambda w: np.trace(s @ w @ w.T) / x.shape[1])
        ),
        "the spread of z is divided by N: every image contributes it, so its mean over the "
        "images is itself": (
            lambda x, m, s: (
                factor_m_step(x, m, s)[0],
                (1 - 1 / len(x)) * ((x - m @ factor_m_step(x, m, s)[0]) ** 2).mean(axis=0)
                + factor_m_step(x, m, s)[1] / len(x),
            )
        ),
        "the spread of z is counted with the whole W: pixel p has only its column of W": (
            lambda x, m, s: _with_spread(x, m, s, lambda w: np.trace(s @ w @ w.T))
        ),
    },
    hints=(
        "The weight: does (9.14) contain c at all? What does that say about one c per pixel?",
        "Each pixel's variance is that pixel's own mean squared error, over images and over z.",
        "E(xₙₚ − zₙ wₚ)² = (xₙₚ − mₙ wₚ)² + wₚᵀ S wₚ, where wₚ is column p of the new weight.",
    ),
    returns=("weight", "variances"),
)
