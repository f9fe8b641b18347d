"""Winograd's taps: transformed and packed, once for all images.

Dimensions: T×T taps, n×n positions of a grid, C channels, O outputs in P panels of W.
"""

import numpy as np

from scratchvae.course.ladder.panels import WIDTH, pack
from scratchvae.kernels.convolution.cook_toom import RESULTS, numbers, transforms
from scratchvae.validation import Array


def transformed_taps(w: Array) -> tuple[Array, Array, Array]:
    """Return panels (n, n, P, C, W) of G w Gᵀ for w (T, T, C, O), and Bᵀ and Aᵀ: eq. 17.9.

    C is rounded up to a multiple of W.
    """
    back, to_taps, to = (numbers(matrix, w) for matrix in transforms(RESULTS, len(w)))
    taps = np.tensordot(to_taps, np.tensordot(to_taps, w, (1, 1)), (1, 1))  # (n, n, C, O)
    taps = np.pad(taps, ((0, 0), (0, 0), (0, -w.shape[2] % WIDTH), (0, 0)))
    panels = pack(taps.reshape(-1, w.shape[3]), WIDTH)  # (P, n·n·C, W)
    apart = panels.reshape(-1, *taps.shape[:3], WIDTH).transpose(1, 2, 0, 3, 4)
    return np.ascontiguousarray(apart), to, back
