"""The exercises of lesson 6, "The ELBO".

Dimensions: N images, P pixels, D latents, K draws of z per image.
"""

import numpy as np

from scratchvae.arrays import FloatArray
from scratchvae.exercises.draws import draw_covariance
from scratchvae.exercises.exercise import Exercise


def factor_posterior(
    x: FloatArray, weight: FloatArray, bias: FloatArray, variances: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the mean (N, D) and covariance (D, D) of p(z | x), one noise variance per pixel.

    With C = diag(variances), S = (I + W C⁻¹ Wᵀ)⁻¹ and m = (x − b) C⁻¹ Wᵀ S: eq. 6.2 where all
    variances are the same.
    """
    scaled = weight / variances
    covariance: FloatArray = np.linalg.inv(np.eye(len(weight)) + scaled @ weight.T)
    return (x - bias) @ scaled.T @ covariance, covariance


def elbo_from_draws(
    log_likelihood: FloatArray, log_prior: FloatArray, log_q: FloatArray
) -> FloatArray:
    """Return the mean of log p(x, z) − log q(z) over draws, eq. 6.4: (K, N) to (N,)."""
    bound: FloatArray = (log_likelihood + log_prior - log_q).mean(axis=0)
    return bound


def expected_squared_error(
    x: FloatArray, weight: FloatArray, bias: FloatArray, mean: FloatArray, covariance: FloatArray
) -> FloatArray:
    """Return E ‖x − b − zW‖² for z ~ N(mean, covariance), (N,).

    ‖x − b − mW‖² + tr(S W Wᵀ): eq. 6.8 where the covariance is diagonal.
    """
    residual = x - bias - mean @ weight
    squares: FloatArray = (residual**2).sum(axis=1)
    return squares + float((covariance * (weight @ weight.T)).sum())


def best_log_variance(weight: FloatArray, variance: float) -> FloatArray:
    """Return the log-variances (D,) of the diagonal q with the largest bound: eq. 6.9."""
    log_variance: FloatArray = -np.log1p((weight**2).sum(axis=1) / variance)
    return log_variance


def factor_m_step(
    x: FloatArray, mean: FloatArray, covariance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the weight (D, P) and variances (P,) that maximise the bound of factor analysis.

    The weight is eq. 6.11; the mean of the variances is eq. 6.12, which has one for all pixels.
    """
    weight: FloatArray = np.linalg.solve(len(x) * covariance + mean.T @ mean, mean.T @ x)
    spread = (weight * (covariance @ weight)).sum(axis=0)
    variances: FloatArray = ((x - mean @ weight) ** 2).mean(axis=0) + spread
    return weight, variances


def _draw_factor(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    count, pixels, latents = random.integers(2, 6), random.integers(6, 10), random.integers(2, 5)
    return (
        random.standard_normal((count, pixels)),
        random.standard_normal((latents, pixels)),
        random.standard_normal(pixels),
        random.uniform(0.3, 2.0, pixels),
    )


def _draw_logarithms(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
    shape = int(random.integers(2, 6)), int(random.integers(6, 10))
    likelihood, prior, q = random.standard_normal((3, *shape))
    return likelihood - 3.0, prior - 2.0, q - 1.0


def _draw_squares(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    x, weight, bias, _ = _draw_factor(random)
    mean = random.standard_normal((len(x), len(weight)))
    return x, weight, bias, mean, draw_covariance(random, len(weight))


def _draw_weight(random: np.random.Generator) -> tuple[FloatArray, float]:
    latents, pixels = random.integers(2, 5), random.integers(5, 9)
    return random.standard_normal((latents, pixels)), float(random.uniform(0.3, 2.0))


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
    """Return an M step that counts the covariance so many times in the weight's equation."""
    weight = np.linalg.solve(times * covariance + mean.T @ mean, mean.T @ x)
    spread = (weight * (covariance @ weight)).sum(axis=0)
    return weight, ((x - mean @ weight) ** 2).mean(axis=0) + spread


def _log_mean_ratio(
    log_likelihood: FloatArray, log_prior: FloatArray, log_q: FloatArray
) -> FloatArray:
    result: FloatArray = np.log(np.exp(log_likelihood + log_prior - log_q).mean(axis=0))
    return result


EXERCISES = [
    Exercise(
        name="factor-posterior",
        answer=factor_posterior,
        draw=_draw_factor,
        mistakes={
            "the prior is missing: log p(z) adds the identity to the precision": (
                lambda x, w, b, v: (
                    (x - b) @ (w / v).T @ np.linalg.inv((w / v) @ w.T),
                    np.linalg.inv((w / v) @ w.T),
                )
            ),
            "this is eq. 6.2 with the mean of the variances for c; each pixel has its own": (
                lambda x, w, b, v: factor_posterior(x, w, b, np.full_like(v, v.mean()))
            ),
            "you returned the precision; the covariance is its inverse": (
                lambda x, w, b, v: (
                    factor_posterior(x, w, b, v)[0],
                    np.eye(len(w)) + (w / v) @ w.T,
                )
            ),
            "you divide by the standard deviations; the density has the variances": (
                lambda x, w, b, v: factor_posterior(x, w, b, np.sqrt(v))
            ),
            "you multiply by the variances; a pixel with much noise must count for less": (
                lambda x, w, b, v: factor_posterior(x, w, b, 1 / v)
            ),
            "the bias is missing: what the latents explain is x − b": (
                lambda x, w, b, v: factor_posterior(x, w, np.zeros_like(b), v)
            ),
            "the mean is m S⁻¹, the linear terms alone: multiply by the covariance": (
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
            "Only one thing changes in the comparison before eq. 6.2: wherever 1/c stands, each "
            "pixel is divided by its own variance. So W Wᵀ / c becomes (W / variances) Wᵀ, and "
            "r Wᵀ / c changes in the same way.",
            "The covariance is the inverse of I + (W / variances) Wᵀ, and the mean is "
            "(x − b) (W / variances)ᵀ times it.",
        ),
        returns=("mean", "covariance"),
    ),
    Exercise(
        name="elbo-from-draws",
        answer=elbo_from_draws,
        draw=_draw_logarithms,
        mistakes={
            "this is the logarithm of the mean ratio: it estimates log p(x), with a bias; the ELBO "
            "is the mean of the logarithms": _log_mean_ratio,
            "the prior is missing: log p(x, z) = log p(x | z) + log p(z)": (
                lambda a, b, q: (a - q).mean(axis=0)
            ),
            "you add log q; q stands in the denominator": lambda a, b, q: (a + b + q).mean(axis=0),
            "the part of q is missing: this is the mean of log p(x, z) alone": (
                lambda a, b, q: (a + b).mean(axis=0)
            ),
        },
        hints=(
            "The ELBO is the mean, over draws from q, of the logarithm of one ratio (eq. 6.4).",
            "The ratio's numerator is p(x, z) = p(x | z) p(z). Draws are the first axis.",
            "Add two of the arrays, subtract the third, and take the mean over axis 0.",
        ),
        returns=("elbo",),
    ),
    Exercise(
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
            "you add up all entries of Wᵀ S W; only its diagonal holds mean squares of pixels": (
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
    ),
    Exercise(
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
            "this is the log of the precision: the sign is the wrong way round": (
                lambda w, c: -best_log_variance(w, c)
            ),
            "the σ² / 2 of the KL to the prior is missing: it is the 1 in the precision": (
                lambda w, c: -np.log((w**2).sum(axis=1) / c)
            ),
            "this is the diagonal of the posterior's covariance: the posterior's own spread, but "
            "with correlated latents not the diagonal q with the largest bound": (
                lambda w, c: np.log(np.diag(np.linalg.inv(np.eye(len(w)) + w @ w.T / c)))
            ),
            "a ½ stands before both terms, −‖Wⱼ‖² σ² / 2c and −σ² / 2; you lost one of them": (
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
            "Collect everything in the bound that depends on v = σⱼ²: one term of eq. 6.8, divided "
            "by −2c, and ½ (log v − v).",
            "Its derivative is −‖Wⱼ‖² / (2c) − ½ + 1 / (2v). Where is it zero?",
            "v = 1 / (1 + ‖Wⱼ‖² / c), where ‖Wⱼ‖² is the sum of squares of row j. Take its log.",
        ),
        returns=("log_variance",),
    ),
    Exercise(
        name="factor-m-step",
        answer=factor_m_step,
        draw=_draw_m_step,
        mistakes={
            "the covariance is missing from E[zᵀz]: the means alone are used as if z were known": (
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
            "the covariance is counted once; every one of the N images brings it": (
                lambda x, m, s: _with_weight(x, m, s, 1.0)
            ),
            "the variances lack the spread of z: add wₚᵀ S wₚ to the mean squared residual": (
                lambda x, m, s: (
                    factor_m_step(x, m, s)[0],
                    ((x - m @ factor_m_step(x, m, s)[0]) ** 2).mean(axis=0),
                )
            ),
            "this is one variance for all pixels, that of eq. 6.12; here each has its own": (
                lambda x, m, s: (
                    factor_m_step(x, m, s)[0],
                    np.full(x.shape[1], factor_m_step(x, m, s)[1].mean()),
                )
            ),
            "only the diagonal of the covariance is used in the variances: correlated latents add "
            "mixed terms": (
                lambda x, m, s: (
                    factor_m_step(x, m, s)[0],
                    ((x - m @ factor_m_step(x, m, s)[0]) ** 2).mean(axis=0)
                    + np.diag(s) @ factor_m_step(x, m, s)[0] ** 2,
                )
            ),
            "the spread of z is shared out equally among the pixels: pixel p has its own part, "
            "from its column of W": (
                lambda x, m, s: (
                    factor_m_step(x, m, s)[0],
                    ((x - m @ factor_m_step(x, m, s)[0]) ** 2).mean(axis=0)
                    + np.trace(s @ factor_m_step(x, m, s)[0] @ factor_m_step(x, m, s)[0].T)
                    / x.shape[1],
                )
            ),
            "the spread of z is divided by N: every image brings it, so its mean over the images "
            "is itself": (
                lambda x, m, s: (
                    factor_m_step(x, m, s)[0],
                    (1 - 1 / len(x)) * ((x - m @ factor_m_step(x, m, s)[0]) ** 2).mean(axis=0)
                    + factor_m_step(x, m, s)[1] / len(x),
                )
            ),
            "the spread of z is counted with the whole W: pixel p has only its column of W": (
                lambda x, m, s: (
                    factor_m_step(x, m, s)[0],
                    ((x - m @ factor_m_step(x, m, s)[0]) ** 2).mean(axis=0)
                    + np.trace(s @ factor_m_step(x, m, s)[0] @ factor_m_step(x, m, s)[0].T),
                )
            ),
        },
        hints=(
            "The weight: does eq. 6.11 contain c at all? What does that say about one c per pixel?",
            "Each pixel's variance is that pixel's own mean squared error, over images and over z.",
            "E(xₙₚ − zₙ wₚ)² = (xₙₚ − mₙ wₚ)² + wₚᵀ S wₚ, where wₚ is column p of the new weight.",
        ),
        returns=("weight", "variances"),
    ),
]
