"""Instruments that examine a VAE from outside: each compares it with something known.

Dimensions: N images of P pixels, D latents.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.course.clinic.networks import Parameters, decoder, encoder, parameters
from scratchvae.course.clinic.patients import Patient
from scratchvae.validation import FloatArray

_PIXELS, _HIDDEN, _LATENTS, _IMAGES = 6, 4, 2, 3
_STEP = 1e-5
_REACH, _POINTS = 7.0, 141  # of the grid in the plane of two latents
_DRAWS = 12_000  # of z for each image
_COPIES, _ROUNDS = 1000, 30  # of each image, and how often


class Case(NamedTuple):
    """A small VAE's parameters, images (N, P) of zeros and ones, and noise (N, D)."""

    p: Parameters
    x: FloatArray
    eps: FloatArray


def case(seed: int = 0) -> Case:
    """Return parameters, images and noise in float64; all sizes differ.

    The encoder is fairly sure and the decoder listens, so that what happens to z matters.
    """
    rng = np.random.default_rng([26, seed])
    p = parameters(_PIXELS, _HIDDEN, _LATENTS, rng)
    p["b2"][_LATENTS:] -= 1.5
    p["w3"] *= 3
    p["w4"] *= 2
    x = (rng.random((_IMAGES, _PIXELS)) < 0.5).astype(np.float64)
    return Case(p, x, rng.standard_normal((_IMAGES, _LATENTS)))


def gradient_errors(vae: Patient, beta: float = 1.0) -> dict[str, float]:
    """Return how wrong each gradient is, relative to the largest slope of its array: eq. 2.12."""
    p, x, eps = case()
    *_, gradients = vae(p, x, eps, beta)
    errors = {}
    for name, array in p.items():
        slopes = np.empty_like(array)
        for place in np.ndindex(array.shape):
            start = array[place]
            array[place] = start + _STEP
            right = vae(p, x, eps, beta)[0]
            array[place] = start - _STEP
            slopes[place] = (right - vae(p, x, eps, beta)[0]) / (2 * _STEP)
            array[place] = start
        errors[name] = float(np.abs(gradients[name] - slopes).max() / np.abs(slopes).max())
    return errors


def spread(vae: Patient) -> float:
    """Return the standard deviation of the draws over what the encoder says it is: eq. 26.1."""
    p, x, _ = case()
    many, rng = np.repeat(x, _DRAWS, axis=0), np.random.default_rng(1)
    eps = rng.standard_normal((len(many), _LATENTS))
    _, mean, log_variance = encoder(p, many)
    z = vae(p, many, eps, 1.0)[2]
    return float(np.sqrt(((z - mean) ** 2 / np.exp(log_variance)).mean()))


def kl_error(vae: Patient) -> float:
    """Return by how many nats the KL differs from its definition: eq. 26.2.

    The mean over q is by Gauss's quadrature, which is exact for a quadratic function.
    """
    p, x, eps = case()
    _, mean, log_variance = encoder(p, x)
    nodes, weights = np.polynomial.hermite_e.hermegauss(4)
    z = mean + np.exp(log_variance / 2) * nodes[:, None, None]
    log_ratio = 0.5 * (z**2 - nodes[:, None, None] ** 2 - log_variance)  # log q(z) − log p(z)
    exact = np.tensordot(weights / weights.sum(), log_ratio, 1).sum(axis=1).mean()
    return float(vae(p, x, eps, 1.0)[1] - exact)


def coin_error(vae: Patient) -> float:
    """Return by how many nats the reconstruction of fair coins is off: eq. 26.3.

    With all weights of the last layer 0, each pixel is 1 with probability ½.
    """
    p, x, eps = case()
    fair = p | {"w4": 0 * p["w4"], "b4": 0 * p["b4"]}
    return float(vae(fair, x, eps, 0.0)[0] - _PIXELS * np.log(2))


class Gap(NamedTuple):
    """By how many nats the mean loss differs from what it should be, and its standard error."""

    nats: float
    error: float


def bound_error(vae: Patient) -> Gap:
    """Return the mean loss minus −log p(x) + KL(q ‖ posterior), which is 0: eq. 26.4."""
    p, x, _ = case()
    expected = _negative_bound(p, x)
    many, rng = np.repeat(x, _COPIES, axis=0), np.random.default_rng(2)
    losses = np.array(
        [vae(p, many, rng.standard_normal((len(many), _LATENTS)), 1.0)[0] for _ in range(_ROUNDS)]
    )
    return Gap(float(losses.mean() - expected), float(losses.std() / np.sqrt(_ROUNDS)))


def _negative_bound(p: Parameters, x: FloatArray) -> float:
    """Return the mean over images of −log p(x) + KL(q ‖ posterior), from sums over the grid."""
    axis = np.linspace(-_REACH, _REACH, _POINTS)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 1, 2)
    area = (axis[1] - axis[0]) ** 2
    _, y = decoder(p, grid[:, 0])
    log_likelihood = x @ y.T - np.logaddexp(0, y).sum(axis=1)  # (N, grid)
    log_joint = log_likelihood - 0.5 * (grid[:, 0] ** 2).sum(axis=1) - np.log(2 * np.pi)
    log_evidence = np.log(np.exp(log_joint).sum(axis=1) * area)
    log_posterior = log_joint - log_evidence[:, None]
    _, mean, log_variance = encoder(p, x)
    squares = (grid - mean) ** 2 / np.exp(log_variance) + log_variance
    log_q = (-0.5 * squares.sum(axis=2) - np.log(2 * np.pi)).T
    gap = (np.exp(log_q) * (log_q - log_posterior)).sum(axis=1) * area
    return float((gap - log_evidence).mean())
