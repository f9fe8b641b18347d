"""The Kullback-Leibler divergence between Gaussians, in closed form, with its gradients.

Three cases, each a special case of the one before:

=====================  =====================================================  ==================
both covariances full  ½ [log |Σ₂|/|Σ₁| − D + tr(Σ₂⁻¹Σ₁) + δᵀ Σ₂⁻¹ δ]         ``kl_full``
both diagonal          ½ Σⱼ [lⱼ₂ − lⱼ₁ − 1 + e^(lⱼ₁ − lⱼ₂) + δⱼ² e^(−lⱼ₂)]    ``kl_diagonal``
diagonal to N(0, I)    ½ Σⱼ [e^lⱼ + mⱼ² − 1 − lⱼ]                             ``kl_to_standard``
=====================  =====================================================  ==================

with δ = mean₂ − mean₁ and l = log-variance: eq. 8.3, eq. 8.8 and eq. 8.10 of the lessons. Source:
Fleuret, lecture 7.4 (the full form, where the determinants are printed the other way up); Kingma
and Welling (2013), appendix B (to N(0, I)). All are in nats.

Dimensions: N examples, D latents.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.errors import InputError
from scratchvae.probability.densities import check_alike, check_covariance
from scratchvae.probability.reparameterisation import GaussianGradients
from scratchvae.validation import FloatArray


class FullGradients(NamedTuple):
    """∂KL with respect to each argument of ``kl_full``, of that argument's shape."""

    mean_1: FloatArray
    covariance_1: FloatArray
    mean_2: FloatArray
    covariance_2: FloatArray


class DiagonalGradients(NamedTuple):
    """∂KL with respect to each argument of ``kl_diagonal``, of that argument's shape."""

    mean_1: FloatArray
    log_variance_1: FloatArray
    mean_2: FloatArray
    log_variance_2: FloatArray


def kl_full(
    mean_1: FloatArray, covariance_1: FloatArray, mean_2: FloatArray, covariance_2: FloatArray
) -> float:
    """Return KL(N(mean_1, covariance_1) ‖ N(mean_2, covariance_2)) in nats.

    The means are (D,), the covariances (D, D), symmetric and positive definite.
    """
    _check_full(mean_1, covariance_1, mean_2, covariance_2)
    difference = mean_2 - mean_1
    _, log_determinant_1 = np.linalg.slogdet(covariance_1)
    _, log_determinant_2 = np.linalg.slogdet(covariance_2)
    trace = np.trace(np.linalg.solve(covariance_2, covariance_1))
    distance = difference @ np.linalg.solve(covariance_2, difference)
    return float(0.5 * (log_determinant_2 - log_determinant_1 - len(mean_1) + trace + distance))


def kl_full_gradients(
    mean_1: FloatArray, covariance_1: FloatArray, mean_2: FloatArray, covariance_2: FloatArray
) -> FullGradients:
    """Return the gradients of ``kl_full``.

    With P₂ = Σ₂⁻¹ they are, from d log|Σ| = tr(Σ⁻¹ dΣ), eq. 8.5, and d(Σ⁻¹) = −Σ⁻¹ dΣ Σ⁻¹, eq. 8.6:

    - ∂/∂mean₂ = P₂ δ, and ∂/∂mean₁ its negative: eq. 8.4;
    - ∂/∂Σ₁ = ½ (P₂ − Σ₁⁻¹), and ∂/∂Σ₂ = ½ (P₂ − P₂ (Σ₁ + δδᵀ) P₂): eq. 8.7.

    The entries of a covariance are treated as D² separate numbers: the change of the KL under a
    (symmetric) dΣ is the sum of the entrywise product of gradient and dΣ.
    """
    _check_full(mean_1, covariance_1, mean_2, covariance_2)
    difference = mean_2 - mean_1
    precision_1 = np.linalg.inv(covariance_1)
    precision_2 = np.linalg.inv(covariance_2)
    second_moment = covariance_1 + np.outer(difference, difference)
    d_mean_2 = precision_2 @ difference
    return FullGradients(
        mean_1=-d_mean_2,
        covariance_1=0.5 * (precision_2 - precision_1),
        mean_2=d_mean_2,
        covariance_2=0.5 * (precision_2 - precision_2 @ second_moment @ precision_2),
    )


