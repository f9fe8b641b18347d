"""The convolution on the register tile: strides do what a copy of the image would.

With channels last, the T·C numbers that a pixel of y needs from one row of x lie side by side, and
the next pixel of y needs those C numbers further on. So a tile's rows are neighbouring pixels of y,
its steps are the taps of one row and their channels, and its outer loop is over the rows of taps.

Dimensions: as in ``convolution_loop``; P panels of W output channels.
"""

import numpy as np

from scratchvae.course.ladder.panels import WIDTH, pack
from scratchvae.course.ladder.tile import HEIGHT, tile
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array

block = tile(HEIGHT)


@kernel()
def slide(x: Array, panels: Array, y: Array, taps: int) -> None:
    """Put the convolution into y (N, ·, ·, P·W): eq. 17.7, the strides those of eq. 17.8."""
    wide, channels = x.shape[2:]
    strides = (channels, wide * channels, WIDTH, y.shape[3])
    for n in range(len(y)):
        for row in range(y.shape[1]):
            for p in range(len(panels)):
                for column in range(0, y.shape[2], HEIGHT):
                    left = min(column, y.shape[2] - HEIGHT)
                    first = ((n * x.shape[1] + row) * wide + left) * channels
                    to = ((n * y.shape[1] + row) * y.shape[2] + left) * y.shape[3] + p * WIDTH
                    starts = (first, p * panels[0].size, to)
                    block(x, panels, y, starts, strides, (taps, taps * channels))


def convolve(x: Array, w: Array) -> Array:
    """Return y (N, H − T + 1, W − T + 1, O) for x (N, H, W, C) and w (T, T, C, O)."""
    taps, (high, wide) = len(w), (size - len(w) + 1 for size in x.shape[1:3])
    missing = max(0, HEIGHT - wide)
    wider = np.pad(x, ((0, 0), (0, 0), (0, missing), (0, 0))) if missing else x
    panels = pack(w.reshape(-1, w.shape[3]), WIDTH)
    y = np.empty((len(x), high, wide + missing, len(panels) * WIDTH), x.dtype)
    slide(wider, panels, y, taps)
    return y[:, :, :wide, : w.shape[3]]
