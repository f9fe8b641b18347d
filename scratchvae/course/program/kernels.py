"""Two ways to compute the same with less: a product in blocks, and fewer multiplications.

Dimensions: M rows, K steps, N columns of a product; 4 numbers of a signal, 3 taps, 2 results.
"""

import numpy as np

from scratchvae.validation import FloatArray


def blocked_product(a: FloatArray, b: FloatArray, size: int) -> FloatArray:
    """Return a b, (M, N), from blocks of at most size × size numbers: eq. 17.4."""
    (rows, steps), columns = a.shape, b.shape[1]
    c = np.zeros((rows, columns), a.dtype)
    for i in range(0, rows, size):
        for j in range(0, columns, size):
            for k in range(0, steps, size):
                left, right = a[i : i + size, k : k + size], b[k : k + size, j : j + size]
                c[i : i + size, j : j + size] += left @ right
    return c


def short_convolution(x: FloatArray, w: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return four products and the two results they add up to, (…, 4) and (…, 2): eq. 17.9.

    x is (…, 4) and w (…, 3); results are y_i = Σ_k x_{i+k} w_k.
    """
    x0, x1, x2, x3 = np.moveaxis(x, -1, 0)
    w0, w1, w2 = np.moveaxis(w, -1, 0)
    products = [
        (x0 - x2) * w0,
        (x1 + x2) * (w0 + w1 + w2) / 2,
        (x2 - x1) * (w0 - w1 + w2) / 2,
        (x3 - x1) * w2,
    ]
    m0, m1, m2, m3 = products
    return np.stack(products, axis=-1), np.stack([m0 + m1 + m2, m1 - m2 + m3], axis=-1)
