"""Pooling and layer normalisation by their definitions, and beside PyTorch's."""

import numpy as np
import pytest
from helpers import DTYPES, each_dtype, normal, refused
from hypothesis import given
from hypothesis import strategies as st

from scratchvae.checks.gradients import gradcheck
from scratchvae.layers import AveragePool2D, LayerNorm, MaxPool2D

POOLS = {"max": (MaxPool2D, np.max), "average": (AveragePool2D, np.mean)}
each_pool = pytest.mark.parametrize("name", POOLS)


@each_pool
@given(
    k=st.integers(1, 4),
    s=st.integers(1, 4),
    extra=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    dtype=st.sampled_from(DTYPES),
)
def test_pooling_is_the_largest_or_the_mean_of_each_window(name, k, s, extra, dtype):
    kind, of_window = POOLS[name]
    layer, x = kind(k, s), normal(2, k + extra[0], k + extra[1], 3, dtype=dtype)
    y = layer.forward(x)
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(float), (k, k), axis=(1, 2))
    expected = of_window(windows[:, ::s, ::s], axis=(-2, -1))
    assert (y.shape, y.dtype) == (expected.shape, dtype)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    dy = normal(*y.shape, seed=1, dtype=dtype)
    dx = layer.backward(dy)
    assert (dx.shape, dx.dtype) == (x.shape, dtype)
    # What leaves an output arrives at its window, whole.
    np.testing.assert_allclose(dx.sum(axis=(1, 2)), dy.sum(axis=(1, 2)), rtol=1e-4, atol=1e-4)


@each_pool
@pytest.mark.parametrize(("k", "s"), [(2, None), (3, 2), (2, 3), (1, 1)])
def test_pytorch_pools_the_same_forwards_and_backwards(name, k, s):
    torch = pytest.importorskip("torch")
    kind, other = {
        "max": (MaxPool2D, torch.nn.MaxPool2d),
        "average": (AveragePool2D, torch.nn.AvgPool2d),
    }[name]
    layer, x = kind(k, s), np.round(normal(2, 7, 6, 3), 0)  # with many that are equal
    images = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    y = other(k, s)(images)
    np.testing.assert_allclose(layer.forward(x), y.detach().permute(0, 2, 3, 1), atol=1e-12)
    dy = normal(*layer.y_shape, seed=1)
    y.backward(torch.tensor(dy).permute(0, 3, 1, 2))
    np.testing.assert_allclose(layer.backward(dy), images.grad.permute(0, 2, 3, 1), atol=1e-12)


@each_pool
def test_the_backward_pass_of_pooling_is_the_slope_and_leaves_rows_alone_that_no_window_has(name):
    kind, _ = POOLS[name]
    layer, x = kind(3, 2), normal(2, 6, 5, 2)
    assert gradcheck(layer, x).passed
    layer.forward(x)
    assert not layer.backward(np.ones(layer.y_shape))[:, 5].any()


def test_what_is_no_number_is_the_largest():
    x = np.ones((1, 2, 4, 1))
    x[0, 1, 0] = np.nan
    x[0, 0, 2:] = -np.inf
    np.testing.assert_array_equal(MaxPool2D(2).forward(x)[0, 0, :, 0], [np.nan, 1])


@each_pool
def test_images_smaller_than_a_window_are_refused(name):
    kind, _ = POOLS[name]
    for shape in ((1, 2, 3, 1), (1, 3, 2, 1), (3, 3, 1), (2, 3, 3, 1, 1)):
        with refused("(N, H, W, C) with at least 3 rows and columns", str(shape)):
            kind(3).forward(np.zeros(shape))
    with refused("backward needs a forward pass"):
        kind(2).backward(np.zeros((1, 1, 1, 1)))
    for wrong in (0, -1, 1.5, None):
        with refused("kernel_size must be a whole number"):
            kind(wrong)
    assert kind(2).forward(np.zeros((0, 4, 4, 1))).shape == (0, 2, 2, 1)


@each_dtype
@given(shape=st.sampled_from([(4,), (3, 2), (2, 3, 2)]), before=st.integers(1, 4))
def test_layer_norm_normalises_each_example_by_itself(dtype, shape, before):
    layer, x = LayerNorm(shape, 0.01, dtype=dtype), 3 * normal(before, 5, *shape, dtype=dtype) + 1
    for name, parameter in layer.parameters.items():
        parameter.value[...] = normal(*shape, seed=len(name))
    scale, shift = (parameter.value for parameter in layer.parameters.values())
    y = layer.forward(x)
    assert y.dtype == dtype
    for example, found in zip(x.reshape(-1, *shape), y.reshape(-1, *shape), strict=True):
        normalised = (example - example.mean()) / np.sqrt(example.var() + 0.01)
        np.testing.assert_allclose(found, scale * normalised + shift, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_layer_norm_is_pytorchs_and_its_backward_pass_the_slope(shape):
    torch = pytest.importorskip("torch")
    layer, x = LayerNorm(shape, dtype=np.float64), normal(5, 3, 4)
    other = torch.nn.LayerNorm(shape, dtype=torch.float64)
    for name, theirs in {"scale": other.weight, "shift": other.bias}.items():
        value = normal(*shape, seed=len(name))
        layer.parameters[name].value[...] = value
        theirs.data = torch.tensor(value)
    examples = torch.tensor(x, requires_grad=True)
    y = other(examples)
    np.testing.assert_allclose(layer.forward(x), y.detach(), atol=1e-12)
    dy = normal(*x.shape, seed=3)
    y.backward(torch.tensor(dy))
    np.testing.assert_allclose(layer.backward(dy), examples.grad, atol=1e-12)
    np.testing.assert_allclose(layer.parameters["scale"].grad, other.weight.grad, atol=1e-12)
    np.testing.assert_allclose(layer.parameters["shift"].grad, other.bias.grad, atol=1e-12)
    assert gradcheck(layer, x).passed


def test_layer_norm_refuses_what_does_not_fit():
    for wrong in ((), (0,), "4", (2, -1), None, (1 << 13, 1 << 13)):
        with refused("shape" if wrong not in ((), (1 << 13, 1 << 13)) else "the last axes"):
            LayerNorm(wrong)
    layer = LayerNorm((3, 4), dtype=np.float64)
    for shape in ((3, 4), (2, 4, 3), (4,), ()):
        with refused("(N, ..., 3, 4)", str(shape)):
            layer.forward(np.zeros(shape))
    with refused("float32"):
        layer.forward(np.zeros((2, 3, 4), np.float32))
