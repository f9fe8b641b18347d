"""Matrix products on the register tile, in the three forms that a dense layer needs.

The columns of the result are cut into panels as wide as the tile, the reduction into blocks whose
panel of B fits in the first-level cache. Each panel is packed, then used for all rows.
"""

import numpy as np
from numba import prange

from scratchvae.errors import InputError
from scratchvae.kernels.arrays import Array, Sizes, require_same_type, result
from scratchvae.kernels.compilation import kernel
from scratchvae.kernels.packing import pack, pack_transposed
from scratchvae.kernels.threads import get_threads, run_parts
from scratchvae.kernels.tile import (
    UNIT_ROW,
    UNIT_STEP,
    panel_columns,
    run_tile,
    tile_address,
    tile_rows,
)
from scratchvae.kernels.workspace import scratch

# Measured on a core with 48 KB and 2 MB of first and second-level cache. A panel of B stays in the
# first while the rows of A pass by, and those rows in the second from one panel to the next. With
# a panel or two there is nothing to come back for, and a longer reduction saves passes over C.
_PANEL_BYTES = 48 << 10
_ROWS_BYTES = 1 << 20
NANOSECONDS = {4: 1 / 70, 8: 1 / 35}  # of one multiply-add, roughly, to tell what threads are for


def matmul(a: Array, b: Array, out: Array | None = None, *, accumulate: bool = False) -> Array:
    """Return the matrix product a b.

    Parameters
    ----------
    a : array of shape (M, K)
        ``float32`` or ``float64``; any strides, though other than C order costs a copy.
    b : array of shape (K, N)
        Of the same type.
    out : array of shape (M, N), optional
        Where to put the result: of the same type, in C order, apart from `a` and `b` in memory.
    accumulate : bool
        Add to `out` instead of overwriting it.

    Returns
    -------
    array of shape (M, N)

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    a, b = _matrices(a, b, "matmul")
    _require(a.shape[1] == b.shape[0], "matmul", "(M, K) and (K, N)", a, b)
    out = result("matmul", (a.shape[0], b.shape[1]), a.dtype, out, accumulate)
    _product(a, a.shape[1], UNIT_STEP, b, False, a.shape[1], out, accumulate)
    return out


def matmul_transposed_left(
    x: Array, dy: Array, out: Array | None = None, *, accumulate: bool = False
) -> Array:
    """Return xᵀ dy, the weight gradient of y = x w.

    Parameters
    ----------
    x : array of shape (K, M)
        ``float32`` or ``float64``; any strides, though other than C order costs a copy.
    dy : array of shape (K, N)
        Of the same type.
    out : array of shape (M, N), optional
        Where to put the result: of the same type, in C order, apart from `x` and `dy` in memory.
    accumulate : bool
        Add to `out` instead of overwriting it.

    Returns
    -------
    array of shape (M, N)

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    x, dy = _matrices(x, dy, "matmul_transposed_left")
    _require(x.shape[0] == dy.shape[0], "matmul_transposed_left", "(K, M) and (K, N)", x, dy)
    out = result("matmul_transposed_left", (x.shape[1], dy.shape[1]), x.dtype, out, accumulate)
    _product(x, x.shape[1], UNIT_ROW, dy, False, x.shape[0], out, accumulate)
    return out