def kl_diagonal(
    mean_1: FloatArray, log_variance_1: FloatArray, mean_2: FloatArray, log_variance_2: FloatArray
) -> FloatArray:
    """Return KL(N(mean_1, diag e^log_variance_1) ‖ N(mean_2, diag e^log_variance_2)) in nats.

    All arguments are (N, D); the result, one number per example, is (N,).
    """
    check_alike(mean_1=mean_1, mean_2=mean_2)
    check_alike(mean_1=mean_1, log_variance_1=log_variance_1, log_variance_2=log_variance_2)
    difference = mean_2 - mean_1
    log_ratio = log_variance_1 - log_variance_2
    # expm1 keeps the digits of e^r − 1 − r when the two variances are nearly the same.
    terms = np.expm1(log_ratio) - log_ratio + difference * difference * np.exp(-log_variance_2)
    kl: FloatArray = 0.5 * terms.sum(axis=-1)
    return kl


def kl_diagonal_gradients(
    mean_1: FloatArray, log_variance_1: FloatArray, mean_2: FloatArray, log_variance_2: FloatArray
) -> DiagonalGradients:
    """Return the gradients of each example's ``kl_diagonal``, all (N, D).

    - ∂/∂mean₂ = δ e^(−l₂), and ∂/∂mean₁ its negative;
    - ∂/∂l₁ = ½ (e^(l₁ − l₂) − 1), with ∂/∂mean₁ eq. 8.9;
    - ∂/∂l₂ = ½ (1 − e^(l₁ − l₂) − δ² e^(−l₂)).
    """
    check_alike(mean_1=mean_1, mean_2=mean_2)
    check_alike(mean_1=mean_1, log_variance_1=log_variance_1, log_variance_2=log_variance_2)
    difference = mean_2 - mean_1
    precision_2 = np.exp(-log_variance_2)
    half_excess = 0.5 * np.expm1(log_variance_1 - log_variance_2)
    d_mean_2 = difference * precision_2
    return DiagonalGradients(
        mean_1=-d_mean_2,
        log_variance_1=half_excess,
        mean_2=d_mean_2,
        log_variance_2=-half_excess - 0.5 * difference * d_mean_2,
    )


def kl_to_standard(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return KL(N(mean, diag e^log_variance) ‖ N(0, I)) in nats: (N, D) to (N,).

    Near N(0, I) it is Σ ½ mean² + ¼ l², a squared distance: eq. 8.12.
    """
    check_alike(mean=mean, log_variance=log_variance)
    terms = np.expm1(log_variance) - log_variance + mean * mean
    kl: FloatArray = 0.5 * terms.sum(axis=-1)
    return kl


def kl_to_standard_gradients(mean: FloatArray, log_variance: FloatArray) -> GaussianGradients:
    """Return the gradients of each example's ``kl_to_standard``, both (N, D).

    ∂/∂mean = mean, and ∂/∂l = ½ (e^l − 1), eq. 8.11: the KL takes the mean to 0 and the variance
    to 1.
    """
    check_alike(mean=mean, log_variance=log_variance)
    return GaussianGradients(mean=mean.copy(), log_variance=0.5 * np.expm1(log_variance))


def _check_full(
    mean_1: FloatArray, covariance_1: FloatArray, mean_2: FloatArray, covariance_2: FloatArray
) -> None:
    check_alike(mean_1=mean_1, mean_2=mean_2)
    for name, covariance in (("1", covariance_1), ("2", covariance_2)):
        check_covariance(covariance, f"covariance_{name}")
        if mean_1.shape != covariance.shape[:1]:
            raise InputError(
                f"mean_{name} {mean_1.shape} and covariance_{name} {covariance.shape} do not fit: "
                "they must be (D,) and (D, D)"
            )
