"""The kernels that make a pass or two over memory, held to their definitions in NumPy."""

import kernel_cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchvae import kernels
from scratchvae.kernels import reference
from scratchvae.kernels.machine import exponential
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Resources
from scratchvae.kernels.machine.threads import set_threads
from scratchvae.kernels.passes import bernoulli
from scratchvae.kernels.passes.activation import (
    FORWARD,
    activation_backward_tasks,
    activation_tasks,
)
from scratchvae.kernels.passes.adam import ADAM_FACTORS, adam_factors, adam_tasks
from scratchvae.kernels.passes.batch_norm import batch_norm_backward_tasks, batch_norm_forward_tasks
from scratchvae.kernels.passes.bias import (
    activation_backward_bias_tasks,
    bias_activation_tasks,
    sum_rows_tasks,
)
from scratchvae.kernels.passes.gaussian import gaussian_gradient_tasks, squared_distances_tasks

DTYPES = (np.float32, np.float64)
# A few units in the last place of results of order 1 to 10; sums of up to 10,000 terms of order 1
# lose up to a hundredth of the square root of that many.
TOLERANCE = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 4e-15}
ALPHA = 0.75
ACTIVATIONS = ("relu", "elu", "tanh", "sigmoid", "softplus")

shapes = st.lists(st.integers(0, 9), min_size=1, max_size=4).map(tuple)
channel_shapes = st.tuples(st.integers(1, 40), st.integers(1, 9), st.integers(1, 33))


def draw(seed, shape, dtype, spread=3.0):
    return (spread * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def assert_close(found, expected, scale=1.0):
    assert found.dtype == expected.dtype
    assert found.shape == expected.shape
    size = max(float(np.abs(expected).max(initial=0)), 1.0)
    np.testing.assert_allclose(
        found, expected, rtol=0, atol=scale * size * TOLERANCE[expected.dtype]
    )


def activate(module, activation, x, alpha=ALPHA):
    """Return an activation of ``x`` by ``kernels`` or by ``reference``."""
    if activation == "identity":
        return x
    return getattr(module, activation)(x, *([alpha] if activation == "elu" else []))


def activate_backward(module, activation, dy, y, alpha=ALPHA):
    if activation == "identity":
        return dy
    backward = getattr(module, f"{activation}_backward")
    return backward(dy, y, *([alpha] if activation == "elu" else []))


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


@given(channel_shapes, st.sampled_from(DTYPES), st.booleans())
def test_batch_norm_is_as_defined(shape, dtype, training):
    x, dy = draw(2, shape, dtype) + dtype(5), draw(3, shape, dtype)
    scale, shift = draw(4, shape[-1:], dtype), draw(5, shape[-1:], dtype)
    mean, variance = kernels.channel_moments(x)
    expected_mean, expected_variance = reference.channel_moments(x.astype(np.float64))
    assert_close(mean, expected_mean.astype(dtype))
    assert_close(variance, expected_variance.astype(dtype))
    inverse_std = (1 / np.sqrt(variance + 1)).astype(dtype)
    y = kernels.batch_norm_forward(x, mean, inverse_std, scale, shift)
    assert_close(y, reference.batch_norm_forward(x, mean, inverse_std, scale, shift))
    found = kernels.batch_norm_backward(dy, x, mean, inverse_std, scale, training)
    wide = [a.astype(np.float64) for a in (dy, x, mean, inverse_std, scale)]
    expected = reference.batch_norm_backward(*wide, training)
    for array, expected_array in zip(found, expected, strict=True):
        assert_close(array, expected_array.astype(dtype), scale=4)


def test_channel_moments_of_a_large_mean_and_a_small_spread():
    # The textbook E[x²] − E[x]² would lose every digit of this variance in float32.
    x = (1000 + draw(6, (5000, 3), np.float64, spread=0.1)).astype(np.float32)
    _, variance = kernels.channel_moments(x)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(axis=0), rtol=1e-4)


