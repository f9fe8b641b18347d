"""Matrix products on the register tile, in the three forms that a dense layer needs.

The columns of the result are cut into panels as wide as the tile, the reduction into blocks whose
panel of B fits in the first-level cache. A group of panels is packed, then used for all rows.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from scratchvae.errors import InputError
from scratchvae.kernels.machine.arguments import Array, Sizes, require_same_type, result
from scratchvae.kernels.machine.chunks import ALL, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.memory import scratch
from scratchvae.kernels.machine.packing import pack, pack_transposed
from scratchvae.kernels.machine.threads import get_threads, run_parts
from scratchvae.kernels.machine.tile import (
    UNIT_ROW,
    UNIT_STEP,
    panel_columns,
    run_tile,
    tile_address,
    tile_rows,
)

# Measured on a core with 48 KB and 2 MB of first and second-level cache. A panel of B stays in the
# first while the rows of A pass by, and those rows in the second from one panel to the next. With
# a panel or two there is nothing to come back for, and a longer reduction saves passes over C.
_PANEL_BYTES = 48 << 10
_ROWS_BYTES = 1 << 20
_GROUP = 8  # panels: so many read B, and write C, in pieces that the processor fetches ahead
_STEPS_AT_ONCE = 8
_FEW_TILES = 2
NANOSECONDS = {4: 1 / 70, 8: 1 / 35}  # of one multiply-add, roughly, to tell what threads are for


def matmul(a: Array, b: Array, out: Array | None = None, *, accumulate: bool = False) -> Array:
    """Return a b, of shape (M, N), for a of shape (M, K) and b of shape (K, N).

    The three products share their last two arguments, and what they raise.

    Parameters
    ----------
    a, b : array
        Two ``float32`` or two ``float64``; any strides, though other than C order costs a copy.
    out : array, optional
        Where to put the result: of the same type, in C order, apart from the others in memory.
    accumulate : bool
        Add to `out` instead of overwriting it.

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    a, b = _matrices(a, b, "matmul")
    _require(a.shape[1] == b.shape[0], "matmul", "(M, K) and (K, N)", a, b)
    out = result("matmul", (a.shape[0], b.shape[1]), a.dtype, out, accumulate)
    _product(a, UNIT_STEP, b, False, a.shape[1], out, accumulate)
    return out


def matmul_transposed_left(
    x: Array, dy: Array, out: Array | None = None, *, accumulate: bool = False
) -> Array:
    """Return xᵀ dy, (M, N), for x (K, M) and dy (K, N): the weight gradient of y = x w."""
    x, dy = _matrices(x, dy, "matmul_transposed_left")
    _require(x.shape[0] == dy.shape[0], "matmul_transposed_left", "(K, M) and (K, N)", x, dy)
    out = result("matmul_transposed_left", (x.shape[1], dy.shape[1]), x.dtype, out, accumulate)
    _product(x, UNIT_ROW, dy, False, x.shape[0], out, accumulate)
    return out


def matmul_transposed_right(
    dy: Array, w: Array, out: Array | None = None, *, accumulate: bool = False
) -> Array:
    """Return dy wᵀ, (M, N), for dy (M, K) and w (N, K): the input gradient of y = x w."""
    dy, w = _matrices(dy, w, "matmul_transposed_right")
    _require(dy.shape[1] == w.shape[1], "matmul_transposed_right", "(M, K) and (N, K)", dy, w)
    out = result("matmul_transposed_right", (dy.shape[0], w.shape[0]), dy.dtype, out, accumulate)
    _product(dy, UNIT_STEP, w, True, dy.shape[1], out, accumulate)
    return out


class _Plan(NamedTuple):
    """How a product is cut up: what `multiply` is told besides the arrays and their strides."""

    tile: int
    over_rows: bool
    sizes: Sizes
    shape: Sizes
    room: int  # for the panels of all threads
    work: float


