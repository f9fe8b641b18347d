"""A hierarchy that is not learned, and the way back: what the lesson on diffusion writes.

Dimensions: N images of P pixels, T layers. r is the signal-to-noise ratio α²/σ² of a layer.
"""

import numpy as np

from scratchvae.validation import FloatArray


def diffuse(x: FloatArray, log_snr: float, eps: FloatArray) -> FloatArray:
    """Return a draw of q(z | x) = N(α x, σ² I), with α² + σ² = 1: eq. 25.2 and eq. 25.3."""
    signal = 1 / (1 + np.exp(-log_snr))  # α²
    z: FloatArray = np.sqrt(signal) * x + np.sqrt(1 - signal) * eps
    return z


def posterior(
    z: FloatArray, x: FloatArray, log_snr_before: float, log_snr: float
) -> tuple[FloatArray, float]:
    """Return mean and variance of q(z_{t−1} | z_t, x): eq. 25.5.

    z is z_t, ``log_snr`` that of layer t, and ``log_snr_before`` that of layer t − 1.
    """
    signal_before, signal = (1 / (1 + np.exp(-ratio)) for ratio in (log_snr_before, log_snr))
    noise_before, noise = 1 - signal_before, 1 - signal
    step = np.sqrt(signal / signal_before)  # z_t is step · z_{t−1} and noise of variance added
    added = noise - step**2 * noise_before
    mean: FloatArray = step * noise_before / noise * z + np.sqrt(signal_before) * added / noise * x
    return mean, float(added * noise_before / noise)


def step_nats(eps: FloatArray, guess: FloatArray, step: float) -> FloatArray:
    """Return the KL of one step back, in nats, (N,), from the noise that was guessed: eq. 25.7.

    ``step`` is Δ, by how much the logarithm of the ratio falls.
    """
    nats: FloatArray = 0.5 * np.expm1(step) * ((eps - guess) ** 2).sum(axis=-1)
    return nats


def guessed_image(z: FloatArray, guess: FloatArray, log_snr: float) -> FloatArray:
    """Return x̂ = (z − σ ε̂) / α: eq. 25.6."""
    signal = 1 / (1 + np.exp(-log_snr))
    image: FloatArray = (z - np.sqrt(1 - signal) * guess) / np.sqrt(signal)
    return image
