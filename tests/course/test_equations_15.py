"""The equations of lesson 15, transposed convolution, each against numbers got another way."""

import numpy as np
import pytest

import scratchvae
from scratchvae import kernels
from scratchvae.course import program
from scratchvae.course.exercises import lesson_15 as answers
from scratchvae.layers import Conv2D, ConvTranspose2D

SIZES = [(7, 3, 2, 1), (8, 3, 2, 1), (6, 4, 2, 0), (5, 3, 1, 2), (10, 3, 3, 0)]  # H, k, s, p


@pytest.fixture
def rng():
    return np.random.default_rng(15)


def draw_pair(rng, size, window, stride, padding):
    """Return a convolution of 3 channels to 4 and its transpose, without biases, and an image."""
    shrink = program.Conv2D(3, 4, window, rng, stride, padding)
    x = rng.standard_normal((2, size, size, 3))
    rows = shrink.forward(x).shape[1]
    q = program.output_padding(rows, size, window, stride, padding)
    assert 0 <= q < stride
    grow = program.ConvTranspose2D(4, 3, window, rng, stride, padding, q)
    grow.parameters["weight"][...] = shrink.parameters["weight"]
    for layer in (shrink, grow):
        layer.parameters["bias"][...] = 0
    return shrink, grow, x


def matrix_of(layer, shape):
    """Return the matrix of a layer without a bias, column by column."""
    columns = []
    for place in np.ndindex(shape):
        unit = np.zeros((1, *shape))
        unit[0, *place] = 1
        columns.append(layer.forward(unit).ravel())
    return np.stack(columns, axis=1)


@pytest.mark.parametrize(("size", "window", "stride", "padding"), SIZES)
def test_the_transpose(rng, size, window, stride, padding):
    """eq. 15.1, eq. 15.2: its matrix is the convolution's, transposed, and they are adjoint."""
    shrink, grow, x = draw_pair(rng, size, window, stride, padding)
    shape = shrink.forward(x).shape[1:]
    a, transposed = matrix_of(shrink, x.shape[1:]), matrix_of(grow, shape)
    np.testing.assert_allclose(transposed, a.T, atol=1e-14)
    y = rng.standard_normal((2, *shape))
    left, right = (shrink.forward(x) * y).sum(), (x * grow.forward(y)).sum()
    assert left == pytest.approx(right, abs=1e-11)  # sums of hundreds of products of order 1
    vector, other = rng.standard_normal(a.shape[1]), rng.standard_normal(len(a))
    assert (a @ vector) @ other == pytest.approx(vector @ (a.T @ other), abs=1e-11)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_stamps(rng, stride):
    """eq. 15.3: a sum over all i and r with s i + r = u, in both directions."""
    x, weight = rng.standard_normal((3, 4)), rng.standard_normal((3, 3))
    y = answers.stamp(x, weight, stride)
    for u, v in np.ndindex(y.shape):
        terms = [
            x[i, j] * weight[u - stride * i, v - stride * j]
            for i, j in np.ndindex(x.shape)
            if 0 <= u - stride * i < 3 and 0 <= v - stride * j < 3
        ]
        assert y[u, v] == pytest.approx(sum(terms), abs=1e-13)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_output_size(stride, padding):
    """eq. 15.4: the sizes for all output paddings are those that a convolution maps back."""
    before, window = 5, 4
    shrink = Conv2D(1, 1, window, stride, padding)
    back = [
        size
        for size in range(window, 40)
        if shrink.output_shape(np.zeros((1, size, size, 1), np.float32))[1] == before
    ]
    grown = [
        ConvTranspose2D(1, 1, window, stride, padding, q).output_shape(
            np.zeros((1, before, before, 1), np.float32)
        )[1]
        for q in range(stride)
    ]
    assert grown == back
    for q, size in enumerate(grown):
        assert program.output_padding(before, size, window, stride, padding) == q
    assert program.output_padding(before, grown[-1] + 1, window, stride, padding) == -1


