"""The lowest rung of the convolution: its definition, one number after the other, in Python.

Dimensions: N images of H×W pixels and C channels, T×T taps, O output channels; stride 1, no
padding.
"""

import numpy as np

from scratchvae.validation import Array


def convolve(x: Array, w: Array) -> Array:
    """Return y (N, H − T + 1, W − T + 1, O) for x (N, H, W, C) and w (T, T, C, O)."""
    images, high, wide, _ = x.shape
    taps, _, channels, outputs = w.shape
    y = np.zeros((images, high - taps + 1, wide - taps + 1, outputs), x.dtype)
    for n, row, column in np.ndindex(y.shape[:3]):
        for i in range(taps):
            for j in range(taps):
                for c in range(channels):
                    for o in range(outputs):
                        y[n, row, column, o] += x[n, row + i, column + j, c] * w[i, j, c, o]
    return y