@lru_cache(maxsize=1024)
def _plan(
    rows: int, columns: int, steps: int, dtype: np.dtype[Any], unit: int, threads: int
) -> _Plan:
    """Cut a product into panels or, where these do not share out evenly, into rows."""
    width = panel_columns(dtype)
    panels = -(-columns // width)
    block = _PANEL_BYTES // (width * dtype.itemsize) * (4 if panels <= 2 else 1)
    block = _even_share(steps, block)
    chunk = _even_share(rows, _ROWS_BYTES // (block * dtype.itemsize))
    room = -(-block // width) * width * width  # the steps rounded up: see pack_transposed
    group = max(1, min(panels, _GROUP))
    return _Plan(
        tile=tile_address(dtype, unit),
        over_rows=panels < 4 * threads and panels % threads != 0,
        sizes=(rows, columns, steps),
        shape=(tile_rows(), width, chunk, block, group, room),
        room=threads * group * room,
        work=rows * columns * steps * NANOSECONDS[dtype.itemsize],
    )


def _product(
    a: Array, unit: int, b: Array, transposed: bool, steps: int, out: Array, accumulate: bool
) -> None:
    threads = get_threads()
    plan = _plan(*out.shape, steps, out.dtype, unit, threads)
    buffer = scratch("b", plan.room, out.dtype)
    run_parts(
        multiply,
        plan.work,
        plan.over_rows,
        plan.tile,
        unit == UNIT_ROW,
        (a.reshape(-1), b.reshape(-1), out.reshape(-1), buffer),
        (a.shape[1], b.shape[1], out.shape[1]),
        plan.sizes,
        plan.shape,
        transposed,
        accumulate,
        threads=threads,
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
    if part == ALL:
        return run_all(parts)
    a, b, c, buffer = arrays
    a_stride, b_stride, c_stride = strides
    rows, columns, steps = sizes
    most_rows, width, chunk, block, group, room = shape
    first_row, last_row, first_panel, last_panel = 0, rows, 0, (columns + width - 1) // width
    if over_rows:
        first_row, last_row = rows * part // parts, rows * (part + 1) // parts
    else:
        first_panel, last_panel = last_panel * part // parts, last_panel * (part + 1) // parts
    buffer_start = part * group * room
    for top in range(first_row, last_row, chunk):
        high = min(chunk, last_row - top)
        tiles = (high + most_rows - 1) // most_rows
        # For a tile or two, packing costs as much as it saves.
        packs = transposed or tiles > _FEW_TILES
        for k in range(0, max(steps, 1), block):
            deep = min(block, steps - k)
            adds = 1 if add or k > 0 else 0
            for first in range(first_panel, last_panel, group):
                last = min(first + group, last_panel)
                # What is read from B itself needs whole panels: the last one may be narrower.
                packed_from = first if packs else max(first, columns // width)
                places = (buffer_start - first * room, room, packed_from, last, k, deep)
                _pack_panels(buffer, b, b_stride, columns, width, places, transposed)
                for i in range(tiles):
                    # Tiles of nearly equal height: a short one has too few sums to hide the
                    # latency of a multiply-add.
                    row = top + high * i // tiles
                    tall = top + high * (i + 1) // tiles - row
                    start = row + k * a_stride if unit_row else row * a_stride + k
                    for p in range(first, last):
                        left = p * width
                        wide = min(width, columns - left)
                        right, right_start, step = buffer, buffer_start + (p - first) * room, width
                        if p < packed_from:
                            right, right_start, step = b, k * b_stride + left, b_stride
                        run_tile(
                            tile,
                            a,
                            right,
                            c,
                            (start, right_start, row * c_stride + left),
                            (a_stride, 0, 0, step, c_stride),
                            (1, deep, tall, wide, adds),
                        )


@kernel(inside=True)
def _pack_panels(
    buffer: Array,
    b: Array,
    b_stride: int,
    columns: int,
    width: int,
    places: Sizes,
    transposed: bool,
) -> None:
    """Pack the panels of a group, a few steps of each in turn: B is read along its rows."""
    start, room, first, last, k, deep = places
    if transposed:
        for p in range(first, last):
            left = p * width
            place, size = (left * b_stride + k, b_stride), (deep, min(width, columns - left))
            pack_transposed(buffer, start + p * room, b, place, size)
        return
    for step in range(0, deep, _STEPS_AT_ONCE):
        for p in range(first, last):
            left, to = p * width, start + p * room + step * width
            place = ((k + step) * b_stride + left, b_stride)
            size = (min(_STEPS_AT_ONCE, deep - step), min(width, columns - left))
            pack(buffer, to, b, place, size)


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
