"""A healthy VAE and nine broken ones, all from one set of lines with a fault here or there.

Each is a function of parameters, images (N, P), noise (N, D) and β. It returns the loss, a mean
over the images in nats; the mean KL; the draws z (N, D); and the gradients of the loss.

Dimensions: N images of P pixels, D latents.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchvae.course.clinic.networks import (
    Parameters,
    decoder,
    decoder_backward,
    encoder,
    encoder_backward,
    sigmoid,
)
from scratchvae.validation import FloatArray

Found = tuple[float, float, FloatArray, Parameters]
Patient = Callable[[Parameters, FloatArray, FloatArray, float], Found]
Nats = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray]]
Divergence = Callable[[FloatArray, FloatArray], tuple[FloatArray, FloatArray, FloatArray]]


def bernoulli(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return −log p(x | y) of each image, (N,), and its derivative by the logits y, (N, P)."""
    nats: FloatArray = (np.logaddexp(0, y) - x * y).sum(axis=1)
    return nats, sigmoid(y) - x


def averaged(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the mean over pixels where the bound has a sum."""
    nats, slope = bernoulli(x, y)
    return nats / x.shape[1], slope / x.shape[1]


def squashed(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what comes of logits that are probabilities already."""
    share = sigmoid(y)
    nats, slope = bernoulli(x, share)
    return nats, slope * share * (1 - share)


def swapped(x: FloatArray, y: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return what comes of images taken for logits, and logits for images."""
    nats, _ = bernoulli(y, x)
    return nats, -x


def divergence(
    mean: FloatArray, log_variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the KL to N(0, I) of each image, (N,), and its derivatives, (N, D) both."""
    variance = np.exp(log_variance)
    kl: FloatArray = 0.5 * (mean**2 + variance - 1 - log_variance).sum(axis=1)
    return kl, mean, 0.5 * (variance - 1)


def averaged_divergence(
    mean: FloatArray, log_variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the mean over latents where the KL has a sum."""
    kl, *slopes = divergence(mean, log_variance)
    d_mean, d_log_variance = (slope / mean.shape[1] for slope in slopes)
    return kl / mean.shape[1], d_mean, d_log_variance


def with_one_constant(
    mean: FloatArray, log_variance: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the KL with its −½ once, not once a latent; the derivatives do not see it."""
    kl, d_mean, d_log_variance = divergence(mean, log_variance)
    return kl + 0.5 * (mean.shape[1] - 1), d_mean, d_log_variance


def mixed(value: Nats, slope: Nats) -> Nats:
    """Return the value of one likelihood with the derivative of another: half mended."""
    return lambda x, y: (value(x, y)[0], slope(x, y)[1])


def mixed_divergence(value: Divergence, slope: Divergence) -> Divergence:
    """Return the value of one KL with the derivatives of another: half mended."""
    return lambda mean, log_variance: (
        value(mean, log_variance)[0],
        *slope(mean, log_variance)[1:],
    )


class Faults(NamedTuple):
    """What may be wrong with a VAE; the defaults are right.

    ``power`` is p in z = mean + noise · exp(p · log-variance) · eps, and ``slope`` the factor that
    its derivative takes from it. ``through`` weighs the path through the draw into the
    log-variance; ``power_back`` and ``noise_back`` replace p and ``noise`` in it. ``weight_back``
    replaces β in the gradients by the mean and by the log-variance.
    """

    nats: Nats = bernoulli
    kl: Divergence = divergence
    power: float = 0.5
    slope: float = 0.5
    power_back: float | None = None
    noise: float = 1.0
    noise_back: float = 1.0
    through: float = 1.0
    weight_back: tuple[float | None, float | None] = (None, None)


def vae(faults: Faults) -> Patient:
    """Return the VAE with these faults: eq. 12.2 and its gradients, where there are none."""

    def found(p: Parameters, x: FloatArray, eps: FloatArray, beta: float = 1.0) -> Found:
        count = len(x)
        h, mean, log_variance = encoder(p, x)
        spread = np.exp(faults.power * log_variance)
        z = mean + faults.noise * spread * eps
        g, y = decoder(p, z)
        nats, dy = faults.nats(x, y)
        kl, kl_by_mean, kl_by_log_variance = faults.kl(mean, log_variance)
        dz, of_decoder = decoder_backward(p, z, g, dy / count)
        by_mean, by_log_variance = (beta if w is None else w for w in faults.weight_back)
        d_mean = dz + by_mean * kl_by_mean / count
        power = faults.power if faults.power_back is None else faults.power_back
        by_spread = faults.noise_back * dz * np.exp(power * log_variance) * eps
        through_z = faults.through * faults.slope * by_spread
        d_log_variance = through_z + by_log_variance * kl_by_log_variance / count
        gradients = of_decoder | encoder_backward(p, x, h, d_mean, d_log_variance)
        return float((nats + beta * kl).mean()), float(kl.mean()), z, gradients

    return found


HEALTHY = vae(Faults())

PATIENTS: dict[int, Faults] = {
    1: Faults(power=1.0, slope=1.0),
    2: Faults(nats=averaged),
    3: Faults(kl=averaged_divergence),
    4: Faults(kl=with_one_constant),
    5: Faults(noise=0.01, noise_back=0.01),
    6: Faults(nats=squashed),
    7: Faults(nats=swapped),
    8: Faults(through=0.0),
    9: Faults(weight_back=(1.0, 1.0)),
}
"""What is wrong with each patient, by its number in lesson 26."""
