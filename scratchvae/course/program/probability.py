"""Densities, divergences, estimates and likelihoods: what the lessons on probability write.

Everything is in nats per image: summed over the last axis, one number for each row. Dimensions: N
images of P pixels, D latents, S draws.
"""

import numpy as np

from scratchvae.validation import FloatArray


def log_normal(x: FloatArray, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return log N(x | mean, diag exp(log_variance)) of each row: eq. 6.5, summed."""
    square = (x - mean) ** 2 / np.exp(log_variance)
    density: FloatArray = -0.5 * (np.log(2 * np.pi) + log_variance + square).sum(axis=-1)
    return density


def mean_and_error(samples: FloatArray) -> tuple[float, float]:
    """Return the mean of independent samples and its standard error: eq. 6.12."""
    return float(samples.mean()), float(samples.std(ddof=1) / np.sqrt(len(samples)))


def log_mean_exp(logs: FloatArray) -> FloatArray:
    """Return log((1/S) Σ exp(logs)) over the first axis, safe from overflow: eq. 6.7."""
    largest = logs.max(axis=0)
    mean: FloatArray = largest + np.log(np.exp(logs - largest).mean(axis=0))
    return mean


def kl_to_standard(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return KL(N(mean, diag exp(log_variance)) ‖ N(0, I)) of each row: eq. 8.10."""
    kl: FloatArray = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=-1)
    return kl


def kl_gradients(mean: FloatArray, log_variance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of each row's KL by its mean and by its log-variance: eq. 8.11."""
    return mean, 0.5 * (np.exp(log_variance) - 1)


def gaussian_score(
    z: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of log N(z | mean, exp(log_variance)) by both parameters: eq. 10.5."""
    residual, precision = z - mean, np.exp(-log_variance)
    return residual * precision, 0.5 * (residual**2 * precision - 1)


def draw(mean: FloatArray, log_variance: FloatArray, eps: FloatArray) -> FloatArray:
    """Return z = mean + exp(log_variance / 2) · eps: eq. 10.7."""
    z: FloatArray = mean + np.exp(log_variance / 2) * eps
    return z


def draw_backward(
    dz: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return ∂L/∂mean and ∂L/∂log_variance through the draw: eq. 12.7."""
    return dz, 0.5 * dz * np.exp(log_variance / 2) * eps


def sampled_kl_gradients(
    mean: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the derivatives of log q(z) − log p(z) at z = draw(mean, …): eq. 10.14.

    Their mean over the noise is that of the KL; they are what estimator A of eq. 10.13 adds to the
    gradients of the reconstruction.
    """
    sigma = np.exp(log_variance / 2)
    z = mean + sigma * eps
    return z, 0.5 * (sigma * eps * z - 1)


def aggregate_log_density(z: FloatArray, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return log q(z) of M points (M, D), q being the mean of N Gaussians (N, D): eq. 13.2.

    With it the mean KL divides into information and mismatch: eq. 13.3.
    """
    return log_mean_exp(log_normal(z[None], mean[:, None], log_variance[:, None]))


def effective_number(counts: FloatArray) -> float:
    """Return the exponential of the entropy of the counts' shares: eq. 13.1."""
    shares = counts[counts > 0] / counts.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def sigmoid(y: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(−y)), which never overflows when it is written with a tanh."""
    share: FloatArray = 0.5 * (1 + np.tanh(y / 2))
    return share


class Bernoulli:
    """Each pixel is 1 with probability sigmoid(y), else 0: y are logits."""

    def nats(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return −log p(x | y) of each image: eq. 11.2."""
        each = np.maximum(y, 0) + np.log1p(np.exp(-np.abs(y))) - x * y
        nats: FloatArray = each.sum(axis=-1)
        return nats

    def gradient(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return the derivative of each image's nats by its y: eq. 11.3."""
        return sigmoid(y) - x

    def mean(self, y: FloatArray) -> FloatArray:
        """Return the mean image."""
        return sigmoid(y)

    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return an image of zeros and ones."""
        return (rng.random(y.shape) < sigmoid(y)).astype(y.dtype)


class Gaussian:
    """Each pixel is N(y, variance), one variance for all of them."""

    def __init__(self, variance: float) -> None:
        self.variance = variance

    def nats(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return −log p(x | y) of each image, without its constant: eq. 11.6."""
        nats: FloatArray = ((x - y) ** 2).sum(axis=-1) / (2 * self.variance)
        return nats

    def gradient(self, x: FloatArray, y: FloatArray) -> FloatArray:
        """Return the derivative of each image's nats by its y."""
        return (y - x) / self.variance

    def mean(self, y: FloatArray) -> FloatArray:
        """Return the mean image."""
        return y

    def sample(self, y: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Return an image with the noise of its pixels."""
        noise = rng.standard_normal(y.shape).astype(y.dtype)
        image: FloatArray = y + np.sqrt(self.variance) * noise
        return image
