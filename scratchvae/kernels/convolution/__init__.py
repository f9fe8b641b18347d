"""Convolutions on the register tile."""

from scratchvae.kernels.convolution.convolution import (
    convolution_forward,
    convolution_forward_tasks,
    convolution_input_gradient,
    convolution_input_gradient_tasks,
    convolution_weight_gradient,
    convolution_weight_gradient_tasks,
    transposed_convolution_forward,
    transposed_convolution_input_gradient,
    transposed_convolution_weight_gradient,
)

__all__ = [
    "convolution_forward",
    "convolution_forward_tasks",
    "convolution_input_gradient",
    "convolution_input_gradient_tasks",
    "convolution_weight_gradient",
    "convolution_weight_gradient_tasks",
    "transposed_convolution_forward",
    "transposed_convolution_input_gradient",
    "transposed_convolution_weight_gradient",
]
