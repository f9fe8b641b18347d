"""Blocks: a piece of B that fits in the first-level cache is used for every row before the next.

Row by row, all of B passes by for each row of A, and a cache that is smaller than B is of no use.
How much less is fetched with blocks says eq. 17.4; how large they may be, eq. 17.5. One of 12 × 512
numbers takes 24 KB, and the smallest first-level caches in use have 32.

Dimensions: M rows (i), K steps (k), N columns (j).
"""

import numpy as np

from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array

DEEP, WIDE = 12, 512
"""Steps and columns of a block, which leaves room in the cache for pieces of A and C."""


@kernel()
def multiply(a: Array, b: Array) -> Array:
    """Return a b, (M, N), block by block of b."""
    (rows, steps), columns = a.shape, b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for top in range(0, steps, DEEP):
        for left in range(0, columns, WIDE):
            for i in range(rows):
                out = c[i, left : left + WIDE]
                for k in range(top, min(top + DEEP, steps)):
                    number, row = a[i, k], b[k, left : left + WIDE]
                    for j in range(len(out)):
                        out[j] += number * row[j]
    return c
