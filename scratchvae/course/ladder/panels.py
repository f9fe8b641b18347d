"""Packing: B is copied into panels, so that what is used together lies together.

A panel has as many columns as two vectors, and its steps follow each other in memory: the loop over
steps reads it from one end to the other. In B itself, two steps may be pages apart.

Dimensions: M rows (i), K steps (k), N columns (j), P panels of W columns.
"""

import numpy as np

from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tile import panel_columns
from scratchvae.validation import Array

WIDTH = panel_columns(np.float32)


@kernel()
def pack(b: Array, width: int) -> Array:
    """Return b (K, N) as panels (P, K, W); columns that b does not have are 0."""
    steps, columns = b.shape
    panels = np.zeros(((columns + width - 1) // width, steps, width), b.dtype)
    for p in range(len(panels)):
        for k in range(steps):
            for j in range(min(width, columns - p * width)):
                panels[p, k, j] = b[k, p * width + j]
    return panels


@kernel()
def multiply(a: Array, b: Array) -> Array:
    """Return a b, (M, N), panel by panel."""
    (rows, steps), panels = a.shape, pack(b, WIDTH)
    c = np.zeros((rows, len(panels) * WIDTH), a.dtype)
    for p in range(len(panels)):
        for i in range(rows):
            for k in range(steps):
                number = a[i, k]
                for j in range(WIDTH):
                    c[i, p * WIDTH + j] += number * panels[p, k, j]
    return c[:, : b.shape[1]]
