"""The kernels of Winograd's convolutions: transforms around the register tile, a group at a time.

All arrays are flat. A group of tiles has, in the working memory of its thread, V at each position
(its tiles' input channels), and after them the products, or D (their output channels). See
``winograd`` for what V, U, D and S are.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.kernels.convolution.cook_toom import RESULTS
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
    tiles: int  # of all images
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
    points = taps + RESULTS - 1
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
            starts = (place, 0, i * out_channels)
            transform_grid(transform, w, zeros, plain, starts, strides, sizes)
            continue
        strides = (row, column, points * a_position, a_position)
        for p in range(many):
            left = p * width
            vectors = min(width, columns - left) // lanes
            sizes = (0, taps, 0, taps, points, points, vectors)
            starts = (place + left, 0, (p * steps + i) * width)
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
    positions = (sizes.taps + RESULTS - 1) ** 2
    channels, out_channels = sizes.channels, sizes.out_channels
    v = chunk * positions * sizes.group * (channels + out_channels)
    products = v + positions * sizes.group * channels
    x_shape = (sizes.height, sizes.width, channels, sizes.y_origin, sizes.x_origin)
    many = (out_channels + sizes.panel_columns - 1) // sizes.panel_columns
    first, last = bounds(chunk, chunks, sizes.tiles)
    for n in range(first, last, sizes.group):
        count = min(sizes.group, last - n)
        for t in range(count):
            row = v + t * channels
            _transform(to_inputs, x, zeros, buffer, row, sizes, n + t, x_shape)
        for position in range(positions):
            left_start = v + position * sizes.group * channels
            to = products + position * sizes.group * out_channels
            for p in range(many):
                left = p * sizes.panel_columns
                panel = (position * many + p) * channels * sizes.panel_columns
                starts = (left_start, panel, to + left)
                strides = (channels, 0, 0, sizes.panel_columns, out_channels)
                columns = min(sizes.panel_columns, out_channels - left)
                whole = (1, channels, count, columns, 0)
                run_tile(tile, buffer, panels, buffer, starts, strides, whole)
        for t in range(count):
            row = products + t * out_channels
            _write_results(to_results, buffer, zeros, out, row, sizes, n + t)


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
    positions = (sizes.taps + RESULTS - 1) ** 2
    channels, out_channels = sizes.channels, sizes.out_channels
    v = chunk * positions * sizes.group * (channels + out_channels)
    d = v + positions * sizes.group * channels
    x_shape = (sizes.height, sizes.width, channels, sizes.y_origin, sizes.x_origin)
    dy_shape = (sizes.out_height, sizes.out_width, out_channels, 0, 0)
    blocks = (channels + sizes.tile_rows - 1) // sizes.tile_rows
    first_piece, last_piece = bounds(chunk, chunks, sizes.pieces)
    for piece in range(first_piece, last_piece):
        first, last = bounds(piece, sizes.pieces, sizes.tiles)
        to = piece * positions * channels * out_channels
        if first == last:
            sums[to : to + positions * channels * out_channels] = 0
        for n in range(first, last, sizes.group):
            count = min(sizes.group, last - n)
            for t in range(count):
                row_v, row_d = v + t * channels, d + t * out_channels
                _transform(to_inputs, x, zeros, buffer, row_v, sizes, n + t, x_shape)
                _transform(to_taps, dy, zeros, buffer, row_d, sizes, n + t, dy_shape)
            for position in range(positions):
                v_start = v + position * sizes.group * channels
                d_start = d + position * sizes.group * out_channels
                for left in range(0, out_channels, sizes.panel_columns):
                    for block in range(blocks):
                        row = channels * block // blocks
                        rows = channels * (block + 1) // blocks - row
                        at = to + (position * channels + row) * out_channels + left
                        starts = (v_start + row, d_start + left, at)
                        strides = (channels, 0, 0, out_channels, out_channels)
                        columns = min(sizes.panel_columns, out_channels - left)
                        whole = (1, count, rows, columns, 1 if n > first else 0)
                        run_tile(tile, buffer, buffer, sums, starts, strides, whole)


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
    taps, columns = sizes.taps, sizes.out_channels
    points = taps + RESULTS - 1
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
        transform_grid(to_results, sums, zeros, line, (i * columns, 0, done), strides, inside)
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
def _place(sizes: Sizes, tile: int) -> tuple[int, int, int]:
    """Return a tile's image, and its first output row and column."""
    across = (sizes.out_width + RESULTS - 1) // RESULTS
    down = (sizes.out_height + RESULTS - 1) // RESULTS
    row = tile // across
    return row // down, row % down * RESULTS, tile % across * RESULTS


@kernel(inside=True)
def _transform(
    transform: int,
    images: Array,
    zeros: Array,
    buffer: Array,
    to: int,
    sizes: Sizes,
    tile: int,
    shape: tuple[int, ...],
) -> None:
    """Write one tile's row of V, or of D, whose positions are a group's rows apart.

    `shape` is height, width and channels of the images, and where in them output pixel 0 begins.
    """
    height, width, channels, y_origin, x_origin = shape
    image, top, left = _place(sizes, tile)
    y, x = top + y_origin, left + x_origin
    points, apart = sizes.taps + RESULTS - 1, sizes.group * channels
    starts = (((image * height + y) * width + x) * channels, 0, to)
    strides = (width * channels, channels, points * apart, apart)
    inside = (-y, height - y, -x, width - x, points, points, channels // sizes.lanes)
    transform_grid(transform, images, zeros, buffer, starts, strides, inside)


@kernel(inside=True)
def _write_results(
    transform: int, buffer: Array, zeros: Array, out: Array, start: int, sizes: Sizes, tile: int
) -> None:
    """Write the pixels of one tile that exist."""
    image, top, left = _place(sizes, tile)
    points, channels = sizes.taps + RESULTS - 1, sizes.out_channels
    to = ((image * sizes.out_height + top) * sizes.out_width + left) * channels
    apart = sizes.group * channels
    strides = (points * apart, apart, sizes.out_width * channels, channels)
    rows, columns = min(RESULTS, sizes.out_height - top), min(RESULTS, sizes.out_width - left)
    vectors = channels // sizes.lanes
    inside = (0, points, 0, points, rows, columns, vectors)
    transform_grid(transform, buffer, zeros, out, (start, 0, to), strides, inside)
