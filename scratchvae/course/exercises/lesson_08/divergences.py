"""The exercises of lesson 8 on divergences between Gaussians.

Dimensions: N examples, D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import draw_covariance
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.probability import kl_diagonal_gradients
from scratchvae.validation import FloatArray


def gaussian_entropy(covariance: FloatArray) -> float:
    """Return the entropy of N(m, covariance) in nats, for a covariance (D, D).

    ½ [D log 2π + log |Σ| + D]: eq. 8.1, whose quadratic form has the mean tr(Σ⁻¹Σ) by eq. 8.2.
    """
    log_determinant = float(np.linalg.slogdet(covariance)[1])
    return 0.5 * (len(covariance) * (1 + float(np.log(2 * np.pi))) + log_determinant)


def kl_cholesky(mean: FloatArray, factor: FloatArray) -> float:
    """Return KL(N(mean, L Lᵀ) ‖ N(0, I)) in nats: eq. 8.3 with the factor L of a covariance.

    ½ [Σ L² + ‖mean‖² − D] − Σ log Lⱼⱼ, for a mean (D,) and L (D, D), lower triangular.
    """
    squares = float((factor**2).sum() + mean @ mean)
    return 0.5 * (squares - len(mean)) - float(np.log(np.diag(factor)).sum())


def closest_diagonal(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the variances (D,) of the diagonal q with least KL(q ‖ p), and with least KL(p ‖ q).

    They are where the diagonals of eq. 8.7 are zero: 1 / (Σ⁻¹)ⱼⱼ and Σⱼⱼ, for p's covariance Σ.
    """
    narrow: FloatArray = 1 / np.diag(np.linalg.inv(covariance))
    return narrow, np.diag(covariance)


