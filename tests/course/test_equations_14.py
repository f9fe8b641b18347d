"""The equations of lesson 14, convolution, each against numbers got another way."""

import numpy as np
import pytest
from scipy.signal import correlate2d

import scratchvae
from scratchvae import kernels
from scratchvae.course import program
from scratchvae.course.exercises import lesson_14 as answers
from scratchvae.layers import Conv2D

SIZES = [(7, 3, 1, 0), (7, 3, 2, 1), (8, 3, 2, 0), (6, 2, 3, 1), (9, 1, 2, 0)]  # H, k, s, p


@pytest.fixture
def rng():
    return np.random.default_rng(14)


def draw_layer(rng, size, window, stride, padding):
    """Return the program's layer of 2 channels in and 3 out, images for it, and its output."""
    layer = program.Conv2D(2, 3, window, rng, stride, padding)
    x = rng.standard_normal((2, size, size + 1, 2))
    return layer, x, layer.forward(x)


def test_a_window_that_slides(rng):
    """eq. 14.1: SciPy's correlation, where the kernel lies wholly inside."""
    x, weight = rng.standard_normal((7, 9)), rng.standard_normal((3, 3))
    expected = correlate2d(x, weight, "valid")
    np.testing.assert_allclose(answers.slide(x, weight), expected, atol=1e-13)
    layer = Conv2D(1, 1, 3, rng=rng, dtype=np.float64)
    layer.parameters["weight"].value[..., 0, 0] = weight
    layer.parameters["bias"].value[:] = 0.5
    np.testing.assert_allclose(layer.forward(x[None, ..., None])[0, ..., 0], expected + 0.5)


def test_a_moved_image_gives_a_moved_output(rng):
    """eq. 14.2: for a shift by two columns, away from the edge."""
    layer = Conv2D(3, 4, 3, padding=1, rng=rng, dtype=np.float64)
    x = rng.standard_normal((2, 8, 9, 3))
    here = layer.forward(x).copy()
    there = layer.forward(np.roll(x, 2, axis=2))
    np.testing.assert_allclose(there[:, :, 3:-1], here[:, :, 1:-3], atol=1e-13)


@pytest.mark.parametrize(("size", "window", "stride", "padding"), SIZES)
def test_output_size(size, window, stride, padding):
    """eq. 14.3: the places are counted one by one, and the package's layer has as many."""
    places = range(0, size + 2 * padding - window + 1, stride)
    layer = Conv2D(1, 1, window, stride, padding)
    shape = layer.output_shape(np.zeros((1, size, size + 1, 1), np.float32))
    assert answers.output_size(size, window, stride, padding) == len(places) == shape[1]


@pytest.mark.parametrize(("size", "window", "stride", "padding"), SIZES)
def test_forward(rng, size, window, stride, padding):
    """eq. 14.4: a sum over window and channels, term by term."""
    layer, x, y = draw_layer(rng, size, window, stride, padding)
    weight, bias = layer.parameters["weight"], layer.parameters["bias"]
    around = np.pad(x, ((0, 0), (padding, padding), (padding, padding), (0, 0)))
    for n, i, j, o in np.ndindex(y.shape):
        terms = [
            around[n, stride * i + r, stride * j + t, c] * weight[r, t, c, o]
            for r, t, c in np.ndindex(weight.shape[:3])
        ]
        assert y[n, i, j, o] == pytest.approx(bias[o] + sum(terms), abs=1e-13)
    package = kernels.convolution_forward(x, weight, stride, padding) + bias
    np.testing.assert_allclose(y, package, atol=1e-13)


@pytest.mark.parametrize(("size", "window", "stride", "padding"), SIZES)
def test_patches_make_it_a_dense_layer(rng, size, window, stride, padding):
    """eq. 14.5, eq. 14.6: its output and both gradients are those of a dense layer on patches."""
    layer, x, y = draw_layer(rng, size, window, stride, padding)
    rows = program.patches(x, window, stride, padding).reshape(-1, window * window * 2)
    dense = program.Dense(rows.shape[1], 3, rng)
    dense.parameters["weight"][...] = layer.parameters["weight"].reshape(-1, 3)
    dense.parameters["bias"][...] = layer.parameters["bias"]
    np.testing.assert_allclose(dense.forward(rows), y.reshape(-1, 3), atol=1e-13)
    dy = rng.standard_normal(y.shape)
    layer.backward(dy)
    dense.backward(dy.reshape(-1, 3))
    for name, gradient in layer.gradients.items():
        expected = dense.gradients[name].reshape(gradient.shape)
        np.testing.assert_allclose(gradient, expected, atol=1e-12)
    by_kernel = kernels.convolution_weight_gradient(x, dy, (window, window), stride, padding)
    np.testing.assert_allclose(layer.gradients["weight"], by_kernel, atol=1e-12)