def test_forward(rng):
    """eq. 15.5: the sum over channels and stamps, with padding, and the bias once per pixel."""
    stride, padding, q = 2, 1, 1
    layer = program.ConvTranspose2D(2, 3, 3, rng, stride, padding, q)
    x = rng.standard_normal((2, 3, 4, 2))
    y, weight, bias = layer.forward(x), layer.parameters["weight"], layer.parameters["bias"]
    expected = np.zeros((2, 8, 10, 3))
    for n, i, j, r, t in np.ndindex(2, 3, 4, 3, 3):
        expected[n, stride * i + r, stride * j + t] += weight[r, t] @ x[n, i, j]
    np.testing.assert_allclose(y, expected[:, 1:7, 1:9] + bias, atol=1e-13)
    package = ConvTranspose2D(2, 3, 3, stride, padding, q, dtype=np.float64)
    for name, parameter in package.parameters.items():
        parameter.value[...] = layer.parameters[name]
    np.testing.assert_allclose(package.forward(x), y, atol=1e-13)
    one = answers.enlarge(x[0, ..., 0], weight[..., 0, 0], 0.5, stride)
    assert one.shape == (7, 9)
    assert answers.enlarge(0 * x[0, ..., 0], weight[..., 0, 0], 0.5, stride) == pytest.approx(0.5)


@pytest.mark.parametrize(("size", "window", "stride", "padding"), SIZES)
def test_gradients(rng, size, window, stride, padding):
    """eq. 15.6: dx is a convolution of dy, and dw that of a convolution of dy, with x above it."""
    _, grow, x = draw_pair(rng, size, window, stride, padding)
    dy, w = x, grow.parameters["weight"]
    code = rng.standard_normal(kernels.convolution_forward(dy, w, stride, padding).shape)
    grow.forward(code)
    dx = grow.backward(dy)
    np.testing.assert_allclose(dx, kernels.convolution_forward(dy, w, stride, padding), atol=1e-13)
    dw = kernels.convolution_weight_gradient(dy, code, (window, window), stride, padding)
    np.testing.assert_allclose(grow.gradients["weight"], dw, atol=1e-12)
    np.testing.assert_allclose(grow.gradients["bias"], dy.sum(axis=(0, 1, 2)), atol=1e-12)

    def forward(x, weight, bias):
        grow.parameters = {"weight": weight, "bias": bias}
        return grow.forward(x)

    def backward(dy):
        dx = grow.backward(dy)
        return dx, grow.gradients["weight"], grow.gradients["bias"]

    values = [*grow.parameters.values()]
    assert scratchvae.gradcheck_functions(forward, backward, code, *values).passed


@pytest.mark.parametrize(("window", "stride"), [(3, 2), (4, 2), (5, 3), (6, 3), (2, 3)])
def test_how_many_stamps(window, stride):
    """eq. 15.7: away from the ends, and even where the stride divides the window."""
    counts = answers.coverage(9, window, stride)
    inner = np.arange(window, len(counts) - window)
    np.testing.assert_array_equal(counts[inner], -(-(window - inner % stride) // stride))
    assert (np.ptp(counts[inner]) == 0) == (window % stride == 0)


def test_the_variance_of_a_checkerboard(rng):
    """eq. 15.8: over draws of the weights, for a window of 3 and a stride of 2."""
    x = rng.standard_normal((1, 4, 4, 5))
    x *= np.sqrt(1 / (x**2).mean(axis=-1, keepdims=True))  # each pixel's mean square is 1
    counts = answers.coverage(4, 3, 2)
    squares = []
    for _ in range(4000):
        weight = rng.standard_normal((3, 3, 1, 5))
        y = kernels.convolution_input_gradient(x, weight, (9, 9), 2)
        squares.append(y[0, ..., 0] ** 2)
    # 4,000 draws of χ²: a standard error of √(2 / 4000) = 2.2%, of which 15% are nearly seven.
    np.testing.assert_allclose(np.mean(squares, axis=0), 5 * np.outer(counts, counts), rtol=0.15)