def matmul_transposed_right(
    dy: Array, w: Array, out: Array | None = None, *, accumulate: bool = False
) -> Array:
    """Return dy wᵀ, the input gradient of y = x w.

    Parameters
    ----------
    dy : array of shape (M, K)
        ``float32`` or ``float64``; any strides, though other than C order costs a copy.
    w : array of shape (N, K)
        Of the same type.
    out : array of shape (M, N), optional
        Where to put the result: of the same type, in C order, apart from `dy` and `w` in memory.
    accumulate : bool
        Add to `out` instead of overwriting it.

    Returns
    -------
    array of shape (M, N)

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    dy, w = _matrices(dy, w, "matmul_transposed_right")
    _require(dy.shape[1] == w.shape[1], "matmul_transposed_right", "(M, K) and (N, K)", dy, w)
    out = result("matmul_transposed_right", (dy.shape[0], w.shape[0]), dy.dtype, out, accumulate)
    _product(dy, dy.shape[1], UNIT_STEP, w, True, dy.shape[1], out, accumulate)
    return out


def _product(
    a: Array,
    stride: int,
    unit: int,
    b: Array,
    transposed: bool,
    steps: int,
    out: Array,
    accumulate: bool,
) -> None:
    """Run the kernel over panels or, where these do not share out evenly, over rows."""
    rows, columns = out.shape
    width, threads = panel_columns(out.dtype), get_threads()
    panels = -(-columns // width)
    block = _PANEL_BYTES // (width * out.itemsize) * (4 if panels <= 2 else 1)
    block = _even_share(steps, block)
    chunk = _even_share(rows, _ROWS_BYTES // (block * out.itemsize))
    room = -(-block // width) * width * width  # the steps rounded up: see pack_transposed
    run_parts(
        multiply,
        _multiply_parallel,
        rows * columns * steps * NANOSECONDS[out.itemsize],
        panels < 4 * threads and panels % threads != 0,
        tile_address(out.dtype, unit),
        unit == UNIT_ROW,
        (a.reshape(-1), b.reshape(-1), out.reshape(-1), scratch("b", threads * room, out.dtype)),
        (stride, b.shape[1], columns),
        (rows, columns, steps),
        (tile_rows(), width, chunk, block, room),
        transposed,
        accumulate,
    )


def _even_share(total: int, most: int) -> int:
    """Return the size of the fewest equal pieces of at most `most` that make up the total."""
    pieces = max(1, -(-total // most))
    return max(1, -(-total // pieces))


@kernel()
def multiply(
    part: int,
    parts: int,
    over_rows: bool,
    tile: int,
    unit_row: bool,
    arrays: tuple[Array, ...],
    strides: Sizes,
    sizes: Sizes,
    shape: Sizes,
    transposed: bool,
    add: bool,
) -> None:
    """Compute one part of a product: some of its panels, or all of them for some of its rows."""
    a, b, c, buffer = arrays
    a_stride, b_stride, c_stride = strides
    rows, columns, steps = sizes
    most_rows, width, chunk, block, room = shape
    first_row, last_row, first_panel, last_panel = 0, rows, 0, (columns + width - 1) // width
    if over_rows:
        first_row, last_row = rows * part // parts, rows * (part + 1) // parts
    else:
        first_panel, last_panel = last_panel * part // parts, last_panel * (part + 1) // parts
    panel = part * room
    for top in range(first_row, last_row, chunk):
        high = min(chunk, last_row - top)
        tiles = (high + most_rows - 1) // most_rows
        for k in range(0, max(steps, 1), block):
            deep = min(block, steps - k)
            adds = 1 if add or k > 0 else 0
            for p in range(first_panel, last_panel):
                left = p * width
                wide = min(width, columns - left)
                if transposed:
                    pack_transposed(buffer, panel, b, (left * b_stride + k, b_stride), (deep, wide))
                else:
                    pack(buffer, panel, b, (k * b_stride + left, b_stride), (deep, wide))
                for i in range(tiles):
                    # Tiles of nearly equal height: a short one has too few sums to hide the
                    # latency of a multiply-add.
                    row = top + high * i // tiles
                    tall = top + high * (i + 1) // tiles - row
                    start = row + k * a_stride if unit_row else row * a_stride + k
                    run_tile(
                        tile,
                        a,
                        buffer,
                        c,
                        (start, panel, row * c_stride + left),
                        (a_stride, 0, 0, width, c_stride),
                        (1, deep, tall, wide, adds),
                    )


@kernel(parallel=True)
def _multiply_parallel(
    parts: int,
    over_rows: bool,
    tile: int,
    unit_row: bool,
    arrays: tuple[Array, ...],
    strides: Sizes,
    sizes: Sizes,
    shape: Sizes,
    transposed: bool,
    add: bool,
) -> None:
    for part in prange(parts):
        multiply(
            part, parts, over_rows, tile, unit_row, arrays, strides, sizes, shape, transposed, add
        )


def _matrices(a: Array, b: Array, name: str) -> tuple[Array, Array]:
    require_same_type(name, a, b)
    _require(a.ndim == 2 and b.ndim == 2, name, "two matrices", a, b)
    return np.ascontiguousarray(a), np.ascontiguousarray(b)


def _require(fits: bool, name: str, expected: str, a: Array, b: Array) -> None:
    if not fits:
        raise InputError(
            f"{name} expected shapes {expected}, got {a.shape} and {b.shape}; "
            "transpose or reshape one"
        )
