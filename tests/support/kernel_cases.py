"""What tests of the kernels share: odd shapes, a battery over all kernels."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.kernels import matrix_product, reference, zero_skipping
from scratchvae.kernels.convolution import convolution, cook_toom, winograd
from scratchvae.kernels.convolution.phases import forward_axis, gradient_axis
from scratchvae.kernels.machine import dot_tile, simd, tile
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run

Array = NDArray[Any]
Place = Callable[[Array], Array]

MATRICES = [
    (0, 3, 4),
    (3, 0, 4),
    (3, 4, 0),
    (1, 1, 1),
    (15, 7, 33),
    (29, 40, 17),
    (5, 1000, 70),
]

# images, height, width, channels in and out, kernel height and width, stride, padding
CONVOLUTIONS = [
    (2, 7, 8, 3, 5, 3, 2, 1, 0),
    (3, 9, 9, 2, 33, 3, 3, 2, 1),
    (5, 6, 5, 2, 1, 3, 3, 1, 1),
    (3, 7, 6, 1, 4, 5, 3, 1, 2),
    (2, 6, 9, 3, 1, 2, 3, 2, 0),
    (0, 5, 5, 2, 2, 3, 3, 1, 0),
    (2, 5, 5, 2, 3, 2, 2, 3, 0),
    (17, 4, 4, 3, 40, 4, 4, 1, 0),
    (4, 1, 1, 3, 4, 1, 1, 1, 0),
    (2, 5, 6, 3, 4, 3, 3, 1, 3),
    (9, 14, 8, 3, 4, 3, 3, 2, 1),
    (3, 24, 21, 1, 1, 3, 3, 1, 1),
    (2, 9, 30, 19, 1, 4, 3, 1, 2),
    (2, 12, 17, 1, 9, 5, 4, 2, 2),
]


# images, height, width, vectors of channels in and out, kernel size, padding
WINOGRAD = [
    (2, 9, 7, 1, 2, 5, 2),
    (1, 8, 12, 2, 3, 3, 0),
    (3, 5, 6, 3, 1, 3, 4),
    (0, 6, 6, 1, 1, 5, 1),
    (40, 4, 4, 1, 1, 3, 1),
]


def close(got: Array, expected: Array, tolerance: float | None = None) -> None:
    """Assert equality up to rounding, relative to the largest entry."""
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype
    if tolerance is None:
        tolerance = 1e-5 if got.dtype == np.float32 else 1e-13
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    assert float(np.abs(got - expected).max(initial=0)) <= tolerance * scale


def battery(place: Place, dtypes: str = "fd") -> None:
    """Hold every kernel to its reference, with each array put into memory by `place`."""
    random = np.random.default_rng(5)
    for dtype in dtypes:
        check_tile(place, dtype, random)
        check_dot_tile(place, dtype, random)
        for m, k, n in MATRICES:
            a, b = (place(random.standard_normal(s).astype(dtype)) for s in ((m, k), (k, n)))
            check_products(place, a, b)
            check_zero_skipping(place, dtype, random, m, k, n)
        for case in CONVOLUTIONS:
            check_convolution(place, dtype, random, *case)
        for n, height, width, channels, out_channels, taps, padding in WINOGRAD:
            vector = simd.lanes(dtype)
            sizes = (n, height, width, channels * vector, out_channels * vector)
            check_winograd(place, dtype, random, *sizes, taps, padding)


def check_tile(place: Place, dtype: str, random: Any) -> None:
    """Hold the tile itself to its formula, for every number of rows and every remainder."""
    width, most = tile.panel_columns(dtype), tile.tile_rows()
    for rows in range(1, most + 1):
        for columns in {1, width // 2 - 1, width // 2, width // 2 + 1, width - 1, width} - {0}:
            for unit in (tile.UNIT_STEP, tile.UNIT_ROW):
                outer, inner, add = rows % 3, 1 + columns % 4, rows % 2
                check_one_tile(place, dtype, random, unit, (outer, inner, rows, columns, add))


def check_one_tile(
    place: Place, dtype: str, random: Any, unit: int, sizes: tuple[int, int, int, int, int]
) -> None:
    outer, inner, rows, columns, add = sizes
    width = tile.panel_columns(dtype)
    stride = 3 + max(inner, rows)
    row, step = (stride, 1) if unit == tile.UNIT_STEP else (1, stride)
    numbers = (max(outer, 1) - 1) * 7 + (rows - 1) * row + (inner - 1) * step + 1
    a = place(random.standard_normal(numbers).astype(dtype))
    b = place(random.standard_normal(max(outer, 1) * inner * width).astype(dtype))
    c = place(random.standard_normal((rows - 1) * (columns + 1) + columns).astype(dtype))
    expected = c.copy()
    for t in range(rows):
        end = t * (columns + 1) + columns
        total = np.zeros(columns)
        for o in range(outer):
            for s in range(inner):
                at = (o * inner + s) * width
                total += float(a[t * row + o * 7 + s * step]) * b[at : at + columns]
        expected[end - columns : end] = total + add * expected[end - columns : end]
    strides = (stride, 7, inner * width, width, columns + 1)
    call_tile(tile.tile_address(np.dtype(dtype), unit), a, b, c, strides, sizes)
    close(c, expected)


def check_dot_tile(place: Place, dtype: str, random: Any) -> None:
    """Hold the tile of one column to its formula, into neighbours in C and into others."""
    most = dot_tile.dot_rows(dtype)
    for rows in range(1, most + 1):
        for inner in {0, 1, most - 1, most, most + 1, 3 * most + rows}:
            for c_row, outer in ((1, 2), (3, rows % 3)):
                stride, a_outer = inner + 2, rows * (inner + 2) + 1
                a, b, c = (
                    place(random.standard_normal(max(size, 1)).astype(dtype))
                    for size in (
                        (max(outer, 1) - 1) * a_outer + (rows - 1) * stride + inner,
                        outer * inner,
                        (rows - 1) * c_row + 1,
                    )
                )
                expected = c.copy()
                for t in range(rows):
                    starts = (t * stride + o * a_outer for o in range(outer))
                    left = np.array([a[start : start + inner] for start in starts], np.float64)
                    expected[t * c_row] = left.ravel() @ b[: outer * inner].astype(np.float64)
                strides, sizes = (stride, a_outer, inner, 1, c_row), (outer, inner, rows, 1, 0)
                call_tile(dot_tile.dot_address(np.dtype(dtype)), a, b, c, strides, sizes)
                close(c, expected)


def check_products(place: Place, a: Array, b: Array) -> None:
    left, right = (place(np.ascontiguousarray(matrix.T)) for matrix in (a, b))
    for name, arrays in (
        ("matmul", (a, b)),
        ("matmul_transposed_left", (left, b)),
        ("matmul_transposed_right", (a, right)),
    ):
        expected = getattr(reference, name)(*arrays)
        close(getattr(matrix_product, name)(*arrays), expected)
        out = place(np.full(expected.shape, 7, a.dtype))
        builder = getattr(matrix_product, f"{name}_tasks")
        run_built(builder, *arrays, out)
        close(out, expected)
        run_built(builder, *arrays, out, accumulate=True)
        close(out, 2 * expected)


def check_zero_skipping(place: Place, dtype: str, random: Any, m: int, k: int, n: int) -> None:
    """Hold the products that leave out zeros to their definition, for few zeros and many."""
    b = place(random.standard_normal((k, n)).astype(dtype))
    for density in (0.05, 0.5):
        x = random.standard_normal((m, k)).astype(dtype) * (random.random((m, k)) < density)
        expected = reference.matmul(x, b)
        for name, left in (("matmul", x), ("matmul_transposed_left", x.T)):
            left = place(np.ascontiguousarray(left))
            out = place(np.full(expected.shape, 7, dtype))
            builder = getattr(zero_skipping, f"{name}_tasks")
            run_built(builder, left, b, out)
            close(out, expected)
            run_built(builder, left, b, out, accumulate=True)
            close(out, 2 * expected)


def check_convolution(place: Place, dtype: str, random: Any, *case: int) -> None:
    n, height, width, channels, out_channels, kh, kw, stride, padding = case
    x = place(random.standard_normal((n, height, width, channels)).astype(dtype))
    w = place(random.standard_normal((kh, kw, channels, out_channels)).astype(dtype))
    expected = reference.convolution_forward(x, w, stride, padding)
    dy = place(random.standard_normal(expected.shape).astype(dtype))
    size = (height, width)
    for name, arrays, sizes in (
        ("convolution_forward", (x, w), ()),
        ("convolution_input_gradient", (dy, w), (size,)),
        ("convolution_weight_gradient", (x, dy), ((kh, kw),)),
    ):
        expected = getattr(reference, name)(*arrays, *sizes, stride, padding)
        close(getattr(convolution, name)(*arrays, *sizes, stride, padding), expected)
        out = place(np.full(expected.shape, 7, dtype))
        builder = getattr(convolution, f"{name}_tasks")
        run_built(builder, *arrays, out, stride, padding)
        close(out, expected)
        if name == "convolution_weight_gradient":
            run_built(builder, *arrays, out, stride, padding, accumulate=True)
            close(out, 2 * expected)


def check_winograd(place: Place, dtype: str, random: Any, *case: int) -> None:
    """Hold Winograd's kernels to their definitions in float64; channels are whole vectors."""
    n, height, width, channels, out_channels, taps, padding = case
    x = place(random.standard_normal((n, height, width, channels)).astype(dtype))
    w = place(random.standard_normal((taps, taps, channels, out_channels)).astype(dtype))
    exact_x, exact_w = x.astype("d"), w.astype("d")
    y = cook_toom.winograd_forward(exact_x, exact_w, padding)
    dy = place(random.standard_normal(y.shape).astype(dtype))
    exact_dy, out = dy.astype("d"), place(np.full(y.shape, 7, dtype))
    dx, dw = (place(np.full(array.shape, 7, dtype)) for array in (x, w))
    forward, back = (
        tuple(axis(size, taps, 1, padding)[0] for size in (height, width))
        for axis in (forward_axis, gradient_axis)
    )
    run_built(winograd.slide_tasks, x, w, out, forward, False)
    run_built(winograd.slide_tasks, dy, w, dx, back, True)
    run_built(winograd.weight_gradient_tasks, x, dy, dw, padding, False)
    expected = (
        y,
        cook_toom.winograd_input_gradient(exact_dy, exact_w, (height, width), padding),
        cook_toom.winograd_weight_gradient(exact_x, exact_dy, taps, padding),
    )
    # The transforms cost some two digits: see cook_toom.
    tolerance = 1e-5 if dtype == "f" else 1e-12
    for got, wanted in zip((out, dx, dw), expected, strict=True):
        assert relative_error(got, wanted) < tolerance
    run_built(winograd.weight_gradient_tasks, x, dy, dw, padding, True)
    assert relative_error(dw, 2 * expected[2]) < tolerance


