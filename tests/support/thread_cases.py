"""Kernels with work enough for several threads."""

import numpy as np

from scratchvae import kernels


def works():
    """Return results of the kernels that threads share, large enough that they do."""
    random = np.random.default_rng(0)
    a, b = random.standard_normal((190, 700)), random.standard_normal((700, 150))
    x = random.standard_normal((31, 12, 12, 8)).astype("f")
    w = random.standard_normal((3, 3, 8, 24)).astype("f")
    y = kernels.convolution_forward(x, w, 2, 1)
    one = random.standard_normal((3, 3, 8, 1)).astype("f")
    mean, variance = kernels.channel_moments(x)
    normalised = kernels.batch_norm_forward(x, mean, variance, mean, variance)
    return [
        kernels.matmul(a, b),
        kernels.matmul_transposed_left(a[:, :400], a[:, 500:630]),
        kernels.matmul_transposed_right(a, a[:77]),
        y,
        kernels.convolution_input_gradient(y, w, (12, 12), 2, 1),
        kernels.convolution_weight_gradient(x, y, (3, 3), 2, 1),
        kernels.convolution_forward(x, one, 1, 1),
        normalised,
        *kernels.batch_norm_backward(x, normalised, mean, variance, mean, True),
        kernels.squared_distances(x, normalised),
        kernels.bernoulli_gradient(x, normalised),
    ]
