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
    taps = np.einsum("ak,bm,kmco->abco", to_taps, to_taps, w)
    taps = np.pad(taps, ((0, 0), (0, 0), (0, -w.shape[2] % WIDTH), (0, 0)))
    panels = np.array([[pack(each, WIDTH) for each in row] for row in taps])
    return panels, to, back
