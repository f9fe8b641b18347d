"""The kernels that make a pass or two over memory, held to their definitions in NumPy."""

import kernel_cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pass_cases import (
    ACTIVATIONS,
    ALPHA,
    DTYPES,
    activate,
    activate_backward,
    assert_close,
    channel_shapes,
    draw,
    shapes,
)

from scratchvae import kernels
from scratchvae.kernels import reference
from scratchvae.kernels.machine import exponential
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Resources
from scratchvae.kernels.machine.threads import set_threads
from scratchvae.kernels.passes.activation import (
    FORWARD,
)
from scratchvae.kernels.passes.batch_norm_gradients import batch_norm_backward_tasks
from scratchvae.kernels.passes.bias import (
    activation_backward_bias_tasks,
    bias_activation_tasks,
)
from scratchvae.kernels.passes.gaussian import squared_distances_tasks


@given(shapes, st.sampled_from(ACTIVATIONS), st.sampled_from(DTYPES), st.floats(0.1, 3))
def test_activations_are_as_defined(shape, activation, dtype, alpha):
    x, dy = draw(0, shape, dtype), draw(1, shape, dtype)
    alpha = float(np.float32(alpha))
    y = activate(kernels, activation, x, alpha)
    assert_close(y, activate(reference, activation, x, alpha))
    dx = activate_backward(kernels, activation, dy, y, alpha)
    assert_close(dx, activate_backward(reference, activation, dy, y, alpha))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_at_the_ends(activation, dtype):
    x = np.array([-1e4, -90, -1e-6, 0, 1e-6, 90, 1e4], dtype)
    y = getattr(kernels, activation)(x)
    expected = getattr(reference, activation)(x.astype(np.float64))
    # Relative, for the ends are large: softplus(1e4) is 1e4 and sigmoid(-1e4) is 0.
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-37)
    assert np.isnan(getattr(kernels, activation)(np.array([np.nan], dtype))).all()


def test_activations_take_any_strides_and_read_only_arrays():
    x = draw(0, (6, 10), np.float32)
    x.flags.writeable = False
    expected = np.ascontiguousarray(kernels.tanh(x)[:, ::2])
    np.testing.assert_array_equal(kernels.tanh(x[:, ::2]), expected, strict=True)
    expected = np.ascontiguousarray(kernels.tanh_backward(x, x)[:, ::2])
    found = kernels.tanh_backward(x[:, ::2], x[:, ::2])
    np.testing.assert_array_equal(found, expected, strict=True)


@given(shapes, st.sampled_from(DTYPES))
def test_bernoulli_is_as_defined(shape, dtype):
    x = np.random.default_rng(9).random(shape).astype(dtype)
    logits = draw(10, shape, dtype, spread=8)
    assert_close(
        kernels.bernoulli_cross_entropy(x, logits), reference.bernoulli_cross_entropy(x, logits)
    )
    assert_close(kernels.bernoulli_gradient(x, logits), reference.bernoulli_gradient(x, logits))


@given(shapes, st.sampled_from(DTYPES), st.floats(0.1, 3))
def test_the_gaussian_is_as_defined(shape, dtype, variance):
    x, mean = draw(0, shape, dtype), draw(1, shape, dtype)
    assert_close(kernels.squared_distances(x, mean), reference.squared_distances(x, mean))
    assert_close(
        kernels.gaussian_gradient(x, mean, variance),
        reference.gaussian_gradient(x, mean, variance),
    )


@pytest.mark.parametrize("pixels", [1, 63, 64, 65, 784])
def test_a_distance_sums_every_pixel(pixels):
    # In float64, to tell the rounding of a sum from a pixel left out.
    x, y = draw(0, (3, pixels), np.float64), draw(1, (3, pixels), np.float64)
    assert_close(kernels.squared_distances(x, y), reference.squared_distances(x, y))


def test_each_chunk_sums_its_squared_distances_in_scratch_memory_of_its_own():
    # Two threads that share memory seldom meet within a test: so here the chunks run one after the
    # other, each in memory in which it leaves traces.
    x, y = draw(0, (7, 100), np.float64), draw(1, (7, 100), np.float64)
    out, chunks, used = np.empty(7), 3, []
    (task,) = squared_distances_tasks(Resources(chunks, Memory()), x, y, out)
    scratch = task.arguments[2]
    for chunk in range(chunks):
        scratch[:] = np.nan
        task.kernel(chunk, chunks, *task.arguments)
        used.append(set(np.flatnonzero(~np.isnan(scratch))))
    assert_close(out, reference.squared_distances(x, y))
    assert all(used)
    assert len(set.union(*used)) == sum(map(len, used))


