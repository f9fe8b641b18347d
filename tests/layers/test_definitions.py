"""Convolutions and batch norm written out entry by entry, and how layers are made."""

import numpy as np
import pytest
from helpers import each_dtype, normal, refused

from scratchvae.checks.gradients import gradcheck
from scratchvae.layers import (
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    ReLU,
    VectorQuantiser,
)


def correlated(x, weight, bias, stride, padding):
    """Return y[n, i, j, o] = b[o] + Σ x[n, s i + a − p, s j + c − p, k] w[a, c, k, o]."""
    size = weight.shape[0]
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    rows, columns = ((side - size) // stride + 1 for side in x.shape[1:3])
    y = np.empty((len(x), rows, columns, weight.shape[3]))
    for i in range(rows):
        for j in range(columns):
            patch = x[:, stride * i : stride * i + size, stride * j : stride * j + size]
            y[:, i, j] = np.tensordot(patch, weight, axes=3) + bias
    return y


@each_dtype
@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (1, 1), (2, 1), (3, 2)])
def test_a_convolution_is_its_definition_and_its_backward_pass_the_slope(stride, padding, dtype):
    layer = Conv2D(2, 3, 3, stride=stride, padding=padding, rng=1, dtype=dtype)
    x = normal(2, 8, 6, 2, dtype=dtype)
    weight, bias = (layer.parameters[name].value for name in ("weight", "bias"))
    expected = correlated(x.astype(float), weight.astype(float), bias, stride, padding)
    y = layer.forward(x)
    assert (y.shape, y.dtype) == (expected.shape, dtype)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    if dtype == np.float64:
        assert gradcheck(layer, x).passed


@pytest.mark.parametrize(("stride", "padding", "output_padding"), [(1, 0, 0), (2, 1, 1), (3, 1, 2)])
def test_a_transposed_convolution_is_the_transpose_and_its_backward_pass_the_slope(
    stride, padding, output_padding
):
    layer = ConvTranspose2D(2, 3, 3, stride, padding, output_padding, rng=1, dtype=np.float64)
    x = normal(2, 3, 4, 2)
    layer.parameters["bias"].value[...] = 0
    y = layer.forward(x)
    forward = Conv2D(3, 2, 3, stride=stride, padding=padding, rng=2, dtype=np.float64)
    forward.parameters["weight"].value[...] = layer.parameters["weight"].value
    forward.parameters["bias"].value[...] = 0
    dy = normal(*y.shape, seed=5)
    # ⟨T x, dy⟩ = ⟨x, Tᵀ dy⟩, where Tᵀ is the convolution with the same weight.
    assert (y * dy).sum() == pytest.approx((x * forward.forward(dy)).sum())
    layer.parameters["bias"].value[...] = [1.0, -2.0, 0.5]
    np.testing.assert_allclose(layer.forward(x) - y, np.broadcast_to([1.0, -2.0, 0.5], y.shape))
    assert gradcheck(layer, x).passed


@each_dtype
def test_batch_norm_normalises_and_its_statistics_follow(dtype):
    layer = BatchNorm(3, momentum=0.25, epsilon=0.01, dtype=dtype)
    x = 2 * normal(4, 5, 3, dtype=dtype) + 1
    layer.parameters["scale"].value[...] = [1.0, 2.0, -0.5]
    layer.parameters["shift"].value[...] = [0.0, 1.0, 3.0]
    tolerance = 1e-5 if dtype == np.float32 else 1e-12

    def normalised(mean, variance):
        return (x - mean) / np.sqrt(variance + 0.01) * [1.0, 2.0, -0.5] + [0.0, 1.0, 3.0]

    mean, variance = x.mean(axis=(0, 1)), x.var(axis=(0, 1))
    y = layer.forward(x, training=True)
    np.testing.assert_allclose(y, normalised(mean, variance), rtol=tolerance, atol=tolerance)
    running = 0.25 * mean, 0.75 + 0.25 * variance * 20 / 19
    np.testing.assert_allclose(layer.buffers["running_mean"], running[0], rtol=tolerance)
    np.testing.assert_allclose(layer.buffers["running_variance"], running[1], rtol=tolerance)
    y = layer.forward(x)
    np.testing.assert_allclose(y, normalised(*running), rtol=tolerance, atol=tolerance)
    layer.forward(x, training=True)
    again = 0.75 * running[0] + 0.25 * mean
    np.testing.assert_allclose(layer.buffers["running_mean"], again, rtol=tolerance)
    everything = [p.value for p in layer.parameters.values()] + [*layer.buffers.values(), y]
    assert {array.dtype for array in everything} == {np.dtype(dtype)}
    if dtype == np.float64:
        for training in (True, False):
            assert gradcheck(layer, x, training=training).passed


def test_batch_norm_starts_as_pytorch_has_it():
    layer = BatchNorm(2)
    assert (layer.momentum, layer.epsilon, layer.dtype) == (0.1, 1e-5, np.float32)
    started = [*(p.value for p in layer.parameters.values()), *layer.buffers.values()]
    np.testing.assert_array_equal(started, [[1, 1], [0, 0], [0, 0], [1, 1]])
    for momentum in (0, 1):
        assert BatchNorm(2, momentum=momentum).momentum == momentum
    for momentum in (-0.1, 1.1):
        with refused("momentum must be a number from 0 to 1"):
            BatchNorm(2, momentum=momentum)


@each_dtype
@pytest.mark.parametrize(
    "make",
    [
        lambda **options: Dense(5, 3, **options),
        lambda **options: Conv2D(2, 3, 3, **options),
        lambda **options: ConvTranspose2D(2, 3, 3, 1, 0, 0, **options),
        lambda **options: VectorQuantiser(5, 3, **options),
    ],
)
def test_a_seed_fixes_the_parameters_whatever_the_dtype(make, dtype):
    first, again, other = (make(rng=seed, dtype=dtype) for seed in (3, 3, 4))
    exact = make(rng=3, dtype=np.float64)
    for name, parameter in first.parameters.items():
        assert parameter.value.dtype == dtype
        np.testing.assert_array_equal(parameter.value, again.parameters[name].value)
        np.testing.assert_array_equal(parameter.value, exact.parameters[name].value.astype(dtype))
        assert (parameter.value != other.parameters[name].value).any()


def test_layers_show_how_they_are_made():
    assert repr(ReLU()) == "ReLU()"
    assert "ConvTranspose2D(2, 3" in repr(ConvTranspose2D(2, 3, 3, 1, 0, 0))


def test_a_transposed_convolution_may_come_to_one_pixel_and_to_none_is_refused():
    one = ConvTranspose2D(1, 1, 3, 1, 1, 0, rng=0)
    assert one.forward(np.ones((1, 1, 1, 1), np.float32)).shape == (1, 1, 1, 1)
    none = ConvTranspose2D(1, 1, 2, 1, 1, 0, rng=0)
    with refused("ConvTranspose2D"):
        none.forward(np.ones((1, 1, 1, 1), np.float32))
