"""The rate–distortion plane: what lesson 20 writes.

Dimensions: N images of P pixels, D latents. Rates are in nats per image; an error is a squared
error, summed over the pixels of an image and averaged over images.
"""

import numpy as np

from scratchvae.course.program.probability import kl_to_standard
from scratchvae.validation import FloatArray


def plane_point(
    x: FloatArray, decoded: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> tuple[float, float]:
    """Return rate and squared error of images x (N, P) decoded from a draw of z each: eq. 20.1.

    ``mean`` and ``log_variance``, (N, D), are those of q(z | x). Training with variance c finds
    the point whose error + 2c · rate is least: eq. 20.2.
    """
    rate = kl_to_standard(mean, log_variance).mean()
    return float(rate), float(((x - decoded) ** 2).sum(axis=-1).mean())


def linear_plane(spread: FloatArray, c: float, latents: int) -> tuple[float, float]:
    """Return rate and squared error of the best linear VAE with so many latents: eq. 20.4.

    ``spread``, (P,), holds the variances along the principal directions, the largest first. As for
    all models that are best for their c, a larger c never raises the rate: eq. 20.3.
    """
    first, others = spread[:latents], spread[latents:]
    rate = 0.5 * np.log(np.maximum(first / c, 1)).sum()
    return float(rate), float(np.minimum(first, c).sum() + others.sum())


def bound_nats(rate: float, error: float, c: float, pixels: int) -> float:
    """Return the bound on −log p(x) of a model with variance c, constants included: eq. 20.5."""
    return float(rate + error / (2 * c) + pixels / 2 * np.log(2 * np.pi * c))


def calibrated_nats(rate: float, error: float, pixels: int) -> float:
    """Return the least bound on −log p(x) that a point of the plane has for any c: eq. 20.6."""
    return float(rate + pixels / 2 * np.log(2 * np.pi * np.e * error / pixels))