@given(st.integers(1, 50), st.sampled_from(DTYPES), st.integers(1, 30))
def test_adam_is_as_defined(size, dtype, step):
    ours = [draw(seed, size, dtype) for seed in range(3)]
    ours.append(np.abs(draw(3, size, dtype)))
    theirs = [array.astype(np.float64) for array in ours]
    settings = {
        "step": step,
        "learning_rate": 1e-2,
        "beta_1": 0.9,
        "beta_2": 0.999,
        "epsilon": 1e-8,
    }
    kernels.adam_step(*ours, **settings)
    reference.adam_step(*theirs, **settings)
    for found, expected in zip(ours, theirs, strict=True):
        assert_close(found, expected.astype(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_exponential_and_its_relatives_to_the_last_digits(dtype):
    @kernel()
    def fill(x, results):
        for i in range(x.size):
            results[0, i] = exponential.exp(x[i])
            results[1, i] = exponential.expm1(x[i])
            results[2, i] = exponential.log1p_of_share(exponential.exp(-abs(x[i])))

    small = np.geomspace(1e-30, 1, 500)
    x = np.concatenate([np.linspace(-80, 80, 4000), small, -small]).astype(dtype)
    results = np.empty((3, x.size), dtype)
    fill(x, results)
    wide = x.astype(np.longdouble)
    expected = [np.exp(wide), np.expm1(wide), np.log1p(np.exp(-np.abs(wide)))]
    for found, exact in zip(results, expected, strict=True):
        # The third takes its argument from the first: the errors of both, and a unit more.
        assert np.abs(found / exact - 1).max() < 4 * np.finfo(dtype).eps


@pytest.mark.large
def test_the_bits_do_not_depend_on_the_number_of_threads():
    x, dy = draw(0, (40, 28, 28, 32), np.float32), draw(1, (40, 28, 28, 32), np.float32)
    scale, shift = draw(2, 32, np.float32), draw(3, 32, np.float32)

    def run():
        mean, variance = kernels.channel_moments(x)
        y = kernels.batch_norm_forward(x, mean, variance, scale, shift)
        bias_grad, dx, fused = np.zeros(32, np.float32), np.empty_like(x), x.copy()
        gradients = [np.zeros(32, np.float32) for _ in range(3)]
        arrays = (dy, x, y, mean, variance, scale, *gradients, dx)
        kernel_cases.run_built(batch_norm_backward_tasks, *arrays, training=True, activation="elu")
        kernel_cases.run_built(bias_activation_tasks, fused, shift, "elu")
        backward = np.empty_like(x)
        arrays = (dy, fused, backward, bias_grad)
        kernel_cases.run_built(activation_backward_bias_tasks, *arrays, "elu")
        return [
            mean,
            variance,
            y,
            dx,
            *gradients,
            fused,
            backward,
            bias_grad,
            kernels.sum_rows(dy),
            *kernels.batch_norm_backward(dy, x, mean, variance, scale, True),
            kernels.elu(x),
            kernels.squared_distances(x, dy),
        ]

    try:
        set_threads(1)
        alone = run()
        set_threads(2)
        for one, two in zip(alone, run(), strict=True):
            np.testing.assert_array_equal(one, two)
    finally:
        set_threads(None)


@given(
    channel_shapes,
    st.sampled_from(tuple(FORWARD)),
    st.sampled_from(DTYPES),
    st.booleans(),
)
def test_fused_activations_are_as_defined(shape, activation, dtype, training):
    x, dy = draw(11, shape, dtype), draw(12, shape, dtype)
    bias, scale = draw(13, shape[-1:], dtype), draw(14, shape[-1:], dtype)
    y = x.copy()
    kernel_cases.run_built(bias_activation_tasks, y, bias, activation, ALPHA)
    assert_close(y, activate(reference, activation, x + bias))

    dx, bias_grad = dy.copy(), bias.copy()
    arrays = (dy, y, dx, bias_grad)
    kernel_cases.run_built(activation_backward_bias_tasks, *arrays, activation, ALPHA)
    wide = [a.astype(np.float64) for a in (dy, y)]
    expected = activate_backward(reference, activation, *wide)
    assert_close(dx, expected.astype(dtype))
    assert_close(bias_grad, (bias + reference.sum_rows(expected)).astype(dtype), scale=4)

    centred = dy - bias
    gradients = [bias.copy() for _ in range(3)]
    kernel_cases.run_built(
        batch_norm_backward_tasks,
        *(dy, centred, y, bias, scale, scale, *gradients, dx),
        training=training,
        activation=activation,
        alpha=ALPHA,
    )
    wide = [a.astype(np.float64) for a in (centred, bias, scale, scale)]
    through = reference.batch_norm_backward(expected, *wide, training)
    sums = (*through[1:], reference.sum_rows(through[0]))
    # Numbers of order 10 are multiplied three at a time, and up to 360 such products summed.
    size = 100 * np.prod(shape[:-1]) ** 0.5
    assert_close(dx, through[0].astype(dtype), scale=size)
    for found, expected in zip(gradients, sums, strict=True):
        assert_close(found, (bias + expected).astype(dtype), scale=size)
