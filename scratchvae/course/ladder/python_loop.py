"""The lowest rung of the product: its definition, one number after the other, in Python.

Dimensions: M rows, K steps, N columns.
"""

import numpy as np

from scratchvae.validation import Array


def multiply(a: Array, b: Array) -> Array:
    """Return a b, (M, N), for a (M, K) and b (K, N): M·K·N multiply-adds, eq. 17.1."""
    rows, steps = a.shape
    columns = b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(rows):
        for j in range(columns):
            for k in range(steps):
                c[i, j] += a[i, k] * b[k, j]
    return c
