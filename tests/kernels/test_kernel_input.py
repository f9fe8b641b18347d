"""What the passes over memory refuse, whose loops look at no bounds, and what they take."""

import numpy as np
import pytest
from helpers import normal, refused

from scratchvae import kernels

SETTINGS = {"step": 1, "learning_rate": 0.1, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}
ADAM = ("value", "grad", "first", "second")


@pytest.mark.parametrize("place", [0, 2, 3])
def test_adam_step_refuses_to_change_a_copy(place):
    arrays = [np.ones((2, 3)) for _ in range(4)]
    arrays[place] = np.ones((3, 2)).T
    with refused("adam_step", ADAM[place], "C order", "not in another order"):
        kernels.adam_step(*arrays, **SETTINGS)
    arrays[place] = np.ones((2, 3))
    arrays[place].flags.writeable = False
    with refused("adam_step", ADAM[place], "writeable", "not read-only"):
        kernels.adam_step(*arrays, **SETTINGS)


def test_adam_step_reads_a_gradient_of_any_strides():
    moved = []
    for grad in (normal(3, 2).T, np.ascontiguousarray(normal(3, 2).T)):
        value, first, second = np.ones((3, 2, 3))
        kernels.adam_step(value, grad, first, second, **SETTINGS)
        moved.append(value)
    np.testing.assert_array_equal(*moved)


def test_adam_step_refuses_moments_of_another_shape():
    for place in (0, 1, 2, 3):
        arrays = [np.ones((2, 3)) for _ in range(4)]
        arrays[place] = np.ones((3, 3))
        with refused("adam_step", "(2, 3)", "(3, 3)"):
            kernels.adam_step(*arrays, **SETTINGS)


# Each array of the others' shape, (5, 7) or its 7 channels: what is put in its place is smaller or
# larger, and would be read or written beyond its end, or of another dtype.
X, CHANNELS = (5, 7), (7,)


def normalise(place):
    def call(array):
        values = [np.ones(CHANNELS) for _ in range(4)]
        values[place] = array
        return kernels.batch_norm_forward(np.ones(X), *values)

    return call


def normalise_backward(place):
    def call(array):
        arrays = [np.ones(X), np.ones(X), *(np.ones(CHANNELS) for _ in range(3))]
        arrays[place] = array
        return kernels.batch_norm_backward(*arrays, True)

    return call


PASSES = {
    "relu_backward": (lambda dy: kernels.relu_backward(dy, np.ones(X)), X),
    "elu_backward": (lambda dy: kernels.elu_backward(dy, np.ones(X)), X),
    "tanh_backward": (lambda dy: kernels.tanh_backward(dy, np.ones(X)), X),
    "sigmoid_backward": (lambda dy: kernels.sigmoid_backward(dy, np.ones(X)), X),
    "softplus_backward": (lambda dy: kernels.softplus_backward(dy, np.ones(X)), X),
    "bernoulli_cross_entropy": (lambda x: kernels.bernoulli_cross_entropy(x, np.ones(X)), X),
    "bernoulli_cross_entropy_sum": (
        lambda x: kernels.bernoulli_cross_entropy_sum(x, np.ones(X)),
        X,
    ),
    "bernoulli_gradient": (lambda x: kernels.bernoulli_gradient(x, np.ones(X)), X),
    "squared_distances": (lambda y: kernels.squared_distances(np.ones(X), y), X),
    "gaussian_gradient": (lambda mean: kernels.gaussian_gradient(np.ones(X), mean, 1.0), X),
    "batch_norm_forward, mean": (normalise(0), CHANNELS),
    "batch_norm_forward, inverse_std": (normalise(1), CHANNELS),
    "batch_norm_forward, scale": (normalise(2), CHANNELS),
    "batch_norm_forward, shift": (normalise(3), CHANNELS),
    "batch_norm_backward, dy": (normalise_backward(0), X),
    "batch_norm_backward, mean": (normalise_backward(2), CHANNELS),
    "batch_norm_backward, inverse_std": (normalise_backward(3), CHANNELS),
    "batch_norm_backward, scale": (normalise_backward(4), CHANNELS),
}


@pytest.mark.parametrize("name", PASSES)
def test_arrays_that_do_not_belong_together_are_refused(name):
    call, shape = PASSES[name]
    call(np.ones(shape))
    words = name.split(", ")
    for wrong in ((shape[0] - 2, *shape[1:]), (shape[0] + 1000, *shape[1:]), (*shape, 1)):
        with refused(*words, str(shape), str(wrong)):
            call(np.ones(wrong))
    with refused(*words, "float32", "float64"):
        call(np.ones(shape, np.float32))


ALONE = ("relu", "elu", "tanh", "sigmoid", "softplus", "sum_rows", "channel_moments")


@pytest.mark.parametrize("name", ALONE)
def test_what_is_no_array_of_floats_is_refused(name):
    for wrong, kind in ((np.ones((2, 3), int), "int64"), ([[1.0]], "list")):
        with refused(name, "float32", "float64", f"not {kind}"):
            getattr(kernels, name)(wrong)
