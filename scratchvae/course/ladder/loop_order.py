"""The same multiply-adds in another order: which index runs fastest decides what memory sees.

With j innermost, the loop runs along a row of B and a row of C: neighbours in memory, which are
loaded a whole vector at a time, and no sum waits for the one before.

Dimensions: M rows (i), K steps (k), N columns (j).
"""

import numpy as np

from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array


@kernel()
def multiply(a: Array, b: Array) -> Array:
    """Return a b, (M, N), row by row: the order i, k, j."""
    c = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            left = a[i, k]
            for j in range(b.shape[1]):
                c[i, j] += left * b[k, j]
    return c


@kernel()
def multiply_by_columns(a: Array, b: Array) -> Array:
    """Return a b, (M, N), column by column: the order j, k, i, each step a row further on."""
    c = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for j in range(b.shape[1]):
        for k in range(a.shape[1]):
            right = b[k, j]
            for i in range(a.shape[0]):
                c[i, j] += a[i, k] * right
    return c
