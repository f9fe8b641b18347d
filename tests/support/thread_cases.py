"""Kernels with work enough for several threads."""

import numpy as np

from scratchvae.kernels import matrix_product
from scratchvae.kernels.convolution import convolution


def works():
    """Return results of every kernel that threads share, large enough that they do."""
    random = np.random.default_rng(0)
    a, b = random.standard_normal((190, 700)), random.standard_normal((700, 150))
    x = random.standard_normal((31, 12, 12, 8)).astype("f")
    w = random.standard_normal((3, 3, 8, 24)).astype("f")
    y = convolution.convolution_forward(x, w, 2, 1)
    one = random.standard_normal((3, 3, 8, 1)).astype("f")
    return [
        matrix_product.matmul(a, b),
        matrix_product.matmul_transposed_left(a[:, :400], a[:, 500:630]),
        matrix_product.matmul_transposed_right(a, a[:77]),
        y,
        convolution.convolution_input_gradient(y, w, (12, 12), 2, 1),
        convolution.convolution_weight_gradient(x, y, (3, 3), 2, 1),
        convolution.convolution_forward(x, one, 1, 1),
    ]