def kl_prior_gradients(
    mean_1: FloatArray, log_variance_1: FloatArray, mean_2: FloatArray, log_variance_2: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ∂KL/∂mean_2 and ∂KL/∂log_variance_2 of eq. 8.8, all (N, D)."""
    gradients = kl_diagonal_gradients(mean_1, log_variance_1, mean_2, log_variance_2)
    return gradients.mean_2, gradients.log_variance_2


def kl_softplus_gradient(h: FloatArray) -> FloatArray:
    """Return the gradient of KL(N(0, v) ‖ N(0, I)) with v = softplus(h), (N, D).

    ½ (1 − 1/v) sigmoid(h), from eq. 8.11 by the chain rule.
    """
    gradient: FloatArray = 0.5 * (1 - 1 / np.logaddexp(0, h)) / (1 + np.exp(-h))
    return gradient


def _draw_covariance(random: np.random.Generator) -> tuple[FloatArray]:
    return (draw_covariance(random, int(random.integers(2, 6))),)


def _draw_factor(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    (covariance,) = _draw_covariance(random)
    return random.standard_normal(len(covariance)), np.linalg.cholesky(covariance)


def _draw_pairs(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    shape = int(random.integers(2, 5)), int(random.integers(5, 8))
    mean_1, log_variance_1, mean_2, log_variance_2 = random.standard_normal((4, *shape))
    return mean_1, log_variance_1, mean_2, log_variance_2


def _draw_outputs(random: np.random.Generator) -> tuple[FloatArray]:
    return (2 * random.standard_normal((random.integers(2, 5), random.integers(5, 8))),)


def _log_determinant(covariance: FloatArray) -> float:
    return float(np.linalg.slogdet(covariance)[1])


GAUSSIAN_ENTROPY = Exercise(
    name="gaussian-entropy",
    answer=gaussian_entropy,
    draw=_draw_covariance,
    mistakes={
        "the mean of the quadratic form is missing: it adds D / 2": (
            lambda c: 0.5 * (len(c) * np.log(2 * np.pi) + _log_determinant(c))
        ),
        "D log 2π is missing: it cancels in a KL, not in an entropy": (
            lambda c: 0.5 * (len(c) + _log_determinant(c))
        ),
        "D occurs in two places: each dimension adds log 2π, and each adds 1": (
            lambda c: 0.5 * (1 + np.log(2 * np.pi) + _log_determinant(c))
        ),
        "the trace in (8.2) is that of A Σ with A = Σ⁻¹, not that of Σ": (
            lambda c: 0.5 * (len(c) * np.log(2 * np.pi) + _log_determinant(c) + np.trace(c))
        ),
        "the log 2π occurs once for each of the D dimensions": (
            lambda c: 0.5 * (len(c) + np.log(2 * np.pi) + _log_determinant(c))
        ),
        "the log-determinant has the wrong sign: a wide Gaussian has the larger entropy": (
            lambda c: gaussian_entropy(c) - _log_determinant(c)
        ),
        "the determinant belongs under a logarithm": (
            lambda c: gaussian_entropy(c) + 0.5 * (np.linalg.det(c) - _log_determinant(c))
        ),
        "the ½ before the log-determinant is missing": (
            lambda c: gaussian_entropy(c) + 0.5 * _log_determinant(c)
        ),
        "this is the entropy if the coordinates were independent: the determinant is not the "
        "product of the diagonal": lambda c: gaussian_entropy(np.diag(np.diag(c))),
    },
    hints=(
        "The entropy is minus the mean of (8.1). Only one of its three terms is random.",
        "The mean of (z − m)ᵀ Σ⁻¹ (z − m) is (8.2) with A = Σ⁻¹ and a = m. What trace is it?",
        "½ [D log 2π + log |Σ| + D]; np.linalg.slogdet(covariance)[1] is log |Σ|.",
    ),
    returns=("entropy",),
)

KL_CHOLESKY = Exercise(
    name="kl-cholesky",
    answer=kl_cholesky,
    draw=_draw_factor,
    mistakes={
        "the log-determinant is that of L Lᵀ, which is twice that of L": (
            lambda m, f: kl_cholesky(m, f) + 0.5 * np.log(np.diag(f)).sum()
        ),
        "the log-determinant has the wrong sign: a narrow q is far from N(0, I)": (
            lambda m, f: kl_cholesky(m, f) + 2 * np.log(np.diag(f)).sum()
        ),
        "the trace of L is not that of L Lᵀ, which is the sum of all squared entries of L": (
            lambda m, f: kl_cholesky(m, f) + 0.5 * (np.trace(f) - (f**2).sum())
        ),
        "only the diagonal of L is squared: all its entries add to the trace of L Lᵀ": (
            lambda m, f: kl_cholesky(m, f) + 0.5 * ((np.diag(f) ** 2).sum() - (f**2).sum())
        ),
        "the factor is used as if it were the covariance": (
            lambda m, f: 0.5 * (np.trace(f) + m @ m - len(m)) - 0.5 * np.log(np.diag(f)).sum()
        ),
        "the log-determinant is missing: without it a q of no width would be best": (
            lambda m, f: kl_cholesky(m, f) + np.log(np.diag(f)).sum()
        ),
        "D is not subtracted, so N(0, I) would differ from itself": (
            lambda m, f: kl_cholesky(m, f) + 0.5 * len(m)
        ),
        "1 is subtracted where D is": lambda m, f: kl_cholesky(m, f) + 0.5 * (len(m) - 1),
        "the mean is missing": lambda m, f: kl_cholesky(np.zeros_like(m), f),
    },
    hints=(
        "Put Σ₂ = I and m₂ = 0 into (8.3). What remains of each term?",
        "A triangular matrix has the product of its diagonal for a determinant, and |L Lᵀ| is "
        "|L|². The trace of L Lᵀ is a sum over all entries of L.",
        "½ [Σᵢⱼ Lᵢⱼ² + mᵀm − D] − Σⱼ log Lⱼⱼ.",
    ),
    returns=("kl",),
)

CLOSEST_DIAGONAL = Exercise(
    name="closest-diagonal",
    answer=closest_diagonal,
    draw=_draw_covariance,
    mistakes={
        "the first is the diagonal of the inverse; the variances are one over it": (
            lambda c: (np.diag(np.linalg.inv(c)), np.diag(c))
        ),
        "the first is one over the diagonal of Σ; it must be inverted as a matrix before the "
        "diagonal is taken": lambda c: (1 / np.diag(c), np.diag(c)),
        "both are the diagonal of Σ: that is right for one of the two": (
            lambda c: (np.diag(c), np.diag(c))
        ),
        "these are matrices; only the diagonal of each is asked for": (
            lambda c: (np.diag(1 / np.diag(np.linalg.inv(c))), np.diag(np.diag(c)))
        ),
        "these are log-variances; the variances are asked for": (
            lambda c: (-np.log(np.diag(np.linalg.inv(c))), np.log(np.diag(c)))
        ),
        "these are standard deviations; the variances are asked for": (
            lambda c: (np.diag(np.linalg.inv(c)) ** -0.5, np.diag(c) ** 0.5)
        ),
    },
    hints=(
        "In KL(q ‖ p), q comes first. So which gradient of (8.7) do you need for "
        "it, and which for KL(p ‖ q)?",
        "First: ½ [(Σ⁻¹)ⱼⱼ − 1/vⱼ] = 0. Second, with δ = 0: ½ [1/vⱼ − Σⱼⱼ / vⱼ²] = 0.",
        "vⱼ = 1 / (Σ⁻¹)ⱼⱼ, and vⱼ = Σⱼⱼ. np.diag takes the diagonal of a matrix.",
    ),
    returns=("variances for KL(q ‖ p)", "variances for KL(p ‖ q)"),
)

KL_PRIOR_GRADIENTS = Exercise(
    name="kl-prior-gradients",
    answer=kl_prior_gradients,
    draw=_draw_pairs,
    mistakes={
        "δ in the log-variance's gradient is not squared": (
            lambda a, s, b, t: (
                (b - a) * np.exp(-t),
                0.5 * (1 - np.exp(s - t) - (b - a) * np.exp(-t)),
            )
        ),
        "the log-variance's gradient lacks δ² e^(−l₂): l₂ is in that exponent too": (
            lambda a, s, b, t: ((b - a) * np.exp(-t), 0.5 * (1 - np.exp(s - t)))
        ),
        "the exponents lose their minus when differentiated: d e^(−l)/dl = −e^(−l)": (
            lambda a, s, b, t: (
                (b - a) * np.exp(-t),
                0.5 * (1 + np.exp(s - t) + (b - a) ** 2 * np.exp(-t)),
            )
        ),
        "in the log-variance's gradient δ² e^(−l₂) needs a minus: l₂ has one in that exponent "
        "too": (
            lambda a, s, b, t: (
                (b - a) * np.exp(-t),
                0.5 * (1 - np.exp(s - t) + (b - a) ** 2 * np.exp(-t)),
            )
        ),
        "this is the gradient with respect to p's variance; for its logarithm, multiply by "
        "the variance": (
            lambda a, s, b, t: (
                (b - a) * np.exp(-t),
                0.5 * np.exp(-t) * (1 - np.exp(s - t) - (b - a) ** 2 * np.exp(-t)),
            )
        ),
        "the mean's gradient is divided by the wrong variance; it must be that of p": (
            lambda a, s, b, t: (
                (b - a) * np.exp(-s),
                0.5 * (1 - np.exp(s - t) - (b - a) ** 2 * np.exp(-t)),
            )
        ),
        "the mean's gradient is not divided by the variance of p": (
            lambda a, s, b, t: (
                b - a,
                0.5 * (1 - np.exp(s - t) - (b - a) ** 2 * np.exp(-t)),
            )
        ),
        "these are the gradients for the first distribution": (
            lambda a, s, b, t: (-(b - a) * np.exp(-t), 0.5 * np.expm1(s - t))
        ),
        "you divide by the standard deviation: e^(−l) is one over the variance": (
            lambda a, s, b, t: (
                (b - a) * np.exp(-0.5 * t),
                0.5 * (1 - np.exp(0.5 * (s - t)) - (b - a) ** 2 * np.exp(-0.5 * t)),
            )
        ),
    },
    hints=(
        "Take one bracket of (8.8), and mark where m₂ and l₂ occur.",
        "m₂ is only in δ. l₂ occurs once by itself, and twice with a minus in an exponent.",
        "δ e^(−l₂), and ½ (1 − e^(l₁ − l₂) − δ² e^(−l₂)).",
    ),
    returns=("d_mean_2", "d_log_variance_2"),
)

KL_SOFTPLUS_GRADIENT = Exercise(
    name="kl-softplus-gradient",
    answer=kl_softplus_gradient,
    draw=_draw_outputs,
    mistakes={
        "this is the gradient with respect to the variance: the slope of the softplus is "
        "missing": lambda h: 0.5 * (1 - 1 / np.logaddexp(0, h)),
        "½ (v − 1) is the gradient with respect to log v, as in (8.11); you need the one for v": (
            lambda h: 0.5 * (np.logaddexp(0, h) - 1) / (1 + np.exp(-h))
        ),
        "this is the KL itself, not its gradient": (
            lambda h: 0.5 * (np.logaddexp(0, h) - 1 - np.log(np.logaddexp(0, h)))
        ),
        "this treats softplus(h) as a log-variance; it is the variance itself": (
            lambda h: 0.5 * np.expm1(np.logaddexp(0, h)) / (1 + np.exp(-h))
        ),
        "this is the gradient for h as a log-variance": lambda h: 0.5 * np.expm1(h),
        "this treats softplus(h) as the standard deviation": (
            lambda h: (np.logaddexp(0, h) - 1 / np.logaddexp(0, h)) / (1 + np.exp(-h))
        ),
        "the slope of the softplus is the sigmoid of h, not of −h": (
            lambda h: 0.5 * (1 - 1 / np.logaddexp(0, h)) / (1 + np.exp(h))
        ),
    },
    hints=(
        "Two links of a chain: from the KL to v, and from v to h.",
        "With v in place of e^l, (8.10) is ½ (v − 1 − log v). Its derivative is ½ (1 − 1/v).",
        "½ (1 − 1/softplus(h)) · sigmoid(h), all entry by entry.",
    ),
    returns=("d_h",),
)
