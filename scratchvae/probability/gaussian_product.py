"""The product of two diagonal Gaussians: two opinions about one latent, combined into one.

Dimensions: N examples, D latents.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.probability.densities import check_alike
from scratchvae.probability.gaussian_kl import DiagonalGradients
from scratchvae.validation import FloatArray


class Gaussian(NamedTuple):
    """The parameters of a diagonal Gaussian, (N, D) both."""

    mean: FloatArray
    log_variance: FloatArray


def gaussian_product(
    mean_1: FloatArray, log_variance_1: FloatArray, mean_2: FloatArray, log_variance_2: FloatArray
) -> Gaussian:
    """Return the Gaussian that is proportional to the product of two: all (N, D).

    Precisions add up, and each mean is weighted by its precision: with a = e^(−l₁) and b = e^(−l₂),
    l = −log(a + b) and m = w m₁ + (1 − w) m₂, where w = a / (a + b).
    Source: Sønderby et al. (2016), equations 9 to 11.
    """
    check_alike(mean_1=mean_1, mean_2=mean_2)
    check_alike(mean_1=mean_1, log_variance_1=log_variance_1, log_variance_2=log_variance_2)
    weight = _weight(log_variance_1, log_variance_2)
    mean = mean_2 + weight * (mean_1 - mean_2)
    return Gaussian(mean, -np.logaddexp(-log_variance_1, -log_variance_2))


def gaussian_product_backward(
    d_mean: FloatArray,
    d_log_variance: FloatArray,
    mean_1: FloatArray,
    log_variance_1: FloatArray,
    mean_2: FloatArray,
    log_variance_2: FloatArray,
) -> DiagonalGradients:
    """Take the gradients of the product's parameters to those of the factors', all (N, D).

    - ∂m/∂m₁ = w and ∂l/∂l₁ = w; for the second factor 1 − w;
    - ∂m/∂l₂ = w (1 − w) (m₁ − m₂), and ∂m/∂l₁ its negative: a vaguer opinion counts less.
    """
    check_alike(d_mean=d_mean, d_log_variance=d_log_variance, mean_1=mean_1, mean_2=mean_2)
    check_alike(mean_1=mean_1, log_variance_1=log_variance_1, log_variance_2=log_variance_2)
    weight = _weight(log_variance_1, log_variance_2)
    other = 1 - weight
    shift = d_mean * weight * other * (mean_1 - mean_2)
    return DiagonalGradients(
        mean_1=weight * d_mean,
        log_variance_1=weight * d_log_variance - shift,
        mean_2=other * d_mean,
        log_variance_2=other * d_log_variance + shift,
    )


def _weight(log_variance_1: FloatArray, log_variance_2: FloatArray) -> FloatArray:
    """Return a / (a + b) = sigmoid(l₂ − l₁), which no size of the two can overflow."""
    return 0.5 * (1 + np.tanh(0.5 * (log_variance_2 - log_variance_1)))
