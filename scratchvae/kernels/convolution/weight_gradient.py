"""The gradient of a convolution's weights, on the register tile.

The gradient at tap (k, m) from channel c to channel o is a sum over all output pixels of all images
of the input pixel that the tap met there, times the output's gradient. So the rows of the tile are
input channels, its columns output channels, and its reduction walks over pixels: `dy` is read in
place as B. The taps m of a row of the kernel and their channels are neighbours in memory and make
rows together, wherever all of them lie within the image. At the other columns of pixels, and
everywhere when the output is small, the reduction walks over images instead.

Chunks own different rows of the result, so that each sum is made by one thread in one order.
"""

from typing import NamedTuple

from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.packing import pack
from scratchvae.kernels.machine.tile import run_tile
from scratchvae.validation import Array


class Sizes(NamedTuple):
    """What all tiles of a weight gradient share."""

    images: int
    height: int  # of x
    width: int
    channels: int
    kernel_height: int
    kernel_width: int
    dy_height: int
    dy_width: int
    out_channels: int
    dy_pixel: int  # numbers from one pixel of dy to the next
    stride: int
    y_padding: int
    x_padding: int
    inner_first: int  # the columns of dy at which all columns of taps lie in the image
    inner_last: int
    group: int  # images at a time
    tile_rows: int  # at most
    panel_columns: int


@kernel()
def weight_gradient(
    chunk: int,
    chunks: int,
    tile: int,
    x: Array,
    dy: Array,
    out: Array,
    numbers: tuple[int, ...],
    accumulate: bool,
) -> None:
    """Compute one chunk of the rows of the gradient, or add it to what is there.

    x, dy and the gradient are flat; `numbers` are `Sizes`.
    """
    if chunk == ALL:
        return run_all(chunks)
    sizes = Sizes(*numbers)
    # An item is a tile's rows, of one row of taps; a chunk is a range of them.
    first, last = bounds(chunk, chunks, sizes.kernel_height * _tiles(sizes))
    if last > first and not accumulate:
        start, end = _first_row(sizes, first), _first_row(sizes, last)
        out[start * sizes.out_channels : end * sizes.out_channels] = 0
    # Few enough images at a time that they stay in the cache while they are used again.
    for n in range(0, sizes.images, sizes.group):
        many = min(sizes.group, sizes.images - n)
        for image in range(n, n + many if sizes.inner_last > sizes.inner_first else n):
            for item in range(first, last):
                _inner_pixels(tile, x, dy, out, sizes, item, image)
        for item in range(first, last):
            _border_pixels(tile, x, dy, out, sizes, item, n, many)


@kernel(inside=True)
def _tiles(sizes: Sizes) -> int:
    """Return how many tiles the rows of the gradient make that belong to one row of taps."""
    return (sizes.kernel_width * sizes.channels + sizes.tile_rows - 1) // sizes.tile_rows


@kernel(inside=True)
def _first_row(sizes: Sizes, item: int) -> int:
    """Return the first of an item's rows, which end where those of the next begin."""
    tiles, tap_row = _tiles(sizes), sizes.kernel_width * sizes.channels
    return item // tiles * tap_row + tap_row * (item % tiles) // tiles


