"""The equations of lesson 17, "Fast kernels", each against numbers got another way."""

import numpy as np
import pytest

from scratchvae.course.exercises.lesson_17 import flops_and_bytes, register_tile
from scratchvae.course.ladder import attainable, blocks, convolution_taps
from scratchvae.course.program import blocked_product, short_convolution
from scratchvae.kernels.convolution.cook_toom import numbers, transforms
from scratchvae.kernels.machine import simd, tile


def test_operations_and_bytes_of_a_product():
    """eq. 17.1, eq. 17.2: counted one by one, and from the sizes of the arrays."""
    a, b = np.zeros((3, 5), np.float32), np.zeros((5, 7), np.float32)
    operations = sum(2 for _ in range(3) for _ in range(7) for _ in range(5))
    assert flops_and_bytes(3, 5, 7) == (operations, a.nbytes + b.nbytes + (a @ b).nbytes)


def test_the_roof_has_a_slope_and_a_level_part():
    """eq. 17.3: each side of the ridge, time is the larger of two times."""
    arithmetic, bandwidth = 100.0, 20.0
    for intensity in (0.5, 5.0, 50.0):
        operations = 1000.0
        seconds = max(operations / arithmetic, operations / intensity / bandwidth)
        assert attainable(intensity, arithmetic, bandwidth) == pytest.approx(operations / seconds)


def test_blocks_fetch_less():
    """eq. 17.4: numbers of A and B that a product in blocks reads, counted."""
    count = 0

    class Counted(np.ndarray):
        def __array_ufunc__(self, ufunc, method, *inputs, **settings):
            nonlocal count
            count += sum(one.size for one in inputs if isinstance(one, Counted))
            return getattr(ufunc, method)(*map(np.asarray, inputs), **settings)

    rows, steps, columns, size = 12, 8, 20, 4
    a, b = np.ones((rows, steps)).view(Counted), np.ones((steps, columns)).view(Counted)
    product = blocked_product(a, b, size)
    np.testing.assert_array_equal(product, np.full((rows, columns), steps))
    assert count == rows * steps * columns * (1 / size + 1 / size)


def test_a_block_fits_in_the_smallest_of_caches():
    """eq. 17.5"""
    assert 4 * blocks.DEEP * blocks.WIDE <= 32 * 1024


@pytest.mark.parametrize(("width", "number"), [(64, 32), (32, 16), (16, 16)])
def test_a_tile_has_the_most_rows_that_registers_allow(width, number, monkeypatch):
    """eq. 17.6: the package's tile on x86."""
    monkeypatch.setattr(tile.simd, "registers", lambda: simd.Registers(width, number))
    rows = tile.tile_rows()
    assert 2 * rows + 3 <= number < 2 * (rows + 1) + 3


def test_one_tile_is_a_product_and_with_other_strides_a_convolution():
    """eq. 17.7, eq. 17.8"""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((6, 5)), rng.standard_normal((5, 4))
    whole = register_tile(a.ravel(), b.ravel(), 0, (5, 0), (1, 5), 6, 4)
    np.testing.assert_allclose(whole, a @ b)

    x, w = rng.standard_normal((2, 7, 8, 3)), rng.standard_normal((3, 3, 3, 4))
    y = convolution_taps.convolve(x, w)
    image, row = 1, 2
    start = (image * 7 + row) * 8 * 3
    pixels = register_tile(x.ravel(), w.ravel(), start, (3, 8 * 3), (3, 3 * 3), 6, 4)
    np.testing.assert_allclose(pixels, y[image, row])


@pytest.mark.parametrize(("results", "taps"), [(2, 3), (4, 3), (4, 5)])
def test_transforms_give_the_convolution(results, taps):
    """eq. 17.9: against NumPy's correlation."""
    rng = np.random.default_rng(1)
    x, w = rng.standard_normal(results + taps - 1), rng.standard_normal(taps)
    back, to_taps, to_inputs = (numbers(matrix, x) for matrix in transforms(results, taps))
    by_transforms = back @ ((to_taps @ w) * (to_inputs @ x))
    # Rounding in float64, made some hundred times larger by the points 2 and −2.
    np.testing.assert_allclose(by_transforms, np.correlate(x, w), atol=1e-12)


def test_two_results_from_four_products():
    """eq. 17.9 with the points 0, 1, −1 and ∞: the products, and the results."""
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal(4), rng.standard_normal(3)
    _, to_taps, to_inputs = (numbers(matrix, x) for matrix in transforms(2, 3))
    products, results = short_convolution(x, w)
    np.testing.assert_allclose(products, (to_taps @ w) * (to_inputs @ x), atol=1e-14)
    np.testing.assert_allclose(results, np.correlate(x, w), atol=1e-14)


def test_multiplications_that_are_saved():
    """eq. 17.10: the positions of a grid, against results times taps."""
    for m, r, factor in ((2, 3, 2.25), (4, 3, 4.0), (4, 5, 6.25)):
        points = len(transforms(m, r).inputs)
        assert m**2 * r**2 / points**2 == pytest.approx((m * r / (m + r - 1)) ** 2)
        assert m**2 * r**2 / points**2 == pytest.approx(factor)
