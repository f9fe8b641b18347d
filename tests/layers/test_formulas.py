"""What each layer computes, by its definition and by other means."""

import numpy as np
import pytest
from helpers import DTYPES, normal
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes
from layer_cases import ACTIVATIONS

from scratchvae.layers import (
    ELU,
    Dense,
    Flatten,
    LogSoftplus,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
)

dtypes = st.sampled_from(DTYPES)
layouts = st.sampled_from(["contiguous", "columns first", "every second", "reversed"])
seeds = st.integers(0, 1000)


def laid_out(array, layout):
    """Return the same numbers, differently placed in memory."""
    if layout == "columns first":
        return np.asfortranarray(array)
    if layout == "every second":
        wide = np.full((*array.shape[:-1], 2 * array.shape[-1]), np.nan, array.dtype)
        wide[..., ::2] = array
        return wide[..., ::2]
    if layout == "reversed":
        return np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    return array


def assert_close(found, expected, dtype, scale=1.0):
    assert found.dtype == dtype
    assert found.shape == expected.shape
    rounding = 30 * np.finfo(dtype).eps
    np.testing.assert_allclose(found, expected, rtol=rounding, atol=rounding * scale)


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(
    shape=array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=5),
    scale=st.sampled_from([1e-3, 1.0, 10.0, 1e3]),
    layout=layouts,
    dtype=dtypes,
    seed=seeds,
)
def test_activation_and_its_derivative_are_the_defined_ones(
    name, shape, scale, layout, dtype, seed
):
    make, function, derivative = ACTIVATIONS[name]
    x = laid_out(normal(*shape, seed=seed, dtype=dtype, scale=scale), layout)
    dy = laid_out(normal(*shape, seed=seed + 1, dtype=dtype), layout)
    layer = make(dtype=dtype)
    exact = x.astype(np.float64)
    assert_close(layer.forward(x), function(exact), dtype)
    assert_close(layer.backward(dy), dy.astype(np.float64) * derivative(exact), dtype, scale=4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("layer", "values", "slopes"),
    [
        (Sigmoid(), [0.0, 1.0], [0.0, 0.0]),
        (Softplus(), [0.0, 1e4], [0.0, 1.0]),
        (ELU(0.7), [-0.7, 1e4], [0.0, 1.0]),
        (LogSoftplus(), [np.log(1e-8), np.log(1e4 + 1e-8)], [0.0, 1 / (1e4 + 1e-8)]),
        (Tanh(), [-1.0, 1.0], [0.0, 0.0]),
        (ReLU(), [0.0, 1e4], [0.0, 1.0]),
    ],
    ids=repr,
)
def test_extreme_inputs_give_the_limits(layer, values, slopes, dtype):
    x = np.array([-1e4, 1e4], dtype=dtype)
    assert_close(layer.forward(x), np.array(values), dtype)
    assert_close(layer.backward(np.ones_like(x)), np.array(slopes), dtype, scale=0)


@pytest.mark.parametrize("dtype", DTYPES)
def test_far_tails_keep_their_relative_accuracy(dtype):
    x = np.array([-60.0, -30.0, -12.5], dtype=dtype)
    tail = np.exp(x.astype(np.float64))
    rtol = 100 * np.finfo(dtype).eps
    for layer, expected, slope in (
        (Sigmoid(), tail / (1 + tail), tail / (1 + tail) ** 2),
        (Softplus(), np.log1p(tail), tail / (1 + tail)),
    ):
        np.testing.assert_allclose(layer.forward(x), expected, rtol=rtol)
        np.testing.assert_allclose(layer.backward(np.ones_like(x)), slope, rtol=rtol)


def test_derivatives_at_the_kink():
    x = np.zeros((1, 1))
    for layer, slope in ((ReLU(), 0.0), (ELU(1.0), 1.0), (ELU(0.5), 0.5)):
        layer.forward(x)
        assert layer.backward(np.ones((1, 1)))[0, 0] == slope


def test_not_a_number_stays_visible():
    x = np.array([[np.nan, 1.0]])
    for make, _, _ in ACTIVATIONS.values():
        y = make(dtype=np.float64).forward(x)
        assert np.isnan(y[0, 0])
        assert np.isfinite(y[0, 1])


@given(
    count=st.integers(0, 7),
    size_in=st.integers(1, 9),
    size_out=st.integers(1, 9),
    layout=layouts,
    dtype=dtypes,
    seed=seeds,
)
def test_dense_is_the_sum_over_inputs(count, size_in, size_out, layout, dtype, seed):
    layer = Dense(size_in, size_out, rng=seed, dtype=dtype)
    weight, bias = layer.parameters["weight"].value, layer.parameters["bias"].value
    x = laid_out(normal(count, size_in, seed=seed, dtype=dtype), layout)
    dy = laid_out(normal(count, size_out, seed=seed + 1, dtype=dtype), layout)
    y = np.zeros((count, size_out))
    dx = np.zeros((count, size_in))
    d_weight = np.zeros((size_in, size_out))
    d_bias = np.zeros(size_out)
    for n in range(count):
        for o in range(size_out):
            y[n, o] = float(bias[o])
            d_bias[o] += float(dy[n, o])
            for i in range(size_in):
                y[n, o] += float(x[n, i]) * float(weight[i, o])
                dx[n, i] += float(dy[n, o]) * float(weight[i, o])
                d_weight[i, o] += float(x[n, i]) * float(dy[n, o])
    assert_close(layer.forward(x), y, dtype, scale=size_in)
    assert_close(layer.backward(dy), dx, dtype, scale=size_out)
    assert_close(layer.parameters["weight"].grad, d_weight, dtype, scale=count + 1)
    assert_close(layer.parameters["bias"].grad, d_bias, dtype, scale=count + 1)


@given(
    shape=array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=4),
    layout=layouts,
    dtype=dtypes,
)
def test_flatten_keeps_the_numbers_in_their_order(shape, layout, dtype):
    x = laid_out(normal(*shape, dtype=dtype), layout)
    layer = Flatten()
    y = layer.forward(x)
    per_example = int(np.prod(shape[1:]))
    assert y.shape == (shape[0], per_example)
    assert y.dtype == dtype
    assert y.ravel().tolist() == [float(v) for v in x.ravel()]
    dx = layer.backward(y)
    np.testing.assert_array_equal(dx, x, strict=True)


@given(count=st.integers(0, 4), layout=layouts, dtype=dtypes)
def test_reshape_keeps_the_numbers_in_their_order(count, layout, dtype):
    x = laid_out(normal(count, 2, 12, dtype=dtype), layout)
    layer = Reshape((4, 3, 2))
    y = layer.forward(x)
    assert y.shape == (count, 4, 3, 2)
    assert y.dtype == dtype
    assert y.ravel().tolist() == [float(v) for v in x.ravel()]
    np.testing.assert_array_equal(layer.backward(y), x, strict=True)
