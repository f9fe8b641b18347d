"""Log-densities, in nats, of the distributions in a VAE.

Dimensions: N examples, D coordinates of each.
"""

import numpy as np

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.validation import (
    FloatArray,
    as_array,
    check_broadcast,
    check_floats,
    check_same_shape,
)

LOG_TWO_PI = float(np.log(2 * np.pi))


def standard_normal_log_density(x: FloatArray) -> FloatArray:
    """Return log N(x; 0, I), summed over the last axis: (…, D) to (…)."""
    check_alike(x=x)
    log_density: FloatArray = -0.5 * (x * x + LOG_TWO_PI).sum(axis=-1)
    return log_density


def gaussian_log_density(
    x: FloatArray, mean: FloatArray, log_variance: FloatArray | float
) -> FloatArray:
    """Return log N(x; mean, diag(e^log_variance)), summed over the last axis: (…, D) to (…).

    ``x``, ``mean`` and ``log_variance`` broadcast together; the last may also be one number for
    all. Derived as eq. 6.5 and eq. 6.6 of the lessons.
    """
    check_alike(x=x)
    if not isinstance(log_variance, np.ndarray):
        # A float64 would make all float64.
        log_variance = as_array(log_variance, "log_variance").astype(x.dtype)
    check_broadcast(x=x, mean=mean, log_variance=log_variance)
    residual = x - mean
    terms = residual * residual * np.exp(-log_variance) + log_variance + LOG_TWO_PI
    log_density: FloatArray = -0.5 * terms.sum(axis=-1)
    return log_density


def multivariate_gaussian_log_density(
    x: FloatArray, mean: FloatArray, covariance: FloatArray
) -> FloatArray:
    """Return log N(x; mean, covariance) with a full covariance matrix: eq. 8.1 of the lessons.

    ``x`` is (…, D), ``mean`` (D,) or anything that broadcasts with ``x``, and ``covariance``
    (D, D), symmetric and positive definite. The result is (…).
    """
    check_floats(x, "x")
    check_floats(mean, "mean", x.dtype)
    check_covariance(covariance, "covariance")
    check_floats(covariance, "covariance", x.dtype)
    size = len(covariance)
    if x.shape[-1:] != (size,) or mean.shape[-1:] != (size,):
        raise InputError(
            f"x {x.shape}, mean {mean.shape} and covariance {covariance.shape} do not fit: "
            "they must be (..., D), (D,) and (D, D)"
        )
    check_broadcast(x=x, mean=mean)
    residual = x - mean
    _, log_determinant = np.linalg.slogdet(covariance)
    # Σ⁻¹ r for every example at once: solve wants the vectors as columns.
    columns = residual.reshape(-1, residual.shape[-1]).T
    whitened = np.linalg.solve(covariance, columns).T.reshape(residual.shape)
    distance = (residual * whitened).sum(axis=-1)
    constants = log_determinant + residual.shape[-1] * LOG_TWO_PI
    log_density: FloatArray = -0.5 * (distance + constants)
    return log_density


def bernoulli_log_density(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return Σ x log p + (1 − x) log(1 − p) with p = sigmoid(logits), over the last axis.

    Computed from the logits, it is exact even at ±1e4, where p itself is rounded to 0 or 1. For
    grey pixels x in [0, 1] this is the negative cross-entropy, which bounds usually take for the
    logarithm of a density. It is not one: its total is off by the factor of eq. 11.5 of the
    lessons.
    """
    check_alike(x=x, logits=logits)
    log_density: FloatArray = -kernels.bernoulli_cross_entropy(x, logits).sum(axis=-1)
    return log_density


def check_alike(**arrays: FloatArray) -> None:
    """Raise ``InputError`` unless all are arrays of floats, of one dtype and one shape."""
    (first_name, first), *others = arrays.items()
    check_floats(first, first_name)
    if first.ndim == 0:
        raise InputError(f"{first_name} must be an array with an axis or more, not one number")
    for name, array in others:
        check_floats(array, name, first.dtype)
        check_same_shape(first, array, f"{first_name} and {name}")


def check_covariance(covariance: FloatArray, name: str) -> None:
    """Raise ``InputError`` unless ``covariance`` is square, symmetric and positive definite."""
    check_floats(covariance, name)
    if covariance.ndim != 2 or covariance.shape[0] != covariance.shape[1]:
        raise InputError(f"{name} must be a square matrix, not of shape {covariance.shape}")
    scale = float(np.abs(covariance).max(initial=0))
    if not np.isfinite(scale):
        raise InputError(f"{name} must be finite numbers, and some are infinite or NaN")
    if not np.abs(covariance - covariance.T).max(initial=0) <= 1e-6 * scale:
        raise InputError(
            f"{name} must be symmetric: use (A + A.T) / 2 if it is symmetric up to rounding"
        )
    try:
        np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        raise InputError(
            f"{name} must be positive definite; its smallest eigenvalue is "
            f"{float(np.linalg.eigvalsh(covariance).min()):.3g}"
        ) from None
