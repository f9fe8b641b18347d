"""A VAE's latents, and its likelihoods' sums, held to their definitions in NumPy."""

import kernel_cases
import numpy as np
import pytest
from helpers import refused
from hypothesis import given
from hypothesis import strategies as st
from pass_cases import DTYPES, assert_close, draw

from scratchvae import kernels
from scratchvae.kernels import reference
from scratchvae.kernels.passes.bernoulli import (
    bernoulli_cross_entropy_sum_tasks,
    bernoulli_gradient_tasks,
)
from scratchvae.kernels.passes.latents import latents_backward_tasks, latents_forward_tasks

sizes = st.tuples(st.integers(0, 9), st.integers(0, 40))
floors = st.sampled_from([None, 1e-8, 0.3])
each_dtype = pytest.mark.parametrize("dtype", DTYPES)
each_floor = pytest.mark.parametrize("floor", [None, 1e-8])


def drawn(images, latents, dtype, seed=0):
    """Return hidden, eps and dz."""
    return (
        draw(seed, (images, 2 * latents), dtype, spread=2.0),
        draw(seed + 1, (images, latents), dtype, spread=1.0),
        draw(seed + 2, (images, latents), dtype, spread=1.0),
    )


@given(sizes, st.sampled_from(DTYPES), floors, st.floats(0, 3))
def test_latents_are_as_defined(size, dtype, floor, kl_weight):
    hidden, eps, dz = drawn(*size, dtype)
    found = kernels.latents_forward(hidden, eps, floor)
    for array, expected in zip(found, reference.latents_forward(hidden, eps, floor), strict=True):
        assert_close(array, expected)
    arrays = (dz, hidden, found[0], eps, kl_weight, floor)
    assert_close(kernels.latents_backward(*arrays), reference.latents_backward(*arrays), scale=4)


@each_floor
def test_latents_take_any_strides_and_read_only_arrays(floor):
    hidden, eps, dz = drawn(6, 5, np.float32)
    forward = kernels.latents_forward(hidden, eps, floor)
    backward = kernels.latents_backward(dz, hidden, forward[0], eps, 0.5, floor)
    scattered = [np.repeat(array, 2, axis=1)[:, ::2] for array in (hidden, eps, dz, forward[0])]
    for array in scattered:
        array.flags.writeable = False
    hidden, eps, dz, log_variance = scattered
    found = kernels.latents_backward(dz, hidden, log_variance, eps, 0.5, floor)
    np.testing.assert_array_equal(found, backward, strict=True)
    for array, expected in zip(kernels.latents_forward(hidden, eps, floor), forward, strict=True):
        np.testing.assert_array_equal(array, expected, strict=True)


@each_dtype
def test_small_kls_keep_their_digits_and_large_ones_overflow(dtype):
    hidden = np.array([[0, 1e-3], [1e-4, 0], [0, 2000], [0, np.nan], [0, -1e4]], dtype)
    _, z, kl = kernels.latents_forward(hidden, np.ones((5, 1), dtype))
    # ½ m² + ¼ l², but for the third power of l.
    np.testing.assert_allclose(kl[:2], [0.25e-6, 0.5e-8], rtol=1e-3)
    assert (kl[2], z[2, 0]) == (np.inf, np.inf)
    assert np.isnan([kl[3], z[3, 0]]).all()
    assert kl[4] == pytest.approx(4999.5)


@each_dtype
@each_floor
def test_tasks_give_the_bits_of_the_functions_in_any_number_of_chunks(floor, dtype):
    hidden, eps, dz = (np.zeros(shape, dtype) for shape in ((7, 6), (7, 3), (7, 3)))
    log_variance, z, d_hidden = np.zeros_like(eps), np.zeros_like(eps), np.zeros_like(hidden)
    kl, weight = np.zeros(7, dtype), np.zeros(1, dtype)
    kernel_cases.check_tasks(
        lambda resources: latents_forward_tasks(resources, hidden, eps, log_variance, z, kl, floor),
        [hidden, eps],
        [log_variance, z, kl],
        lambda: kernels.latents_forward(hidden, eps, floor),
    )
    kernel_cases.check_tasks(
        lambda resources: latents_backward_tasks(
            resources, dz, hidden, log_variance, eps, weight, d_hidden, floor
        ),
        [dz, hidden, log_variance, eps, weight],
        [d_hidden],
        lambda: (kernels.latents_backward(dz, hidden, log_variance, eps, float(weight[0]), floor),),
    )


@pytest.mark.parametrize("name", ["eps", "dz", "log_variance", "hidden"])
def test_latents_that_do_not_belong_together_are_refused(name):
    hidden, eps, dz = drawn(4, 3, np.float64)
    arrays = {"dz": dz, "hidden": hidden, "log_variance": eps.copy(), "eps": eps}
    kernels.latents_backward(**arrays, kl_weight=1.0)
    right = arrays[name]
    for wrong in (right[:2], right[:, :2], np.repeat(right, 2, axis=0)):
        with refused("hidden" if name == "eps" else name, "of latents_backward", "shape"):
            kernels.latents_backward(**(arrays | {name: wrong}), kl_weight=1.0)
    with refused("latents_backward", "float32", "float64"):
        kernels.latents_backward(**(arrays | {name: right.astype(np.float32)}), kl_weight=1.0)
    with refused("latents_forward", "(N, D)", "(4, 3, 1)"):
        kernels.latents_forward(hidden, eps[..., None])


@given(sizes, st.sampled_from(DTYPES), st.floats(0.1, 3))
def test_bernoulli_sums_and_weights_are_as_defined(size, dtype, weight):
    x, logits = draw(0, size, dtype) > 0, draw(1, size, dtype, spread=8.0)
    x = x.astype(dtype)
    arrays = (np.asfortranarray(x), np.asfortranarray(logits))
    expected = reference.bernoulli_cross_entropy_sum(x, logits)
    assert_close(kernels.bernoulli_cross_entropy_sum(*arrays), expected)
    expected = reference.bernoulli_gradient(x, logits, weight)
    assert_close(kernels.bernoulli_gradient(*arrays, weight), expected)


@each_dtype
def test_bernoulli_tasks_give_the_bits_of_the_functions(dtype):
    x, logits, out = (np.zeros((7, 131), dtype) for _ in range(3))
    sums = np.zeros(7, dtype)
    kernel_cases.check_tasks(
        lambda resources: bernoulli_cross_entropy_sum_tasks(resources, x, logits, sums),
        [x, logits],
        [sums],
        lambda: (kernels.bernoulli_cross_entropy_sum(x, logits),),
    )
    kernel_cases.check_tasks(
        lambda resources: bernoulli_gradient_tasks(resources, x, logits, out, 0.3),
        [x, logits],
        [out],
        lambda: (kernels.bernoulli_gradient(x, logits, 0.3),),
    )
