"""The hot loops. ``reference`` defines each of them in a few lines of NumPy.

A kernel has the reference's name and takes its arguments in their order. Where it returns an array
it takes ``out`` besides, where to put the result, and some take ``accumulate``, to add to it.
"""

from scratchvae.kernels.convolution.convolution import (
    convolution_forward,
    convolution_input_gradient,
    convolution_weight_gradient,
)
from scratchvae.kernels.convolution.transposed import (
    transposed_convolution_forward,
    transposed_convolution_input_gradient,
    transposed_convolution_weight_gradient,
)
from scratchvae.kernels.machine.threads import get_threads, set_threads
from scratchvae.kernels.matrix_product import (
    matmul,
    matmul_transposed_left,
    matmul_transposed_right,
)
from scratchvae.kernels.passes.activation import activation_backward, activation_forward
from scratchvae.kernels.passes.adam import adam_step
from scratchvae.kernels.passes.batch_norm import (
    batch_norm_backward,
    batch_norm_forward,
    channel_moments,
)
from scratchvae.kernels.passes.bernoulli import bernoulli_cross_entropy, bernoulli_gradient
from scratchvae.kernels.passes.bias import (
    FUSED,
    activation_backward_and_sum,
    add_bias,
    sum_rows,
)
from scratchvae.kernels.passes.gaussian import gaussian_gradient, squared_distances

__all__ = [
    "FUSED",
    "activation_backward",
    "activation_backward_and_sum",
    "activation_forward",
    "adam_step",
    "add_bias",
    "batch_norm_backward",
    "batch_norm_forward",
    "bernoulli_cross_entropy",
    "bernoulli_gradient",
    "channel_moments",
    "convolution_forward",
    "convolution_input_gradient",
    "convolution_weight_gradient",
    "gaussian_gradient",
    "get_threads",
    "matmul",
    "matmul_transposed_left",
    "matmul_transposed_right",
    "set_threads",
    "squared_distances",
    "sum_rows",
    "transposed_convolution_forward",
    "transposed_convolution_input_gradient",
    "transposed_convolution_weight_gradient",
]
