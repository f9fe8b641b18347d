"""The gradient of a convolution's weights, on the register tile.

The gradient at tap (k, m) from channel c to channel o is a sum over all output pixels of all images
of the input pixel that the tap met there, times the output's gradient. So the rows of the tile are
input channels, its columns output channels, and its reduction walks over pixels: `dy` is read in
place as B. The taps m of a row of the kernel and their channels are neighbours in memory and make
rows together, wherever all of them lie within the image. At the other columns of pixels, and
everywhere when the output is small, the reduction walks over images instead.

Parts own different rows of the result, so that each sum is made by one thread in one order.
"""

from scratchvae.kernels.machine.arguments import Array, Sizes
from scratchvae.kernels.machine.chunks import ALL, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.packing import pack
from scratchvae.kernels.machine.tile import run_tile


@kernel()
def weight_gradient(
    part: int,
    parts: int,
    tile: int,
    arrays: tuple[Array, ...],
    x_shape: Sizes,
    dy_shape: Sizes,
    taps: Sizes,
    geometry: Sizes,
    tiling: Sizes,
) -> None:
    """Add one part of the rows of the gradient.

    `arrays` are x, dy and the gradient, all flat; `dy_shape` is (height, width, from one pixel to
    the next); `taps` (rows, columns, output channels); `geometry` (stride, padding in y and x,
    first inner column, last inner column, images at a time); `tiling` (most rows of a tile, columns
    of a panel).
    """
    if part == ALL:
        return run_all(parts)
    images, group = x_shape[0], geometry[5]
    # Cut so that a part is a range of tiles of one row of taps after the other.
    tiles = (taps[1] * x_shape[3] + tiling[0] - 1) // tiling[0]
    items = taps[0] * tiles
    first, last = items * part // parts, items * (part + 1) // parts
    # Few enough images at a time that they stay in the cache while they are used again.
    for n in range(0, images, group):
        many = min(group, images - n)
        for image in range(n, n + many if geometry[4] > geometry[3] else n):
            for item in range(first, last):
                cut = (item // tiles, item % tiles, tiles)
                _inner_pixels(tile, arrays, cut, image, x_shape, dy_shape, taps, geometry, tiling)
        for item in range(first, last):
            cut = (item // tiles, item % tiles, tiles)
            _border_pixels(tile, arrays, cut, n, many, x_shape, dy_shape, taps, geometry, tiling)


@kernel(inside=True)
def _inner_pixels(
    tile: int,
    arrays: tuple[Array, ...],
    cut: Sizes,
    image: int,
    x_shape: Sizes,
    dy_shape: Sizes,
    taps: Sizes,
    geometry: Sizes,
    tiling: Sizes,
) -> None:
    """Add what one image's inner pixels give to one tile's rows of a row k of taps."""
    x, dy, out = arrays
    _, height, width, channels = x_shape
    dy_height, dy_width, pixel = dy_shape
    stride, y_padding, x_padding, inner_first, inner_last, _ = geometry
    k, piece, tiles = cut
    tap_row, out_channels = taps[1] * channels, taps[2]
    row = tap_row * piece // tiles
    tall = tap_row * (piece + 1) // tiles - row
    first = max(0, (y_padding - k + stride - 1) // stride)
    last = min(dy_height, (height - 1 - k + y_padding) // stride + 1)
    x_row = (image * height + first * stride - y_padding + k) * width
    x_start = (x_row + inner_first * stride - x_padding) * channels + row
    dy_start = ((image * dy_height + first) * dy_width + inner_first) * pixel
    for left in range(0, out_channels, tiling[1]):
        run_tile(
            tile,
            x,
            dy,
            out,
            (x_start, dy_start + left, (k * tap_row + row) * out_channels + left),
            (stride * channels, stride * width * channels, dy_width * pixel, pixel, out_channels),
            (
                max(0, last - first),
                inner_last - inner_first,
                tall,
                min(tiling[1], out_channels - left),
                1,
            ),
        )


@kernel(inside=True)
def _border_pixels(
    tile: int,
    arrays: tuple[Array, ...],
    cut: Sizes,
    image: int,
    images: int,
    x_shape: Sizes,
    dy_shape: Sizes,
    taps: Sizes,
    geometry: Sizes,
    tiling: Sizes,
) -> None:
    """Add what all other pixels of some images give to one tile's rows of a row k of taps."""
    x, dy, out = arrays
    _, height, width, channels = x_shape
    dy_height, dy_width, pixel = dy_shape
    stride, y_padding, x_padding, inner_first, inner_last, _ = geometry
    k, piece, tiles = cut
    tap_row, out_channels = taps[1] * channels, taps[2]
    first = max(0, (y_padding - k + stride - 1) // stride)
    rows = max(0, min(dy_height, (height - 1 - k + y_padding) // stride + 1) - first)
    x_image, dy_image = height * width * channels, dy_height * dy_width * pixel
    x_step, dy_step = stride * width * channels, dy_width * pixel
    x_row = (image * height + first * stride - y_padding + k) * width
    dy_row = (image * dy_height + first) * dy_width
    inner = inner_last - inner_first
    # The reduction walks down the column of each image; the longer loop goes inside.
    if rows >= images:
        strides = (x_step, x_image, dy_image, dy_step, out_channels)
        outer, steps = images, rows
    else:
        strides = (x_image, x_step, dy_step, dy_image, out_channels)
        outer, steps = rows, images
    for border in range(dy_width - inner):
        j = border if border < inner_first else border + inner
        column = j * stride - x_padding
        # The tile's rows, less those whose tap is outside at this pixel.
        row = max(tap_row * piece // tiles, -column * channels)
        tall = min(tap_row * (piece + 1) // tiles, (width - column) * channels) - row
        for left in range(0, out_channels if tall > 0 else 0, tiling[1]):
            run_tile(
                tile,
                x,
                dy,
                out,
                (
                    (x_row + column) * channels + row,
                    (dy_row + j) * pixel + left,
                    (k * tap_row + row) * out_channels + left,
                ),
                strides,
                (outer, steps, tall, min(tiling[1], out_channels - left), 1),
            )


@kernel()
def widen(wide: Array, narrow: Array, rows: int, columns: int, panel_columns: int) -> None:
    """Copy a matrix into one whose rows are whole panels, filled up with 0."""
    panels = (columns + panel_columns - 1) // panel_columns
    for row in range(rows):
        for p in range(panels):
            left = p * panel_columns
            to, start = row * panels * panel_columns + left, row * columns + left
            pack(wide, to, narrow, (start, columns), (1, min(panel_columns, columns - left)))
