"""The reparameterisation: a draw from q(z | x) as a differentiable function of its parameters.

The noise is an argument. Drawn inside, it could be drawn again in the backward pass, and the
gradient would belong to another sample.

Dimensions: L samples per example, N examples, D latents.
Source: Kingma and Welling (2013), section 2.4.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.errors import InputError
from scratchvae.probability.densities import check_alike
from scratchvae.validation import FloatArray, check_floats


class GaussianGradients(NamedTuple):
    """Gradients with respect to the parameters of a diagonal Gaussian, (N, D) both."""

    mean: FloatArray
    log_variance: FloatArray


def reparameterise(mean: FloatArray, log_variance: FloatArray, eps: FloatArray) -> FloatArray:
    """Return ``z = mean + e^(log_variance / 2) · eps`` (eq. 1.2 and eq. 10.7 of the lessons).

    The factor is the standard deviation. With the variance instead, the gradients would still be
    those of the function that is computed, and no gradient check would notice: only the spread of z
    shows it.

    ``mean`` and ``log_variance`` are the parameters of q(z | x), (N, D); ``eps`` are draws from
    N(0, I), (L, N, D), and the result draws from q(z | x), (L, N, D).
    """
    check_alike(mean=mean, log_variance=log_variance)
    check_noise(eps, log_variance)
    z: FloatArray = mean + np.exp(0.5 * log_variance) * eps
    return z


def reparameterise_backward(
    dz: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> GaussianGradients:
    """Take ∂loss/∂z (L, N, D) to ∂loss/∂mean and ∂loss/∂log_variance (N, D).

    From ∂z/∂mean = 1 and ∂z/∂log_variance = ½ e^(log_variance / 2) eps; each parameter serves all
    L samples, so their gradients add up. ``eps`` is the noise of the forward pass (eq. 10.11).
    """
    check_noise(eps, log_variance)
    check_alike(dz=dz, eps=eps)
    return GaussianGradients(
        mean=dz.sum(axis=0),
        log_variance=0.5 * np.exp(0.5 * log_variance) * (dz * eps).sum(axis=0),
    )


def check_noise(eps: FloatArray, log_variance: FloatArray) -> None:
    """Raise ``InputError`` unless ``eps`` (L, N, D) is noise for ``log_variance`` (N, D)."""
    check_floats(log_variance, "log_variance")
    check_floats(eps, "eps", log_variance.dtype)
    if eps.ndim != log_variance.ndim + 1 or eps.shape[1:] != log_variance.shape:
        raise InputError(
            f"eps must be of shape (L, {', '.join(map(str, log_variance.shape))}), one block of "
            f"noise per sample, not {eps.shape}"
        )
