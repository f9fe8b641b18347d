"""Convolutions that keep the size, and transposed ones that are told it."""

from math import ceil

import numpy as np
import pytest
from helpers import normal, refused
from hypothesis import given
from hypothesis import strategies as st

from scratchvae.checks.gradients import gradcheck
from scratchvae.kernels import reference
from scratchvae.layers import Conv2D, ConvTranspose2D

FLOAT64 = {"rng": 1, "dtype": np.float64}
sizes, taps, strides = st.integers(1, 7), st.integers(1, 5), st.integers(1, 3)


def framed(x, k, s):
    """Return x within the zeros of "same", after the definition, one axis at a time."""
    frame = [(0, 0)]
    for side in x.shape[1:3]:
        missing = max((ceil(side / s) - 1) * s + k - side, 0)
        frame.append((missing // 2, missing - missing // 2))
    return np.pad(x, [*frame, (0, 0)])


@given(sizes, sizes, taps, strides)
def test_same_gives_the_size_over_the_stride_and_tensorflows_zeros(rows, columns, k, s):
    layer = Conv2D(2, 3, k, s, "same", **FLOAT64)
    x = normal(2, rows, columns, 2)
    y = layer.forward(x)
    assert y.shape == layer.output_shape(x) == (2, ceil(rows / s), ceil(columns / s), 3)
    weight, bias = (p.value for p in layer.parameters.values())
    expected = reference.convolution_forward(framed(x, k, s), weight, s, 0) + bias
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("k", "s", "shape"), [(3, 1, (4, 5)), (2, 1, (3, 4)), (3, 2, (4, 5))])
def test_the_backward_pass_of_same_is_the_slope(k, s, shape):
    assert gradcheck(Conv2D(2, 3, k, s, "same", **FLOAT64), normal(2, *shape, 2)).passed


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")
@pytest.mark.parametrize("k", [1, 2, 3, 4, 5])
def test_same_is_pytorchs_where_the_stride_is_1(k):
    torch = pytest.importorskip("torch")
    layer, x = Conv2D(2, 3, k, padding="same", **FLOAT64), normal(2, 6, 4, 2)
    weight, bias = (torch.tensor(p.value) for p in layer.parameters.values())
    images = torch.tensor(x).permute(0, 3, 1, 2).requires_grad_()
    y = torch.nn.functional.conv2d(images, weight.permute(3, 2, 0, 1), bias, padding="same")
    np.testing.assert_allclose(layer.forward(x), y.detach().permute(0, 2, 3, 1), atol=1e-12)
    dy = normal(*layer.y_shape, seed=4)
    y.backward(torch.tensor(dy).permute(0, 3, 1, 2))
    np.testing.assert_allclose(layer.backward(dy), images.grad.permute(0, 2, 3, 1), atol=1e-12)


@given(sizes, sizes, taps, strides, st.data())
def test_the_size_that_is_wanted_is_given_where_some_output_padding_gives_it(
    rows, columns, k, s, data
):
    paddings = [data.draw(st.integers(0, s - 1)) for _ in range(2)]
    least = [(side - 1) * s + k for side in (rows, columns)]
    size = tuple(side + extra for side, extra in zip(least, paddings, strict=True))
    layer = ConvTranspose2D(2, 3, k, s, output_size=size, **FLOAT64)
    x, (weight, bias) = normal(2, rows, columns, 2), [p.value for p in layer.parameters.values()]
    expected = reference.convolution_input_gradient(x, weight, size, s, 0) + bias
    np.testing.assert_allclose(layer.forward(x), expected, rtol=1e-12, atol=1e-12)
    for axis, name in enumerate(("rows", "columns")):
        for wrong in (least[axis] - 1, least[axis] + s):
            if wrong < 1:
                continue
            layer.output_size = [*size[:axis], wrong, *size[axis + 1 :]]
            with refused(f"from {least[axis]} to {least[axis] + s - 1} {name}, not {wrong}"):
                layer.forward(x)


def test_a_size_that_is_wanted_chooses_as_an_output_padding_does():
    x = normal(2, 3, 3, 2)
    told = ConvTranspose2D(2, 3, 3, 2, 1, output_size=6, **FLOAT64)
    padded = ConvTranspose2D(2, 3, 3, 2, 1, 1, **FLOAT64)
    np.testing.assert_array_equal(told.forward(x), padded.forward(x))
    assert gradcheck(ConvTranspose2D(2, 3, 3, 3, 1, output_size=(8, 7), **FLOAT64), x).passed


def test_pytorch_gives_the_same_images_of_the_size_that_is_wanted():
    torch = pytest.importorskip("torch")
    layer, x = ConvTranspose2D(2, 3, 3, 3, 1, output_size=(8, 7), **FLOAT64), normal(2, 3, 3, 2)
    other = torch.nn.ConvTranspose2d(2, 3, 3, 3, 1, dtype=torch.float64)
    weight, bias = (torch.tensor(p.value) for p in layer.parameters.values())
    other.weight.data, other.bias.data = weight.permute(3, 2, 0, 1), bias
    y = other(torch.tensor(x).permute(0, 3, 1, 2), output_size=(8, 7))
    np.testing.assert_allclose(layer.forward(x), y.detach().permute(0, 2, 3, 1), atol=1e-12)


def test_paddings_and_sizes_that_say_nothing_are_refused():
    for wrong in ("valid", "", -1, 1.5, None):
        with refused("padding must be", repr(wrong)):
            Conv2D(1, 1, 3, padding=wrong)
    for wrong in ("8", 0, -1, (8,), (8, 8, 1), (8, 0), 1.5):
        with refused("output_size"):
            ConvTranspose2D(1, 1, 3, output_size=wrong)
    with refused("output_padding and output_size say the same", "give one of them"):
        ConvTranspose2D(1, 1, 3, 2, 0, 1, output_size=8)
    with refused("at least 1 rows and columns, not 0 by 3"):
        Conv2D(1, 1, 3, padding="same").forward(np.zeros((1, 0, 3, 1), np.float32))
    assert "padding='same'" in repr(Conv2D(1, 1, 3, padding="same"))
    assert "output_size=(8, 8)" in repr(ConvTranspose2D(1, 1, 3, 2, output_size=8))