@given(channel_shapes, st.sampled_from(DTYPES))
def test_sum_rows_is_as_defined(shape, dtype):
    y, bias = draw(7, shape, dtype), draw(8, shape[-1:], dtype)
    rows = y.reshape(-1, shape[-1]).astype(np.float64)
    assert_close(kernels.sum_rows(y), rows.sum(axis=0).astype(dtype), scale=4)
    total = bias.copy()
    kernel_cases.run_built(sum_rows_tasks, y, total)
    assert_close(total, (bias + rows.sum(axis=0)).astype(dtype), scale=4)


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_rows_have_sums_and_moments_of_zero(dtype):
    none, channel = np.empty((0, 3), dtype), np.ones(3, dtype)
    np.testing.assert_array_equal(kernels.sum_rows(none), np.zeros(3, dtype), strict=True)
    for found, expected in zip(
        kernels.channel_moments(none), reference.channel_moments(none), strict=True
    ):
        np.testing.assert_array_equal(found, expected, strict=True)
    arrays = (none, channel, channel, channel)
    assert kernels.batch_norm_forward(*arrays, channel).shape == (0, 3)
    for training in (False, True):
        dx, *gradients = kernels.batch_norm_backward(none, *arrays, training)
        assert dx.shape == (0, 3)
        np.testing.assert_array_equal(gradients, np.zeros((2, 3)))


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


@given(
    st.tuples(st.integers(2, 40), st.integers(1, 9), st.integers(1, 33)),
    st.sampled_from(tuple(FORWARD)),
    st.sampled_from(DTYPES),
    st.booleans(),
    st.booleans(),
)
def test_batch_norm_forward_tasks_are_as_defined(shape, activation, dtype, training, biased):
    x, channels, momentum, epsilon = draw(16, shape, dtype), shape[-1:], 0.25, 0.5
    bias, scale, shift = (draw(seed, channels, dtype) for seed in (17, 18, 19))
    running_mean, running_variance = draw(20, channels, dtype), np.abs(draw(21, channels, dtype))
    mean, inverse_std, y = (np.empty(size, dtype) for size in (channels, channels, shape))
    wide = (x, running_mean, running_variance, bias, scale, shift)
    wide_x, expected_mean, expected_variance, b, gamma, beta = (a.astype("d") for a in wide)
    if not biased:
        bias, b = None, 0

    mu, variance = expected_mean - b, expected_variance
    if training:
        count = x.size // x.shape[-1]
        mu, variance = reference.channel_moments(wide_x)
        expected_mean += momentum * (mu + b - expected_mean)
        expected_variance = expected_variance + momentum * (
            variance * count / (count - 1) - expected_variance
        )
    expected_inverse_std = 1 / np.sqrt(variance + epsilon)
    normalised = reference.batch_norm_forward(wide_x, mu, expected_inverse_std, gamma, beta)

    kernel_cases.run_built(
        batch_norm_forward_tasks,
        *(x, bias, scale, shift, running_mean, running_variance, mean, inverse_std, y),
        training=training,
        momentum=momentum,
        epsilon=epsilon,
        activation=activation,
        alpha=ALPHA,
    )
    # Three numbers of order 10 are multiplied.
    assert_close(y, activate(reference, activation, normalised).astype(dtype), scale=4)
    assert_close(mean, mu.astype(dtype))
    assert_close(inverse_std, expected_inverse_std.astype(dtype))
    assert_close(running_mean, expected_mean.astype(dtype))
    assert_close(running_variance, expected_variance.astype(dtype))


def test_few_channels_share_a_line_and_blocks_have_a_rest():
    # Lines of 1, 2, … rows; and more than one block, the last of them not full.
    for rows, channels in ((7, 3), (6, 3), (40, 1), (256 * 300, 1), (32 * 700, 32), (3 * 9000, 5)):
        x = draw(15, (rows, channels), np.float32)
        wide = x.astype(np.float64)
        expected = wide.sum(axis=0).astype(np.float32)
        assert_close(kernels.sum_rows(x), expected, scale=rows**0.5)
        mean, variance = kernels.channel_moments(x)
        assert_close(mean, wide.mean(axis=0).astype(np.float32))
        assert_close(variance, wide.var(axis=0).astype(np.float32))


# What follows holds tasks to public functions, to the bit: several lines and a rest, several
# blocks in float64, and channels that fill no vector.
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
