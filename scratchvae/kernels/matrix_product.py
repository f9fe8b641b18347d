"""Matrix products on the register tile, in the three forms that a dense layer needs.

The columns of the result are cut into panels as wide as the tile, the reduction into blocks whose
panel of B fits in the first-level cache. A group of panels is packed, then used for all rows.
"""

import numpy as np

from scratchvae.errors import InputError
from scratchvae.kernels.blas import Product, chosen
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.packing import pack, pack_transposed
from scratchvae.kernels.machine.tasks import Resources, Task, compute
from scratchvae.kernels.machine.tile import (
    UNIT_ROW,
    UNIT_STEP,
    panel_columns,
    run_tile,
    tile_address,
    tile_rows,
)
from scratchvae.validation import Array, FloatArray, check_same_dtype

# Measured on a core with 48 KB and 2 MB of first and second-level cache. A panel of B stays in the
# first while the rows of A pass by, and those rows in the second from one panel to the next. With
# a panel or two there is nothing to come back for, and a longer reduction saves passes over C.
_PANEL_BYTES = 48 << 10
_ROWS_BYTES = 1 << 20
_GROUP = 8  # panels: with this many, B is read and C written in pieces that are fetched ahead
_STEPS_AT_ONCE = 8
_FEW_TILES = 2
NANOSECONDS = {4: 1 / 70, 8: 1 / 35}  # rough cost of one multiply-add


