"""The kernels of Winograd's convolutions: transforms around the register tile, a group at a time.

All arrays are flat. A group of tiles has, in the working memory of its thread, V at each position
(its tiles' input channels), and after them the products, or D (their output channels). See
``winograd`` for what V, U, D and S are.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.grid_transform import transform_grid
from scratchvae.kernels.machine.packing import pack_transposed
from scratchvae.kernels.machine.tile import run_tile
from scratchvae.validation import Array

_LEAST = 32  # rounding units of the largest tap: errors are about half of that


class Sizes(NamedTuple):
    """What all tiles of a convolution share."""

    images: int
    height: int  # of the input
    width: int
    channels: int
    out_height: int
    out_width: int
    out_channels: int
    y_origin: int  # the input pixel at tap 0 of output pixel 0
    x_origin: int
    taps: int
    group: int  # tiles at a time
    pieces: int  # of the sum over tiles
    tile_rows: int  # at most
    panel_columns: int
    lanes: int


@kernel()
def transform_taps(
    chunk: int,
    chunks: int,
    transform: int,
    w: Array,
    w_shape: tuple[int, ...],
    zeros: Array,
    plain: Array,
    panels: Array,
    transposed: bool,
    width: int,
    lanes: int,
) -> None:
    """Compute U, and pack it as the tile's B, one position's panels after the other's."""
    if chunk == ALL:
        return run_all(chunks)
    taps, _, channels, out_channels = w_shape
    points = taps + 3
    tap = channels * out_channels
    row, column, start = taps * tap, tap, 0
    if transposed:  # from the last tap backwards
        row, column, start = -row, -column, (taps * taps - 1) * tap
    steps, columns = (out_channels, channels) if transposed else (channels, out_channels)
    many = (columns + width - 1) // width
    a_position = many * steps * width
    for i in range(channels):
        place = start + i * out_channels
        if transposed:
            strides = (row, column, points * tap, tap)
            sizes = (0, taps, 0, taps, points, points, out_channels // lanes)
            transform_grid(transform, w, zeros, plain, (place, i * out_channels), strides, sizes)
            continue
        strides = (row, column, points * a_position, a_position)
        for p in range(many):
            left = p * width
            vectors = min(width, columns - left) // lanes
            sizes = (0, taps, 0, taps, points, points, vectors)
            starts = (place + left, (p * steps + i) * width)
            transform_grid(transform, w, zeros, panels, starts, strides, sizes)
    for position in range(points * points if transposed else 0):
        for p in range(many):
            left = p * width
            source = (position * tap + left * steps, steps)
            to = position * a_position + p * steps * width
            pack_transposed(panels, to, plain, source, (steps, min(width, columns - left)))


@kernel()
def slide_tiles(
    chunk: int,
    chunks: int,
    tile: int,
    to_inputs: int,
    to_results: int,
    x: Array,
    zeros: Array,
    panels: Array,
    buffer: Array,
    out: Array,
    numbers: tuple[int, ...],
) -> None:
    """Compute one chunk of the output's tiles: all arrays are flat, `numbers` are `Sizes`."""
    if chunk == ALL:
        return run_all(chunks)
    sizes = Sizes(*numbers)
    positions = (sizes.taps + 3) * (sizes.taps + 3)
    channels, out_channels = sizes.channels, sizes.out_channels
    v = chunk * positions * sizes.group * (channels + out_channels)
    products = v + positions * sizes.group * channels
    many = (out_channels + sizes.panel_columns - 1) // sizes.panel_columns
    first, last = bounds(chunk, chunks, _all_tiles(sizes))
    for n in range(first, last, sizes.group):
        count = min(sizes.group, last - n)
        for t in range(count):
            _transform_inputs(to_inputs, x, zeros, buffer, v + t * channels, sizes, n + t)
        for position in range(positions):
            left_start = v + position * sizes.group * channels
            to = products + position * sizes.group * out_channels
            for p in range(many):
                left = p * sizes.panel_columns
                starts = (
                    left_start,
                    (position * many + p) * channels * sizes.panel_columns,
                    to + left,
                )
                strides = (channels, 0, 0, sizes.panel_columns, out_channels)
                columns = min(sizes.panel_columns, out_channels - left)
                run_tile(
                    tile, buffer, panels, buffer, starts, strides, (1, channels, count, columns, 0)
                )
        for t in range(count):
            _write_results(
                to_results, buffer, zeros, out, products + t * out_channels, sizes, n + t
            )


@kernel()
def sum_tiles(
    chunk: int,
    chunks: int,
    tile: int,
    to_inputs: int,
    to_taps: int,
    x: Array,
    dy: Array,
    zeros: Array,
    buffer: Array,
    sums: Array,
    numbers: tuple[int, ...],
) -> None:
    """Compute S for some of the pieces of the sum over tiles; D has the role of the taps."""
    if chunk == ALL:
        return run_all(chunks)
    sizes = Sizes(*numbers)
    positions = (sizes.taps + 3) * (sizes.taps + 3)
    channels, out_channels = sizes.channels, sizes.out_channels
    v = chunk * positions * sizes.group * (channels + out_channels)
    d = v + positions * sizes.group * channels
    blocks = (channels + sizes.tile_rows - 1) // sizes.tile_rows
    first_piece, last_piece = bounds(chunk, chunks, sizes.pieces)
    for piece in range(first_piece, last_piece):
        first, last = bounds(piece, sizes.pieces, _all_tiles(sizes))
        to = piece * positions * channels * out_channels
        if first == last:
            sums[to : to + positions * channels * out_channels] = 0
        for n in range(first, last, sizes.group):
            count = min(sizes.group, last - n)
            for t in range(count):
                _transform_inputs(to_inputs, x, zeros, buffer, v + t * channels, sizes, n + t)
                _transform_gradient(to_taps, dy, zeros, buffer, d + t * out_channels, sizes, n + t)
            for position in range(positions):
                v_start = v + position * sizes.group * channels
                d_start = d + position * sizes.group * out_channels
                for left in range(0, out_channels, sizes.panel_columns):
                    for block in range(blocks):
                        row = channels * block // blocks
                        rows = channels * (block + 1) // blocks - row
                        at = to + (position * channels + row) * out_channels + left
                        run_tile(
                            tile,
                            buffer,
                            buffer,
                            sums,
                            (v_start + row, d_start + left, at),
                            (channels, 0, 0, out_channels, out_channels),
                            (
                                1,
                                count,
                                rows,
                                min(sizes.panel_columns, out_channels - left),
                                1 if n > first else 0,
                            ),
                        )


@kernel()
def finish_sums(
    chunk: int,
    chunks: int,
    to_results: int,
    sums: Array,
    zeros: Array,
    line: Array,
    out: Array,
    numbers: tuple[int, ...],
    accumulate: bool,
) -> None:
    """Add up the pieces and transform the sums, for one chunk of the input channels."""
    if chunk == ALL:
        return run_all(chunks)
    sizes = Sizes(*numbers)
    points, taps, columns = sizes.taps + 3, sizes.taps, sizes.out_channels
    positions, row = points * points, sizes.channels * columns
    first, last = bounds(chunk, chunks, sizes.channels)
    for position in range(positions):
        start, end = position * row + first * columns, position * row + last * columns
        total = sums[start:end]
        for piece in range(1, sizes.pieces):
            total += sums[start + piece * positions * row : end + piece * positions * row]
    largest = chunk * (taps * taps + 1) * columns
    done = largest + columns
    strides = (points * row, row, taps * columns, columns)
    inside = (0, points, 0, points, taps, taps, columns // sizes.lanes)
    for i in range(first, last):
        transform_grid(to_results, sums, zeros, line, (i * columns, done), strides, inside)
        _drop_rounding_errors(line, largest, done, taps * taps, columns)
        for tap in range(taps * taps):
            result = line[done + tap * columns : done + (tap + 1) * columns]
            to = out[tap * row + i * columns : tap * row + (i + 1) * columns]
            if accumulate:
                to += result
            else:
                to[:] = result


@kernel(inside=True)
def _drop_rounding_errors(line: Array, largest: int, first: int, taps: int, columns: int) -> None:
    """Set to 0 what is too small beside the largest tap of its channels to have a right digit.

    Where an exact gradient is 0, as for a channel that is active at an edge only, a direct sum is 0
    as well, and here a rounding error is left: to Adam, which divides by the gradient's size, it
    would be as good as any other gradient.
    """
    limit = line.dtype.type(_LEAST * np.finfo(line.dtype).eps)
    for c in range(columns):
        line[largest + c] = 0
    for tap in range(taps):
        for c in range(columns):
            line[largest + c] = max(line[largest + c], abs(line[first + tap * columns + c]))
    for tap in range(taps):
        for c in range(columns):
            value = line[first + tap * columns + c]
            line[first + tap * columns + c] = 0 if abs(value) < limit * line[largest + c] else value


@kernel(inside=True)
def _all_tiles(sizes: Sizes) -> int:
    return sizes.images * ((sizes.out_height + 3) // 4) * ((sizes.out_width + 3) // 4)


@kernel(inside=True)
def _place(sizes: Sizes, tile: int) -> tuple[int, int, int]:
    """Return a tile's image, and its first output row and column."""
    across, down = (sizes.out_width + 3) // 4, (sizes.out_height + 3) // 4
    row = tile // across
    return row // down, row % down * 4, tile % across * 4


@kernel(inside=True)
def _transform_inputs(
    transform: int, x: Array, zeros: Array, buffer: Array, to: int, sizes: Sizes, tile: int
) -> None:
    """Write one tile's row of V, whose positions are a group's rows apart."""
    image, top, left = _place(sizes, tile)
    y, x_first = top + sizes.y_origin, left + sizes.x_origin
    points, channels = sizes.taps + 3, sizes.channels
    start = ((image * sizes.height + y) * sizes.width + x_first) * channels
    apart = sizes.group * channels
    strides = (sizes.width * channels, channels, points * apart, apart)
    vectors = channels // sizes.lanes
    inside = (-y, sizes.height - y, -x_first, sizes.width - x_first, points, points, vectors)
    transform_grid(transform, x, zeros, buffer, (start, to), strides, inside)


@kernel(inside=True)
def _transform_gradient(
    transform: int, dy: Array, zeros: Array, buffer: Array, to: int, sizes: Sizes, tile: int
) -> None:
    """Write one tile's row of D."""
    image, top, left = _place(sizes, tile)
    points, channels = sizes.taps + 3, sizes.out_channels
    start = ((image * sizes.out_height + top) * sizes.out_width + left) * channels
    apart = sizes.group * channels
    strides = (sizes.out_width * channels, channels, points * apart, apart)
    vectors = channels // sizes.lanes
    inside = (0, sizes.out_height - top, 0, sizes.out_width - left, points, points, vectors)
    transform_grid(transform, dy, zeros, buffer, (start, to), strides, inside)


@kernel(inside=True)
def _write_results(
    transform: int, buffer: Array, zeros: Array, out: Array, start: int, sizes: Sizes, tile: int
) -> None:
    """Write the pixels of one tile that exist."""
    image, top, left = _place(sizes, tile)
    points, channels = sizes.taps + 3, sizes.out_channels
    to = ((image * sizes.out_height + top) * sizes.out_width + left) * channels
    apart = sizes.group * channels
    strides = (points * apart, apart, sizes.out_width * channels, channels)
    rows, columns = min(4, sizes.out_height - top), min(4, sizes.out_width - left)
    vectors = channels // sizes.lanes
    inside = (0, points, 0, points, rows, columns, vectors)
    transform_grid(transform, buffer, zeros, out, (start, to), strides, inside)
