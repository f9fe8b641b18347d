"""Tasks of passes over memory, held to the bit to the public functions of what they compute."""

import kernel_cases
import numpy as np
import pytest
from pass_cases import (
    ALPHA,
    DTYPES,
    activate,
    activate_backward,
)

from scratchvae import kernels
from scratchvae.kernels.passes import bernoulli
from scratchvae.kernels.passes.activation import (
    FORWARD,
    activation_backward_tasks,
    activation_tasks,
)
from scratchvae.kernels.passes.adam import ADAM_FACTORS, adam_factors, adam_tasks
from scratchvae.kernels.passes.batch_norm import batch_norm_forward_tasks
from scratchvae.kernels.passes.batch_norm_gradients import batch_norm_backward_tasks
from scratchvae.kernels.passes.bias import (
    activation_backward_bias_tasks,
    bias_activation_tasks,
    sum_rows_tasks,
)
from scratchvae.kernels.passes.gaussian import gaussian_gradient_tasks, squared_distances_tasks

# Several lines and a rest, several blocks in float64, and channels that fill no vector.
SHAPES = [(6, 300), (30, 7, 7, 16), (11, 5, 3)]
each_shape = pytest.mark.parametrize("shape", SHAPES)
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_activation = pytest.mark.parametrize("activation", tuple(FORWARD))


def arrays_of(dtype, *shapes):
    return [np.zeros(shape, dtype) for shape in shapes]


@each_shape
@each_dtype
@each_activation
def test_activation_tasks_give_the_bits_of_the_activations(activation, dtype, shape):
    x, dy, y, out = arrays_of(dtype, shape, shape, shape, shape)
    kernel_cases.check_tasks(
        lambda resources: activation_tasks(resources, x, out, activation, ALPHA),
        [x],
        [out],
        lambda: (activate(kernels, activation, x),),
    )
    kernel_cases.check_tasks(
        lambda resources: activation_backward_tasks(resources, dy, y, out, activation, ALPHA),
        [dy, y],
        [out],
        lambda: (activate_backward(kernels, activation, dy, y),),
    )
    # In place.
    kernel_cases.check_tasks(
        lambda resources: activation_tasks(resources, x, x, activation, ALPHA),
        [],
        [x],
        lambda: (activate(kernels, activation, x),),
    )
    kernel_cases.check_tasks(
        lambda resources: activation_backward_tasks(resources, dy, y, dy, activation, ALPHA),
        [y],
        [dy],
        lambda: (activate_backward(kernels, activation, dy, y),),
    )


@each_shape
@each_dtype
@each_activation
def test_bias_activation_tasks_give_the_bits_of_both(activation, dtype, shape):
    y, bias = arrays_of(dtype, shape, shape[-1])
    kernel_cases.check_tasks(
        lambda resources: bias_activation_tasks(resources, y, bias, activation, ALPHA),
        [bias],
        [y],
        lambda: (activate(kernels, activation, y + bias),),
    )


@each_shape
@each_dtype
@each_activation
def test_activation_backward_bias_tasks_give_the_bits_of_both(activation, dtype, shape):
    dy, y, out, bias_grad = arrays_of(dtype, shape, shape, shape, shape[-1])
    if activation == "identity":
        out = dy

    def compute():
        dx = activate_backward(kernels, activation, dy, y)
        total = bias_grad.copy()
        kernel_cases.run_built(sum_rows_tasks, dx, total)
        return dx, total

    kernel_cases.check_tasks(
        lambda resources: activation_backward_bias_tasks(
            resources, dy, y, out, bias_grad, activation, ALPHA
        ),
        [dy, y],
        [out, bias_grad],
        compute,
    )


