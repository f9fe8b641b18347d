"""Two layers of latents, and what either could gain: what lesson 21 writes.

Dimensions: N images of P pixels, D latents in the lower layer, U in the upper; M points.
"""

import numpy as np

from scratchvae.course.program.probability import kl_to_standard, log_normal
from scratchvae.validation import FloatArray

MeanAndLogVariance = tuple[FloatArray, FloatArray]
"""The mean and the log-variance of a Gaussian for each image."""


def component_gain(points: FloatArray, spread: FloatArray, c: float) -> FloatArray:
    """Return log of the mean of N(x; point, cI) / N(x; 0, cI) for each point, (M,): eq. 21.1.

    x is Gaussian with mean 0 and the variances ``spread``, (P,), along its coordinates. No decoder
    of the points gains more over a constant than the log of the mean of their exponentials:
    eq. 21.2.
    """
    gain: FloatArray = (points**2 * (spread / c - 1)).sum(axis=1) / (2 * c)
    return gain


def layer_kls(
    z_1: FloatArray, lower: MeanAndLogVariance, prior: MeanAndLogVariance, upper: MeanAndLogVariance
) -> tuple[FloatArray, FloatArray]:
    """Return each image's nats of the lower and of the upper layer, (N,) both: eq. 21.3.

    ``z_1`` (N, D) was drawn from ``lower``, q(z₁ | x); ``prior`` is p(z₁ | z₂) and ``upper``
    (N, U) is q(z₂ | z₁). Their mean is information, mismatch and the upper encoder's error:
    eq. 21.4.
    """
    return log_normal(z_1, *lower) - log_normal(z_1, *prior), kl_to_standard(*upper)


def gaussian_mismatch(z: FloatArray, log_density: FloatArray) -> float:
    """Return KL(q ‖ N(m, diag v)) for q's own means m and variances v: eq. 21.5.

    ``z`` (M, D) are draws of q, and ``log_density`` (M,) is log q at each of them.
    """
    entropy = -log_density.mean()
    return float(0.5 * np.log(2 * np.pi * np.e * z.var(axis=0)).sum() - entropy)


def free_bits(kl: FloatArray, free: float) -> float:
    """Return what the KLs of a batch cost, (N, U), if ``free`` nats a latent are free: eq. 21.7."""
    return float(np.maximum(kl.mean(axis=0), free).sum())
