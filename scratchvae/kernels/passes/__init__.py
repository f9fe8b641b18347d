"""Kernels that are a pass or two over memory."""

from scratchvae.kernels.passes.activation import (
    ACTIVATIONS,
    activation_backward_tasks,
    activation_tasks,
    elu,
    elu_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softplus,
    softplus_backward,
    tanh,
    tanh_backward,
)
from scratchvae.kernels.passes.adam import ADAM_FACTORS, adam_factors, adam_step, adam_tasks
from scratchvae.kernels.passes.batch_norm import (
    batch_norm_backward,
    batch_norm_backward_tasks,
    batch_norm_forward,
    batch_norm_forward_tasks,
    channel_moments,
)
from scratchvae.kernels.passes.bernoulli import (
    bernoulli_cross_entropy,
    bernoulli_cross_entropy_tasks,
    bernoulli_gradient,
    bernoulli_gradient_tasks,
)
from scratchvae.kernels.passes.bias import (
    activation_backward_bias_tasks,
    bias_activation_tasks,
    sum_rows,
    sum_rows_tasks,
)
from scratchvae.kernels.passes.gaussian import (
    gaussian_gradient,
    gaussian_gradient_tasks,
    squared_distances,
    squared_distances_tasks,
)

__all__ = [
    "ACTIVATIONS",
    "ADAM_FACTORS",
    "activation_backward_bias_tasks",
    "activation_backward_tasks",
    "activation_tasks",
    "adam_factors",
    "adam_step",
    "adam_tasks",
    "batch_norm_backward",
    "batch_norm_backward_tasks",
    "batch_norm_forward",
    "batch_norm_forward_tasks",
    "bernoulli_cross_entropy",
    "bernoulli_cross_entropy_tasks",
    "bernoulli_gradient",
    "bernoulli_gradient_tasks",
    "bias_activation_tasks",
    "channel_moments",
    "elu",
    "elu_backward",
    "gaussian_gradient",
    "gaussian_gradient_tasks",
    "relu",
    "relu_backward",
    "sigmoid",
    "sigmoid_backward",
    "softplus",
    "softplus_backward",
    "squared_distances",
    "squared_distances_tasks",
    "sum_rows",
    "sum_rows_tasks",
    "tanh",
    "tanh_backward",
]
