"""What the lessons on autoencoders write: components, thresholds, and a perfect denoiser."""

import numpy as np

from scratchvae.validation import FloatArray


def principal_components(x: FloatArray, count: int) -> tuple[FloatArray, FloatArray]:
    """Return the mean of the rows (N, I) and the first components, columns (I, count): eq. 4.6."""
    mean = x.mean(axis=0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    _, vectors = np.linalg.eigh(covariance)  # in ascending order of the eigenvalues
    return mean, vectors[:, ::-1][:, :count]


def soft_threshold(a: FloatArray, price: float) -> FloatArray:
    """Return the z at which ½ (z − a)² + price |z| is smallest, of a's shape: eq. 5.2."""
    z: FloatArray = np.sign(a) * np.maximum(np.abs(a) - price, 0)
    return z


def best_denoiser(corrupted: FloatArray, images: FloatArray, sigma: float) -> FloatArray:
    """Return the best guess of what the rows of ``corrupted`` were, (M, I): eq. 5.4.

    They were rows of ``images`` (N, I), each as likely as the other, before Gaussian noise of
    standard deviation ``sigma`` was added. No function has a smaller mean loss, eq. 5.3.
    """
    squares = ((corrupted[:, None] - images) ** 2).sum(axis=2)  # (M, N)
    exponents = -squares / (2 * sigma**2)
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    guess: FloatArray = weights / weights.sum(axis=1, keepdims=True) @ images
    return guess
