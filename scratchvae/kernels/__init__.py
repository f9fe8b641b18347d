"""The hot loops. ``reference`` defines each of them in a few lines of NumPy."""

from scratchvae.kernels.reference import (
    batch_norm_backward,
    batch_norm_forward,
    channel_moments,
    convolution_forward,
    convolution_input_gradient,
    convolution_weight_gradient,
    matmul,
    matmul_transposed_left,
    matmul_transposed_right,
    transposed_convolution_forward,
    transposed_convolution_input_gradient,
    transposed_convolution_weight_gradient,
)

__all__ = [
    "batch_norm_backward",
    "batch_norm_forward",
    "channel_moments",
    "convolution_forward",
    "convolution_input_gradient",
    "convolution_weight_gradient",
    "matmul",
    "matmul_transposed_left",
    "matmul_transposed_right",
    "transposed_convolution_forward",
    "transposed_convolution_input_gradient",
    "transposed_convolution_weight_gradient",
]