@kernel(inside=True)
def _meeting_rows(sizes: Sizes, k: int) -> tuple[int, int]:
    """Return the first row of dy's pixels at which row k of taps is inside, and their number."""
    first = max(0, (sizes.y_padding - k + sizes.stride - 1) // sizes.stride)
    last = min(sizes.dy_height, (sizes.height - 1 - k + sizes.y_padding) // sizes.stride + 1)
    return first, max(0, last - first)


@kernel(inside=True)
def _inner_pixels(
    tile: int, x: Array, dy: Array, out: Array, sizes: Sizes, item: int, image: int
) -> None:
    """Add what one image's inner pixels give to an item."""
    k, row, end = item // _tiles(sizes), _first_row(sizes, item), _first_row(sizes, item + 1)
    first, rows = _meeting_rows(sizes, k)
    x_row = image * sizes.height + first * sizes.stride - sizes.y_padding + k
    x_pixel = x_row * sizes.width + sizes.inner_first * sizes.stride - sizes.x_padding
    x_start = (x_pixel - k * sizes.kernel_width) * sizes.channels + row
    dy_row = image * sizes.dy_height + first
    dy_start = (dy_row * sizes.dy_width + sizes.inner_first) * sizes.dy_pixel
    strides = (
        sizes.stride * sizes.channels,
        sizes.stride * sizes.width * sizes.channels,
        sizes.dy_width * sizes.dy_pixel,
        sizes.dy_pixel,
        sizes.out_channels,
    )
    for left in range(0, sizes.out_channels, sizes.panel_columns):
        columns = min(sizes.panel_columns, sizes.out_channels - left)
        starts = (x_start, dy_start + left, row * sizes.out_channels + left)
        inner = sizes.inner_last - sizes.inner_first
        run_tile(tile, x, dy, out, starts, strides, (rows, inner, end - row, columns, 1))


@kernel(inside=True)
def _border_pixels(
    tile: int, x: Array, dy: Array, out: Array, sizes: Sizes, item: int, image: int, images: int
) -> None:
    """Add what all other pixels of some images give to an item."""
    channels, out_channels = sizes.channels, sizes.out_channels
    k, tap_row = item // _tiles(sizes), sizes.kernel_width * channels
    item_row = _first_row(sizes, item) - k * tap_row
    item_end = _first_row(sizes, item + 1) - k * tap_row
    first, rows = _meeting_rows(sizes, k)
    x_row = (image * sizes.height + first * sizes.stride - sizes.y_padding + k) * sizes.width
    dy_row = (image * sizes.dy_height + first) * sizes.dy_width
    x_image = sizes.height * sizes.width * channels
    dy_image = sizes.dy_height * sizes.dy_width * sizes.dy_pixel
    x_step, dy_step = sizes.stride * sizes.width * channels, sizes.dy_width * sizes.dy_pixel
    # The reduction walks down the column of each image; the longer loop goes inside.
    if rows >= images:
        strides = (x_step, x_image, dy_image, dy_step, out_channels)
        outer, steps = images, rows
    else:
        strides = (x_image, x_step, dy_step, dy_image, out_channels)
        outer, steps = rows, images
    inner = sizes.inner_last - sizes.inner_first
    for border in range(sizes.dy_width - inner):
        j = border if border < sizes.inner_first else border + inner
        column = j * sizes.stride - sizes.x_padding
        # The tile's rows, less those whose tap is outside at this pixel.
        row = max(item_row, -column * channels)
        high = min(item_end, (sizes.width - column) * channels) - row
        for left in range(0, out_channels if high > 0 else 0, sizes.panel_columns):
            starts = (
                (x_row + column) * channels + row,
                (dy_row + j) * sizes.dy_pixel + left,
                (k * tap_row + row) * out_channels + left,
            )
            columns = min(sizes.panel_columns, out_channels - left)
            run_tile(tile, x, dy, out, starts, strides, (outer, steps, high, columns, 1))


@kernel()
def widen(
    chunk: int, chunks: int, wide: Array, narrow: Array, rows: int, columns: int, panel_columns: int
) -> None:
    """Copy a matrix into one whose rows are whole panels, filled up with 0, in one chunk."""
    if chunk == ALL:
        return run_all(chunks)
    panels = (columns + panel_columns - 1) // panel_columns
    for row in range(rows):
        for p in range(panels):
            left = p * panel_columns
            to, start = row * panels * panel_columns + left, row * columns + left
            pack(wide, to, narrow, (start, columns), (1, min(panel_columns, columns - left)))


@kernel()
def turn_taps(
    chunk: int, chunks: int, turned: Array, out: Array, channels: int, accumulate: bool
) -> None:
    """Copy, or add, the taps of a gradient (taps, channels) to `out` in the opposite order."""
    if chunk == ALL:
        return run_all(chunks)
    taps = out.size // max(channels, 1)
    for tap in range(taps):
        for c in range(channels):
            value = turned[(taps - 1 - tap) * channels + c]
            out[tap * channels + c] = out[tap * channels + c] + value if accumulate else value