def matmul(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return a b. Definition: ``reference.matmul``.

    The three products take two ``float32`` or two ``float64``, in any memory order (though other
    than C order costs a copy). They raise an `InputError` if shapes or dtypes do not fit.
    """
    _check("a and b of matmul", a, b, "(M, K) and (K, N)", 1, 0)
    return compute(matmul_tasks, (a, b), np.empty((a.shape[0], b.shape[1]), a.dtype))


def matmul_transposed_left(x: FloatArray, dy: FloatArray) -> FloatArray:
    """Return xᵀ dy. Definition: ``reference.matmul_transposed_left``."""
    _check("x and dy of matmul_transposed_left", x, dy, "(K, M) and (K, N)", 0, 0)
    out = np.empty((x.shape[1], dy.shape[1]), x.dtype)
    return compute(matmul_transposed_left_tasks, (x, dy), out)


def matmul_transposed_right(dy: FloatArray, w: FloatArray) -> FloatArray:
    """Return dy wᵀ. Definition: ``reference.matmul_transposed_right``."""
    _check("dy and w of matmul_transposed_right", dy, w, "(M, K) and (N, K)", 1, 1)
    out = np.empty((dy.shape[0], w.shape[0]), dy.dtype)
    return compute(matmul_transposed_right_tasks, (dy, w), out)


def _check(names: str, a: FloatArray, b: FloatArray, shapes: str, a_axis: int, b_axis: int) -> None:
    check_same_dtype(names, a, b)
    if not (a.ndim == b.ndim == 2 and a.shape[a_axis] == b.shape[b_axis]):
        raise InputError(
            f"{names} must be matrices of shapes {shapes}, not {a.shape} and {b.shape}: "
            "transpose or reshape one"
        )


def matmul_tasks(
    resources: Resources, a: FloatArray, b: FloatArray, out: FloatArray, accumulate: bool = False
) -> list[Task]:
    """Return the tasks of ``matmul``; ``accumulate`` adds to ``out`` instead of overwriting it."""
    return [_chosen(resources, a, UNIT_STEP, b, False, out, accumulate)]


def matmul_transposed_left_tasks(
    resources: Resources, x: FloatArray, dy: FloatArray, out: FloatArray, accumulate: bool = False
) -> list[Task]:
    """Return the tasks of ``matmul_transposed_left``; see ``matmul_tasks``."""
    return [_chosen(resources, x, UNIT_ROW, dy, False, out, accumulate)]


def matmul_transposed_right_tasks(
    resources: Resources, dy: FloatArray, w: FloatArray, out: FloatArray, accumulate: bool = False
) -> list[Task]:
    """Return the tasks of ``matmul_transposed_right``; see ``matmul_tasks``."""
    return [_chosen(resources, dy, UNIT_STEP, w, True, out, accumulate)]


def _chosen(
    resources: Resources,
    a: FloatArray,
    unit: int,
    b: FloatArray,
    transposed: bool,
    out: FloatArray,
    accumulate: bool,
) -> Task:
    """Return the task that computes the product on the tile, or by BLAS where that was chosen."""

    def on_tile(product: Product) -> Task:
        left, right, out, accumulate = product
        a, b = left.T if unit == UNIT_ROW else left, right.T if transposed else right
        return _product(resources, a, unit, b, transposed, out, accumulate)

    product = (a.T if unit == UNIT_ROW else a, b.T if transposed else b, out, accumulate)
    return chosen(on_tile, product, resources.threads)


def _product(
    resources: Resources,
    a: FloatArray,
    unit: int,
    b: FloatArray,
    transposed: bool,
    out: FloatArray,
    accumulate: bool,
) -> Task:
    """Cut a product into panels or, where these do not share out evenly, into rows."""
    (rows, columns), dtype, threads = out.shape, out.dtype, resources.threads
    steps = a.shape[0] if unit == UNIT_ROW else a.shape[1]
    width = panel_columns(dtype)
    panels = -(-columns // width)
    block = _PANEL_BYTES // (width * dtype.itemsize) * (4 if panels <= 2 else 1)
    block = _even_share(steps, block)
    height = _even_share(rows, _ROWS_BYTES // (block * dtype.itemsize))
    group = max(1, min(panels, _GROUP))
    panel_size = -(-block // width) * width * width  # the steps rounded up: see pack_transposed
    buffer = resources.memory.scratch("b", threads * group * panel_size, dtype)
    over_rows = panels < 4 * threads and panels % threads != 0
    form = (over_rows, tile_address(dtype, unit), unit == UNIT_ROW)
    arrays = (a.reshape(-1), b.reshape(-1), out.reshape(-1), buffer)
    cut = (tile_rows(), width, height, block, group, panel_size)
    arguments = (*form, *arrays, (rows, columns, steps), cut, transposed, accumulate)
    return Task(multiply, rows * columns * steps * NANOSECONDS[dtype.itemsize], arguments)


def _even_share(total: int, most: int) -> int:
    """Return the size of the fewest equal pieces of at most `most` that make up the total."""
    pieces = max(1, -(-total // most))
    return max(1, -(-total // pieces))


@kernel()
def multiply(
    chunk: int,
    chunks: int,
    over_rows: bool,
    tile: int,
    unit_row: bool,
    a: Array,
    b: Array,
    c: Array,
    buffer: Array,
    sizes: tuple[int, ...],
    cut: tuple[int, ...],
    transposed: bool,
    accumulate: bool,
) -> None:
    """Compute one chunk of a product: some of its panels, or all of them for some of its rows."""
    if chunk == ALL:
        return run_all(chunks)
    rows, columns, steps = sizes
    tile_height, width, height, block, group, panel_size = cut
    a_stride, b_stride = rows if unit_row else steps, steps if transposed else columns
    first_row, last_row, first_panel, last_panel = 0, rows, 0, (columns + width - 1) // width
    if over_rows:
        first_row, last_row = bounds(chunk, chunks, rows)
    else:
        first_panel, last_panel = bounds(chunk, chunks, last_panel)
    buffer_start = chunk * group * panel_size
    for top in range(first_row, last_row, height):
        high = min(height, last_row - top)
        tiles = (high + tile_height - 1) // tile_height
        # For a tile or two, packing costs as much as it saves.
        packs = transposed or tiles > _FEW_TILES
        for k in range(0, max(steps, 1), block):
            deep = min(block, steps - k)
            adds = 1 if accumulate or k > 0 else 0
            for first in range(first_panel, last_panel, group):
                last = min(first + group, last_panel)
                # What is read from B itself needs whole panels: the last one may be narrower.
                packed_from = first if packs else max(first, columns // width)
                places = (buffer_start - first * panel_size, panel_size, packed_from, last, k, deep)
                _pack_panels(buffer, b, b_stride, columns, width, places, transposed)
                for i in range(tiles):
                    # Tiles of nearly equal height: a short one has too few sums to hide the
                    # latency of a multiply-add.
                    row = top + high * i // tiles
                    tall = top + high * (i + 1) // tiles - row
                    start = row + k * a_stride if unit_row else row * a_stride + k
                    for p in range(first, last):
                        left = p * width
                        panel, step = buffer_start + (p - first) * panel_size, width
                        right = buffer
                        if p < packed_from:
                            right, panel, step = b, k * b_stride + left, b_stride
                        run_tile(
                            tile,
                            a,
                            right,
                            c,
                            (start, panel, row * columns + left),
                            (a_stride, 0, 0, step, columns),
                            (1, deep, tall, min(width, columns - left), adds),
                        )


@kernel(inside=True)
def _pack_panels(
    buffer: Array,
    b: Array,
    b_stride: int,
    columns: int,
    width: int,
    places: tuple[int, ...],
    transposed: bool,
) -> None:
    """Pack the panels of a group, a few steps of each in turn: B is read along its rows."""
    start, panel_size, first, last, k, deep = places
    if transposed:
        for p in range(first, last):
            left = p * width
            place, size = (left * b_stride + k, b_stride), (deep, min(width, columns - left))
            pack_transposed(buffer, start + p * panel_size, b, place, size)
        return
    for step in range(0, deep, _STEPS_AT_ONCE):
        for p in range(first, last):
            left, to = p * width, start + p * panel_size + step * width
            place = ((k + step) * b_stride + left, b_stride)
            size = (min(_STEPS_AT_ONCE, deep - step), min(width, columns - left))
            pack(buffer, to, b, place, size)