@pytest.mark.parametrize(("size", "window", "stride", "padding"), SIZES)
def test_input_gradient(rng, size, window, stride, padding):
    """eq. 14.7: what comes back to a pixel is summed over all windows that it lies in."""
    layer, x, y = draw_layer(rng, size, window, stride, padding)
    dy, weight = rng.standard_normal(y.shape), layer.parameters["weight"]
    expected = np.zeros((2, size + 2 * padding, size + 1 + 2 * padding, 2))
    for n, i, j, r, t in np.ndindex(*y.shape[:3], window, window):
        expected[n, stride * i + r, stride * j + t] += weight[r, t] @ dy[n, i, j]
    inner = expected[:, padding : padding + size, padding : padding + size + 1]
    np.testing.assert_allclose(layer.backward(dy), inner, atol=1e-13)
    # Patches and their sum are adjoint: ⟨patches(x), P⟩ = ⟨x, add_patches(P)⟩.
    seen = program.patches(x, window, stride, padding)
    parts = rng.standard_normal(seen.shape)
    added = program.add_patches(parts, x.shape, stride, padding)
    assert (seen * parts).sum() == pytest.approx((x * added).sum(), abs=1e-11)


@pytest.mark.parametrize(("stride", "size"), [(1, 8), (2, 9), (2, 10), (3, 11)])
def test_the_gradient_of_a_convolution_is_a_convolution(rng, stride, size):
    """eq. 14.8: dilate, pad, flip, slide; and dy slides over x for the weight's gradient."""
    weight, places = rng.standard_normal((3, 3)), (size - 3) // stride + 1
    dy = rng.standard_normal((places, places))
    expected = kernels.convolution_input_gradient(
        dy[None, ..., None], weight[..., None, None], (size, size), stride
    )
    dx = answers.input_gradient(dy, weight, stride, size)
    np.testing.assert_allclose(dx, expected[0, ..., 0], atol=1e-13)
    if stride == 1:
        x = rng.standard_normal((size, size))
        dw = kernels.convolution_weight_gradient(x[None, ..., None], dy[None, ..., None], (3, 3))
        np.testing.assert_allclose(answers.slide(x, dy), dw[..., 0, 0], atol=1e-13)


@pytest.mark.parametrize(
    ("windows", "strides", "side"),
    [([3], [1], 3), ([3, 3, 3], [2, 2, 2], 15), ([1, 5, 5, 4, 3], [1, 1, 1, 2, 2], 16)],
)
def test_receptive_field(rng, windows, strides, side):
    """eq. 14.9: as wide as the pixels that get a gradient from one output."""
    assert answers.receptive_field(windows, strides) == side
    layers = [
        program.Conv2D(1, 1, window, rng, stride, padding=window // 2)
        for window, stride in zip(windows, strides, strict=True)
    ]
    network = program.Sequential(*layers)
    dy = np.zeros_like(network.forward(np.zeros((1, 40, 40, 1))))
    dy[0, dy.shape[1] // 2, dy.shape[2] // 2] = 1
    reached = network.backward(dy)[0, ..., 0] != 0
    assert reached.any(axis=0).sum() == reached.any(axis=1).sum() == side


@pytest.mark.parametrize(("size", "window", "stride", "padding"), SIZES)
def test_the_programs_layer_passes_the_gradient_check(rng, size, window, stride, padding):
    layer, x, _ = draw_layer(rng, size, window, stride, padding)

    def forward(x, weight, bias):
        layer.parameters = {"weight": weight, "bias": bias}
        return layer.forward(x)

    def backward(dy):
        dx = layer.backward(dy)
        return dx, layer.gradients["weight"], layer.gradients["bias"]

    assert scratchvae.gradcheck_functions(forward, backward, x, *layer.parameters.values()).passed
