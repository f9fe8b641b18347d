"""Batch norm's passes, and the sums of columns that they rest on, held to their definitions."""

import kernel_cases
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pass_cases import (
    ALPHA,
    DTYPES,
    activate,
    assert_close,
    channel_shapes,
    draw,
)

from scratchvae import kernels
from scratchvae.kernels import reference
from scratchvae.kernels.passes.activation import (
    FORWARD,
)
from scratchvae.kernels.passes.batch_norm import batch_norm_forward_tasks
from scratchvae.kernels.passes.bias import (
    sum_rows_tasks,
)


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


@pytest.mark.large
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
