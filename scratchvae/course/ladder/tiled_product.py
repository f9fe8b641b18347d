"""The product on the register tile: packed panels, and tiles of full height.

The last tile of a panel overlaps the one before, where the height does not divide the rows: those
rows are computed twice, and come out the same.

Dimensions: M rows, K steps, N columns, P panels of W columns.
"""

import numpy as np

from scratchvae.course.ladder.panels import WIDTH, pack
from scratchvae.course.ladder.tile import HEIGHT, tile
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array

block = tile(HEIGHT)


@kernel()
def fill(a: Array, panels: Array, c: Array) -> None:
    """Put a (M, K) times panels (P, K, W) into c (M, P·W), with M at least the tile's height."""
    rows, steps = a.shape
    for p in range(len(panels)):
        for i in range(0, rows, HEIGHT):
            top = min(i, rows - HEIGHT)
            starts = (top * steps, p * steps * WIDTH, top * c.shape[1] + p * WIDTH)
            block(a, panels, c, starts, (steps, 0, WIDTH, c.shape[1]), (1, steps))


def multiply(a: Array, b: Array) -> Array:
    """Return a b, (M, N)."""
    missing = max(0, HEIGHT - len(a))
    tall = np.pad(a, ((0, missing), (0, 0))) if missing else a
    panels = pack(b, WIDTH)
    c = np.empty((len(tall), len(panels) * WIDTH), a.dtype)
    fill(tall, panels, c)
    return c[: len(a), : b.shape[1]]
