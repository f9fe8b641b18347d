"""The kernels that make one pass over memory, held to their definitions in NumPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchvae import kernels
from scratchvae.kernels import reference
from scratchvae.kernels.machine import exponential
from scratchvae.kernels.machine.chunks import start_threads
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.threads import set_threads
from scratchvae.kernels.passes import gaussian
from scratchvae.kernels.passes.activation import KINDS

DTYPES = (np.float32, np.float64)
# A few units in the last place of results of order 1 to 10; sums of up to 10,000 terms of order 1
# lose up to a hundredth of the square root of that many.
TOLERANCE = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 4e-15}

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


@given(shapes, st.sampled_from(sorted(KINDS)), st.sampled_from(DTYPES), st.floats(0.1, 3))
def test_activations_are_as_defined(shape, kind, dtype, alpha):
    x, dy = draw(0, shape, dtype), draw(1, shape, dtype)
    alpha = float(np.float32(alpha))
    y = kernels.activation_forward(kind, x, alpha)
    assert_close(y, reference.activation_forward(kind, x, alpha))
    dx = kernels.activation_backward(kind, dy, y, alpha)
    assert_close(dx, reference.activation_backward(kind, dy, y, alpha))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_activations_at_the_ends(kind, dtype):
    x = np.array([-1e4, -90, -1e-6, 0, 1e-6, 90, 1e4], dtype)
    y = kernels.activation_forward(kind, x)
    expected = reference.activation_forward(kind, x.astype(np.float64))
    # Relative, for the ends are large: softplus(1e4) is 1e4 and sigmoid(-1e4) is 0.
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-37)
    assert np.isnan(kernels.activation_forward(kind, np.array([np.nan], dtype))).all()


def test_activations_may_work_in_place_and_from_any_strides():
    x = draw(0, (6, 10), np.float32)
    expected = kernels.activation_forward("tanh", x)
    assert_close(
        kernels.activation_forward("tanh", x[:, ::2]), np.ascontiguousarray(expected[:, ::2])
    )
    kernels.activation_forward("tanh", x, out=x)
    np.testing.assert_array_equal(x, expected)


def test_an_unknown_activation_is_an_error():
    with pytest.raises(ValueError, match="relu"):
        kernels.activation_forward("swish", np.zeros(3))


@given(channel_shapes, st.sampled_from(DTYPES), st.booleans())
def test_batch_norm_is_as_defined(shape, dtype, training):
    x, dy = draw(2, shape, dtype) + dtype(5), draw(3, shape, dtype)
    scale, shift = draw(4, shape[-1:], dtype), draw(5, shape[-1:], dtype)
    mean, variance = kernels.channel_moments(x)
    expected_mean, expected_variance = reference.channel_moments(x.astype(np.float64))
    assert_close(mean, expected_mean.astype(dtype))
    assert_close(variance, expected_variance.astype(dtype))
    deviation = (1 / np.sqrt(variance + 1)).astype(dtype)
    y = kernels.batch_norm_forward(x, mean, deviation, scale, shift)
    assert_close(y, reference.batch_norm_forward(x, mean, deviation, scale, shift))
    found = kernels.batch_norm_backward(dy, x, mean, deviation, scale, training)
    wide = [a.astype(np.float64) for a in (dy, x, mean, deviation, scale)]
    expected = reference.batch_norm_backward(*wide, training)
    for part, expected_part in zip(found, expected, strict=True):
        assert_close(part, expected_part.astype(dtype), scale=4)


def test_moments_of_a_large_mean_and_a_small_spread():
    # The textbook E[x²] − E[x]² would lose every digit of this variance in float32.
    x = (1000 + draw(6, (5000, 3), np.float64, spread=0.1)).astype(np.float32)
    _, variance = kernels.channel_moments(x)
    np.testing.assert_allclose(variance, x.astype(np.float64).var(axis=0), rtol=1e-4)


@given(channel_shapes, st.sampled_from(DTYPES))
def test_biases_are_added_and_summed(shape, dtype):
    y, bias = draw(7, shape, dtype), draw(8, shape[-1:], dtype)
    expected = y + bias
    np.testing.assert_array_equal(kernels.add_bias(y, bias), expected)
    total = bias.copy()
    kernels.sum_rows(y, total)
    rows = y.reshape(-1, shape[-1]).astype(np.float64)
    assert_close(total, (bias + rows.sum(axis=0)).astype(dtype), scale=4)


def test_no_rows_have_no_sum():
    total = np.ones(3, np.float32)
    kernels.sum_rows(np.empty((0, 3), np.float32), total)
    np.testing.assert_array_equal(total, 1)


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


def test_each_part_sums_its_distances_in_a_room_of_its_own(monkeypatch):
    # Two threads in one room seldom meet within a test: so here the parts run one after the other,
    # each in a room in which it leaves traces.
    parts, used = 3, []

    def run_parts(one_part, work, *arguments, threads):
        room = arguments[2]
        assert threads == parts
        assert room.size == parts * gaussian._LANES
        for part in range(parts):
            room[:] = np.nan
            one_part(part, parts, *arguments)
            used.append(set(np.flatnonzero(~np.isnan(room))))

    start_threads()  # which run_parts does, and a kernel cannot be loaded before
    monkeypatch.setattr(gaussian, "get_threads", lambda: parts)
    monkeypatch.setattr(gaussian, "scratch", lambda _, size, dtype: np.empty(size, dtype))
    monkeypatch.setattr(gaussian, "run_parts", run_parts)
    x, y = draw(0, (7, 100), np.float64), draw(1, (7, 100), np.float64)
    assert_close(kernels.squared_distances(x, y), reference.squared_distances(x, y))
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
        total = np.zeros(32, np.float32)
        kernels.sum_rows(dy, total)
        y = kernels.batch_norm_forward(x, mean, variance, scale, shift)
        dx, d_scale, d_shift = kernels.batch_norm_backward(dy, x, mean, variance, scale, True)
        kernels.batch_norm_backward(
            dy, x, mean, variance, scale, True, kind="elu", y=y, total=total
        )
        e = kernels.activation_forward("elu", x)
        distances = kernels.squared_distances(x, dy)
        return [mean, variance, total, y, dx, d_scale, d_shift, e, distances]

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
    st.sampled_from(["identity", *kernels.FUSED]),
    st.sampled_from(DTYPES),
    st.booleans(),
)
def test_activations_taken_along_are_as_defined(shape, kind, dtype, training):
    x, dy = draw(11, shape, dtype), draw(12, shape, dtype)
    bias, scale = draw(13, shape[-1:], dtype), draw(14, shape[-1:], dtype)
    expected = reference.add_bias(x.copy(), bias, kind, 0.75)
    y = kernels.add_bias(x.copy(), bias, kind, 0.75)
    assert_close(y, expected)
    arrays = (x, bias, scale, scale, bias)
    assert_close(
        kernels.batch_norm_forward(*arrays, kind=kind, alpha=0.75),
        reference.batch_norm_forward(*arrays, kind=kind, alpha=0.75),
        scale=4,  # three numbers of order 10 are multiplied
    )
    if kind != "identity":
        total, expected_total = bias.copy(), bias.astype(np.float64)
        dx = kernels.activation_backward_and_sum(kind, dy, y, total, 0.75)
        wide = [a.astype(np.float64) for a in (dy, y)]
        expected = reference.activation_backward_and_sum(kind, *wide, expected_total, 0.75)
        assert_close(dx, expected.astype(dtype))
        assert_close(total, expected_total.astype(dtype), scale=4)
    total, expected_total = bias.copy(), bias.astype(np.float64)
    factors = {"kind": kind, "alpha": 0.75, "y": y}
    arrays = (dy, dy - bias, bias, scale, scale, training)
    found = kernels.batch_norm_backward(*arrays, **factors, total=total)
    wide = [a.astype(np.float64) for a in arrays[:-1]]
    factors["y"] = y.astype(np.float64)
    expected = reference.batch_norm_backward(*wide, training, **factors, total=expected_total)
    # Numbers of order 10 are multiplied three at a time, and up to 360 such products summed.
    size = 100 * np.prod(shape[:-1]) ** 0.5
    for part, expected_part in zip((*found, total), (*expected, expected_total), strict=True):
        assert_close(part, expected_part.astype(dtype), scale=size)


def test_few_channels_share_a_line_and_blocks_have_a_rest():
    # Lines of 1, 2, … rows; and more than one block, the last of them not full.
    for rows, channels in ((7, 3), (6, 3), (40, 1), (256 * 300, 1), (32 * 700, 32), (3 * 9000, 5)):
        x = draw(15, (rows, channels), np.float32)
        wide = x.astype(np.float64)
        total = np.zeros(channels, np.float32)
        expected = wide.sum(axis=0).astype(np.float32)
        assert_close(kernels.sum_rows(x, total), expected, scale=rows**0.5)
        mean, variance = kernels.channel_moments(x)
        assert_close(mean, wide.mean(axis=0).astype(np.float32))
        assert_close(variance, wide.var(axis=0).astype(np.float32))
