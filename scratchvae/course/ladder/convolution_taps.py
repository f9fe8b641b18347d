"""The convolution in NumPy: a matrix product for each tap, on the pixels that it meets.

Dimensions: as in ``convolution_loop``.
"""

import numpy as np

from scratchvae.validation import Array


def convolve(x: Array, w: Array) -> Array:
    """Return y (N, H − T + 1, W − T + 1, O) for x (N, H, W, C) and w (T, T, C, O)."""
    taps, (images, high, wide) = len(w), x.shape[:3]
    y = np.zeros((images, high - taps + 1, wide - taps + 1, w.shape[3]), x.dtype)
    for i in range(taps):
        for j in range(taps):
            y += x[:, i : i + y.shape[1], j : j + y.shape[2]] @ w[i, j]
    return y
