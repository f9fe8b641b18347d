"""Latents that are codes: what the lesson on discrete latents writes.

Dimensions: N images with P codes each, M = N·P vectors of D numbers, K codes in the book.
"""

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray

Codes = NDArray[np.int64]


def nearest_codes(z: FloatArray, codebook: FloatArray) -> Codes:
    """Return the number of the code nearest to each vector, (M,), for z (M, D): eq. 24.1."""
    distances = ((z[:, None] - codebook) ** 2).sum(axis=-1)  # (M, K)
    nearest: Codes = distances.argmin(axis=1)
    return nearest


def straight_through(
    dy: FloatArray, z: FloatArray, y: FloatArray, beta: float, count: int
) -> FloatArray:
    """Return dz, (M, D), from dy of the reconstruction: eq. 24.3, and the commitment of eq. 24.2.

    y are the codes' vectors, ``count`` is the number of images N that the loss is a mean over.
    """
    dz: FloatArray = dy + 2 * beta / count * (z - y)
    return dz


def codebook_gradient(z: FloatArray, codes: Codes, codebook: FloatArray, count: int) -> FloatArray:
    """Return the gradient of every code, (K, D), a sum over the vectors that it stands for.

    It is eq. 24.4; ``np.add.at`` adds once for each time that a code occurs.
    """
    gradient = np.zeros_like(codebook)
    np.add.at(gradient, codes, 2 / count * (codebook[codes] - z))
    return gradient


def code_nats(codes: Codes, logits: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return −log p of each image's codes, (N,): eq. 24.7, and its gradient (N, P, K): eq. 24.8.

    codes are (N, P), logits (N, P, K).
    """
    logits = logits - logits.max(axis=-1, keepdims=True)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    one_hot = np.eye(logits.shape[-1])[codes]
    return -(one_hot * log_p).sum(axis=(1, 2)), np.exp(log_p) - one_hot


def causal_masks(places: int, width: int, hidden: int) -> tuple[FloatArray, FloatArray]:
    """Return the masks (P·K, H) and (H, P·K) under which a place sees only earlier ones: eq. 24.10.

    Hidden unit h looks at the places up to h mod (P − 1).
    """
    place = np.repeat(np.arange(places), width)
    own = np.arange(hidden) % max(places - 1, 1)
    first, second = place[:, None] <= own, own[:, None] < place
    return first.astype(float), second.astype(float)
