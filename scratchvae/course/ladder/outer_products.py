"""The product in NumPy: a sum of outer products, so that Python runs K times instead of M·K·N.

Dimensions: M rows, K steps, N columns.
"""

import numpy as np

from scratchvae.validation import Array


def multiply(a: Array, b: Array) -> Array:
    """Return a b, (M, N), as the sum over k of column k of a times row k of b: eq. 2.16."""
    c = np.zeros((len(a), b.shape[1]), a.dtype)
    for k in range(len(b)):
        c += a[:, k, None] * b[k]
    return c
