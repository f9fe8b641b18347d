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