@each_shape
@each_dtype
@each_activation
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_batch_norm_tasks_give_the_bits_of_both(training, biased, activation, dtype, shape):
    channels, momentum, epsilon = shape[-1], 0.25, 0.5
    x, dy, y, out = arrays_of(dtype, *[shape] * 4)
    bias, scale, shift, running_mean, running_variance, mean, inverse_std = arrays_of(
        dtype, *[channels] * 7
    )
    count = x.size // channels

    def forward():
        new_mean, new_variance = running_mean.copy(), running_variance.copy()
        mu, variance = new_mean - bias if biased else new_mean, new_variance
        if training:
            mu, variance = kernels.channel_moments(x)
            new_mean += momentum * ((mu + bias if biased else mu) - new_mean)
            new_variance += momentum * (variance * (count / (count - 1)) - new_variance)
        found = 1 / np.sqrt(variance + dtype(epsilon))
        normalised = kernels.batch_norm_forward(x, mu, found, scale, shift)
        return mu, found, new_mean, new_variance, activate(kernels, activation, normalised)

    kernel_cases.check_tasks(
        lambda resources: batch_norm_forward_tasks(
            *(resources, x, bias if biased else None, scale, shift),
            *(running_mean, running_variance, mean, inverse_std, out),
            training=training,
            momentum=momentum,
            epsilon=epsilon,
            activation=activation,
            alpha=ALPHA,
        ),
        [x, bias, scale, shift],
        [mean, inverse_std, running_mean, running_variance, out],
        forward,
        positive=(running_variance,),
    )

    scale_grad, shift_grad, bias_grad = arrays_of(dtype, *[channels] * 3)

    def backward():
        upstream = activate_backward(kernels, activation, dy, y)
        dx, d_scale, d_shift = kernels.batch_norm_backward(
            upstream, x, mean, inverse_std, scale, training
        )
        total = bias_grad.copy()
        if biased:
            kernel_cases.run_built(sum_rows_tasks, dx, total)
        return dx, scale_grad + d_scale, shift_grad + d_shift, total

    kernel_cases.check_tasks(
        lambda resources: batch_norm_backward_tasks(
            *(resources, dy, x, y, mean, inverse_std, scale, scale_grad, shift_grad),
            *(bias_grad if biased else None, out),
            training=training,
            activation=activation,
            alpha=ALPHA,
        ),
        [dy, x, y, mean, inverse_std, scale],
        [out, scale_grad, shift_grad, bias_grad],
        backward,
    )


@each_shape
@each_dtype
def test_likelihood_tasks_give_the_bits_of_the_likelihoods(dtype, shape):
    x, y, out, distances = arrays_of(dtype, shape, shape, shape, shape[0])
    for name in ("bernoulli_cross_entropy", "bernoulli_gradient"):
        kernel_cases.check_tasks(
            lambda resources, name=name: getattr(bernoulli, f"{name}_tasks")(resources, x, y, out),
            [x, y],
            [out],
            lambda name=name: (getattr(kernels, name)(x, y),),
        )
    kernel_cases.check_tasks(
        lambda resources: squared_distances_tasks(resources, x, y, distances),
        [x, y],
        [distances],
        lambda: (kernels.squared_distances(x, y),),
    )
    kernel_cases.check_tasks(
        lambda resources: gaussian_gradient_tasks(resources, x, y, out, 0.3),
        [x, y],
        [out],
        lambda: (kernels.gaussian_gradient(x, y, 0.3),),
    )


@each_shape
@each_dtype
def test_adam_tasks_give_the_bits_of_adam_step(dtype, shape):
    arrays = value, grad, first, second = arrays_of(dtype, *[shape] * 4)
    factors, steps = np.empty(ADAM_FACTORS, dtype), iter((1, 7, 8))
    settings = {"learning_rate": 0.01, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}

    def compute():
        step, copies = next(steps), [array.copy() for array in arrays]
        kernels.adam_step(*copies, step=step, **settings)
        adam_factors(factors, step=step, **settings)
        return copies[0], copies[2], copies[3]

    kernel_cases.check_tasks(
        lambda resources: adam_tasks(resources, *arrays, factors),
        [grad],
        [value, first, second],
        compute,
        positive=(second,),
    )
