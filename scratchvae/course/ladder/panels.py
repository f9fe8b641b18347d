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
    for k in range(steps):
        for p in range(len(panels)):
            row, to = b[k, p * width : (p + 1) * width], panels[p, k]
            for j in range(len(row)):
                to[j] = row[j]
    return panels


@kernel()
def multiply(a: Array, b: Array) -> Array:
    """Return a b, (M, N), panel by panel."""
    (rows, steps), panels = a.shape, pack(b, WIDTH)
    c = np.zeros((rows, len(panels) * WIDTH), a.dtype)
    for p in range(len(panels)):
        for i in range(rows):
            out = c[i, p * WIDTH : (p + 1) * WIDTH]
            for k in range(steps):
                number, row = a[i, k], panels[p, k]
                for j in range(len(out)):
                    out[j] += number * row[j]
    return c[:, : b.shape[1]]
