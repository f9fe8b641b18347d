"""What the passes over memory refuse, whose loops look at no bounds, and what they take."""

import numpy as np
import pytest
from helpers import normal, refused

from scratchvae import kernels

SETTINGS = {"step": 1, "learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}


@pytest.mark.parametrize("place", [0, 2, 3])
def test_adam_refuses_to_change_a_copy(place):
    arrays = [np.ones((2, 3)) for _ in range(4)]
    arrays[place] = np.ones((3, 2)).T
    with refused("adam_step", ("value", "grad", "first", "second")[place], "C order"):
        kernels.adam_step(*arrays, **SETTINGS)


def test_adam_reads_a_gradient_of_any_strides():
    moved = []
    for grad in (normal(3, 2).T, np.ascontiguousarray(normal(3, 2).T)):
        value, first, second = np.ones((3, 2, 3))
        kernels.adam_step(value, grad, first, second, **SETTINGS)
        moved.append(value)
    np.testing.assert_array_equal(*moved)


def test_adam_refuses_moments_of_another_shape():
    for place in (0, 1, 2, 3):
        arrays = [np.ones((2, 3)) for _ in range(4)]
        arrays[place] = np.ones((3, 3))
        with refused("adam_step", "(2, 3)", "(3, 3)"):
            kernels.adam_step(*arrays, **SETTINGS)


@pytest.mark.parametrize("kind", ["identity", *kernels.FUSED])
def test_a_bias_is_added_in_place_whatever_the_strides(kind):
    bias = normal(3, seed=1)
    for strided in (normal(4, 6)[:, ::2], normal(3, 4).T):
        expected = kernels.add_bias(strided.copy(order="C"), bias, kind, 0.75)
        assert kernels.add_bias(strided, bias, kind, 0.75) is strided
        np.testing.assert_array_equal(strided, expected)


# Each array of the others' shape, (5, 7) or its 7 channels: what is put in its place is smaller or
# larger, and was read or written beyond its end.
X, CHANNELS = (5, 7), (7,)
PASSES = {
    "activation_backward": (lambda dy: kernels.activation_backward("tanh", dy, np.ones(X)), X),
    "bernoulli_cross_entropy": (lambda x: kernels.bernoulli_cross_entropy(x, np.ones(X)), X),
    "bernoulli_gradient": (lambda x: kernels.bernoulli_gradient(x, np.ones(X)), X),
    "squared_distances": (lambda y: kernels.squared_distances(np.ones(X), y), X),
    "gaussian_gradient": (lambda mean: kernels.gaussian_gradient(np.ones(X), mean, 1.0), X),
    "add_bias": (lambda bias: kernels.add_bias(np.ones(X), bias), CHANNELS),
    "sum_rows": (lambda out: kernels.sum_rows(np.ones(X), out), CHANNELS),
    "activation_backward_and_sum": (lambda total: both(np.ones(X), total), CHANNELS),
    "activation_backward_and_sum, dy": (lambda dy: both(dy, np.ones(CHANNELS)), X),
    "batch_norm_forward": (lambda mean: normalise(0, mean), CHANNELS),
    "batch_norm_forward, deviation": (lambda deviation: normalise(1, deviation), CHANNELS),
    "batch_norm_forward, scale": (lambda scale: normalise(2, scale), CHANNELS),
    "batch_norm_forward, shift": (lambda shift: normalise(3, shift), CHANNELS),
    "batch_norm_backward": (lambda dy: pull_back(0, dy), X),
    "batch_norm_backward, mean": (lambda mean: pull_back(2, mean), CHANNELS),
    "batch_norm_backward, deviation": (lambda deviation: pull_back(3, deviation), CHANNELS),
    "batch_norm_backward, scale": (lambda scale: pull_back(4, scale), CHANNELS),
    "batch_norm_backward, y": (lambda y: pull_back(0, np.ones(X), kind="elu", y=y), X),
    "batch_norm_backward, total": (lambda total: pull_back(0, np.ones(X), total=total), CHANNELS),
}


def both(dy, total):
    return kernels.activation_backward_and_sum("elu", dy, np.ones(X), total)


def normalise(place, array):
    values = [np.ones(CHANNELS) for _ in range(4)]
    values[place] = array
    return kernels.batch_norm_forward(np.ones(X), *values)


def pull_back(place, array, **options):
    arrays = [np.ones(X), np.ones(X), *(np.ones(CHANNELS) for _ in range(3))]
    arrays[place] = array
    return kernels.batch_norm_backward(*arrays, True, **options)


@pytest.mark.parametrize("name", PASSES)
def test_arrays_that_do_not_belong_together_are_refused(name):
    call, shape = PASSES[name]
    call(np.ones(shape))
    for wrong in ((shape[0] - 2, *shape[1:]), (shape[0] + 1000, *shape[1:]), (*shape, 1)):
        with refused(name.split(",")[0], f"of shape {shape}, got {wrong}"):
            call(np.ones(wrong))