def relative_error(got: Array, expected: Array) -> float:
    """Return the largest error, relative to the largest entry."""
    assert got.shape == expected.shape
    scale = float(np.abs(expected).max(initial=0))
    return float(np.abs(got - expected).max(initial=0)) / (scale or 1.0)


def run_built(builder: Callable[..., list[Task]], *arguments: Any, **options: Any) -> None:
    """Build tasks for the present thread and run them."""
    resources = present_resources()
    run(builder(resources, *arguments, **options), resources.threads)


def check_tasks(
    build: Callable[[Resources], list[Task]],
    arrays: list[Array],
    outs: list[Array],
    compute: Callable[[], tuple[Array, ...]],
    positive: tuple[Array, ...] = (),
) -> None:
    """Hold tasks, to the bit, to public functions of what the arrays contain when they run.

    They run twice, with other contents in `arrays` the second time, and once in three chunks, which
    have to give the same bits. `outs` are what they write or add to, and `compute` returns what
    must then be there, for the contents that it finds. `positive` are those of the arrays that
    hold squares.
    """
    random = np.random.default_rng(0)
    for resources, times in ((present_resources(), 2), (Resources(3, Memory()), 1)):
        tasks = build(resources)
        for _ in range(times):
            for array in (*arrays, *outs):
                array[...] = random.standard_normal(array.shape)
            for array in positive:
                np.abs(array, out=array)
            expected = [np.array(array) for array in compute()]
            for kernel, nanoseconds, arguments in tasks:
                chunks = resources.threads if nanoseconds > 0 else 1
                for chunk in range(chunks):
                    kernel(chunk, chunks, *arguments)
            for out, wanted in zip(outs, expected, strict=True):
                np.testing.assert_array_equal(out, wanted, strict=True)


def as_is(array: Array) -> Array:
    """Place an array where it is."""
    return array


def call_tile(address: int, *arguments: Any) -> None:
    """Run one tile from Python."""
    from scratchvae.kernels.machine.compilation import kernel

    if not _callers:

        @kernel()
        def call(address: int, a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> None:
            tile.run_tile(address, a, b, c, (0, 0, 0), strides, sizes)

        _callers.append(call)
    _callers[0](address, *arguments)


_callers: list[Any] = []
