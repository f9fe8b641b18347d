"""Exercises on the bound: from draws, its squared error exactly, and the q where it is largest.

Dimensions: N images, P pixels, D latents, K draws of z per image.
"""

import numpy as np

from scratchvae.course.exercises.draws import draw_covariance
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.lesson_09.factor_analysis import draw_factor
from scratchvae.validation import FloatArray


def elbo_from_draws(
    log_likelihood: FloatArray, log_prior: FloatArray, log_q: FloatArray
) -> FloatArray:
    """Return the mean of log p(x, z) − log q(z) over draws, eq. 9.5: (K, N) to (N,).

    As a function of q and of the model it is eq. 9.11.
    """
    bound: FloatArray = (log_likelihood + log_prior - log_q).mean(axis=0)
    return bound


def _draw_logarithms(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    shape = int(random.integers(2, 6)), int(random.integers(6, 10))
    likelihood, prior, q = random.standard_normal((3, *shape))
    return likelihood - 3.0, prior - 2.0, q - 1.0


def _log_mean_ratio(
    log_likelihood: FloatArray, log_prior: FloatArray, log_q: FloatArray
) -> FloatArray:
    result: FloatArray = np.log(np.exp(log_likelihood + log_prior - log_q).mean(axis=0))
    return result


ELBO_FROM_DRAWS = Exercise(
    name="elbo-from-draws",
    answer=elbo_from_draws,
    draw=_draw_logarithms,
    mistakes={
        "this is the logarithm of the mean ratio: it estimates log p(x), with a bias; the ELBO "
        "is the mean of the logarithms": _log_mean_ratio,
        "the prior is missing: log p(x, z) = log p(x | z) + log p(z)": (
            lambda a, b, q: (a - q).mean(axis=0)
        ),
        "the prior and q are exchanged: q stands in the denominator": (
            lambda a, b, q: (a + q - b).mean(axis=0)
        ),
        "you add log q; q stands in the denominator": lambda a, b, q: (a + b + q).mean(axis=0),
        "log q is missing: this is only the mean of log p(x, z)": (
            lambda a, b, q: (a + b).mean(axis=0)
        ),
    },
    hints=(
        "The ELBO is the mean, over draws from q, of the logarithm of one ratio (9.5).",
        "The ratio's numerator is p(x, z) = p(x | z) p(z). Draws are the first axis.",
        "Add two of the arrays, subtract the third, and take the mean over axis 0.",
    ),
    returns=("elbo",),
)


def expected_squared_error(
    x: FloatArray, weight: FloatArray, bias: FloatArray, mean: FloatArray, covariance: FloatArray
) -> FloatArray:
    """Return E ‖x − b − zW‖² for z ~ N(mean, covariance), (N,).

    ‖x − b − mW‖² + tr(S W Wᵀ): eq. 9.9 where the covariance is diagonal.
    """
    residual = x - bias - mean @ weight
    squares: FloatArray = (residual**2).sum(axis=1)
    return squares + float((covariance * (weight @ weight.T)).sum())


def _draw_squares(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    x, weight, bias, _ = draw_factor(random)
    mean = random.standard_normal((len(x), len(weight)))
    return x, weight, bias, mean, draw_covariance(random, len(weight))


EXPECTED_SQUARED_ERROR = Exercise(
    name="expected-squared-error",
    answer=expected_squared_error,
    draw=_draw_squares,
    mistakes={
        "this is the squared error at the mean of q; the spread of z around it is missing": (
            lambda x, w, b, m, s: ((x - b - m @ w) ** 2).sum(axis=1)
        ),
        "only the diagonal of the covariance is used: latents that are correlated add mixed "
        "terms": (
            lambda x, w, b, m, s: (
                ((x - b - m @ w) ** 2).sum(axis=1) + np.diag(s) @ (w**2).sum(axis=1)
            )
        ),
        "the bias is missing: the decoder gives zW + b": (
            lambda x, w, b, m, s: expected_squared_error(x, w, np.zeros_like(b), m, s)
        ),
        "this is per pixel; the squared length is a sum over pixels": (
            lambda x, w, b, m, s: ((x - b - m @ w) ** 2).mean(axis=1) + (s * (w @ w.T)).sum()
        ),
        "you add up all entries of the matrix product of the covariance and W Wᵀ; what is "
        "needed is its trace": (
            lambda x, w, b, m, s: ((x - b - m @ w) ** 2).sum(axis=1) + (s @ w @ w.T).sum()
        ),
        "you add up all entries of Wᵀ S W; only its diagonal contains mean squares of pixels": (
            lambda x, w, b, m, s: ((x - b - m @ w) ** 2).sum(axis=1) + (w.T @ s @ w).sum()
        ),
        "the spread is subtracted; being unsure of z makes the mean squared error larger": (
            lambda x, w, b, m, s: ((x - b - m @ w) ** 2).sum(axis=1) - (s * (w @ w.T)).sum()
        ),
        "the spread is counted as if W were the identity: it is that of zW, not of z": (
            lambda x, w, b, m, s: ((x - b - m @ w) ** 2).sum(axis=1) + np.trace(s)
        ),
    },
    hints=(
        "Write z = m + u. What is the mean of ‖uW‖², if E[uⱼ uₖ] = Sⱼₖ?",
        "‖uW‖² = Σⱼₖ uⱼ uₖ (Wⱼ · Wₖ), and Wⱼ · Wₖ is an entry of W Wᵀ.",
        "Add to each image's squared residual the sum of the entrywise product of the "
        "covariance and W Wᵀ.",
    ),
    returns=("squared error",),
)


def best_log_variance(weight: FloatArray, variance: float) -> FloatArray:
    """Return the log-variances (D,) of the diagonal q with the largest bound: eq. 9.10."""
    log_variance: FloatArray = -np.log1p((weight**2).sum(axis=1) / variance)
    return log_variance


def _draw_weight(random: np.random.Generator) -> tuple[FloatArray, float]:
    latents, pixels = random.integers(2, 5), random.integers(5, 9)
    return random.standard_normal((latents, pixels)), float(random.uniform(0.3, 2.0))


BEST_LOG_VARIANCE = Exercise(
    name="best-log-variance",
    answer=best_log_variance,
    draw=_draw_weight,
    mistakes={
        "this is the variance; its logarithm is asked for": (
            lambda w, c: np.exp(best_log_variance(w, c))
        ),
        "this is the logarithm of the standard deviation, which is half of what is asked for": (
            lambda w, c: 0.5 * best_log_variance(w, c)
        ),
        "this is the logarithm of the precision, which has the opposite sign": (
            lambda w, c: -best_log_variance(w, c)
        ),
        "the σ² / 2 of the KL to the prior is missing: it is the 1 in the precision": (
            lambda w, c: -np.log((w**2).sum(axis=1) / c)
        ),
        "this is the diagonal of the posterior's covariance: the posterior's own spread, but "
        "with correlated latents not the diagonal q with the largest bound": (
            lambda w, c: np.log(np.diag(np.linalg.inv(np.eye(len(w)) + w @ w.T / c)))
        ),
        "both terms have a ½, −‖Wⱼ‖² σ² / 2c and −σ² / 2; you lost one of them": (
            lambda w, c: -np.log1p((w**2).sum(axis=1) / (2 * c))
        ),
        "the noise is missing: the first term of the reconstruction is divided by 2c": (
            lambda w, c: best_log_variance(w, 1.0)
        ),
        "you multiply by the noise; more of it must make q wider": (
            lambda w, c: best_log_variance(w, 1 / c)
        ),
        "‖Wⱼ‖² is the squared length of a row, over its pixels; you took the length": (
            lambda w, c: -np.log1p(np.sqrt((w**2).sum(axis=1)) / c)
        ),
    },
    hints=(
        "Collect everything in the bound that depends on v = σⱼ²: one term of (9.9), divided "
        "by −2c, and ½ (log v − v).",
        "Its derivative is −‖Wⱼ‖² / (2c) − ½ + 1 / (2v). Where is it zero?",
        "v = 1 / (1 + ‖Wⱼ‖² / c), where ‖Wⱼ‖² is the sum of squares of row j. Take its log.",
    ),
    returns=("log_variance",),
)
