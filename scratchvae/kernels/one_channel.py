"""Convolutions that end in one channel: a product with all taps at once, then a sum of its pieces.

One output channel would leave all but one lane of the tile's vectors idle. So let pixels be the
columns, and taps the rows: the product of the taps (kh·kw × C) with an image (C × pixels) holds
what each pixel gives to each tap, and the result is a sum of these maps, each moved by its tap.
Moved one way they are a convolution, moved the other way the input gradient of one.
"""

from numba import prange

from scratchvae.kernels.arrays import Array, Sizes
from scratchvae.kernels.compilation import kernel
from scratchvae.kernels.packing import add_row, pack_transposed
from scratchvae.kernels.tile import run_tile


@kernel()
def one_channel(
    part: int,
    parts: int,
    tile: int,
    arrays: tuple[Array, ...],
    x_shape: Sizes,
    out_size: Sizes,
    taps: Sizes,
    geometry: Sizes,
    scatter: bool,
    tiling: Sizes,
) -> None:
    """Compute the output of one part of the images.

    `arrays` are x, the taps, the output, room for the maps and a panel; `geometry` is (stride,
    padding); `tiling` (most rows of a tile, columns of a panel, room for a part's maps, and its
    panel). `scatter` tells the input gradient from the convolution.
    """
    x, w, out, maps, panels = arrays
    images, height, width, channels = x_shape
    most_rows, columns, map_room, panel_room = tiling
    count, pixels = taps[0] * taps[1], height * width
    row_length = (pixels + columns - 1) // columns * columns
    tiles = (count + most_rows - 1) // most_rows
    room, panel = part * map_room, part * panel_room
    for n in range(images * part // parts, images * (part + 1) // parts):
        for pixel in range(0, pixels, columns):
            wide = min(columns, pixels - pixel)
            start = (n * pixels + pixel) * channels
            pack_transposed(panels, panel, x, (start, channels), (channels, wide))
            for piece in range(tiles):
                row = count * piece // tiles
                tall = count * (piece + 1) // tiles - row
                run_tile(
                    tile,
                    w,
                    panels,
                    maps,
                    (row * channels, panel, room + row * row_length + pixel),
                    (channels, 0, 0, columns, row_length),
                    (1, channels, tall, wide, 0),
                )
        image = out[n * out_size[0] * out_size[1] : (n + 1) * out_size[0] * out_size[1]]
        for p in range(image.size):
            image[p] = 0
        for tap in range(count):
            source = maps[room + tap * row_length : room + tap * row_length + pixels]
            shift = (tap // taps[1] - geometry[1], tap % taps[1] - geometry[1])
            if scatter:
                _add_moved(image, out_size, source, (height, width), shift, geometry[0])
            else:
                _add_gathered(image, out_size, source, (height, width), shift, geometry[0])


@kernel(parallel=True)
def one_channel_parallel(
    parts: int,
    tile: int,
    arrays: tuple[Array, ...],
    x_shape: Sizes,
    out_size: Sizes,
    taps: Sizes,
    geometry: Sizes,
    scatter: bool,
    tiling: Sizes,
) -> None:
    """Run all parts of `one_channel`."""
    for part in prange(parts):
        one_channel(part, parts, tile, arrays, x_shape, out_size, taps, geometry, scatter, tiling)


@kernel()
def _add_gathered(
    image: Array, size: Sizes, source: Array, source_size: Sizes, shift: Sizes, stride: int
) -> None:
    """Add to each pixel (i, j) the source's pixel (i, j)·stride + shift, where there is one."""
    for i in range(size[0]):
        y = i * stride + shift[0]
        if 0 <= y < source_size[0]:
            first = max(0, (stride - 1 - shift[1]) // stride)
            last = min(size[1], (source_size[1] - 1 - shift[1]) // stride + 1)
            to, start = i * size[1], y * source_size[1] + shift[1]
            if stride == 1:
                add_row(image, to + first, source, start + first, max(0, last - first))
            else:
                for j in range(first, last):
                    image[to + j] += source[start + j * stride]


@kernel()
def _add_moved(
    image: Array, size: Sizes, source: Array, source_size: Sizes, shift: Sizes, stride: int
) -> None:
    """Add the source's pixel (i, j) to the pixel (i, j)·stride + shift, where there is one."""
    for i in range(source_size[0]):
        y = i * stride + shift[0]
        if 0 <= y < size[0]:
            first = max(0, (stride - 1 - shift[1]) // stride)
            last = min(source_size[1], (size[1] - 1 - shift[1]) // stride + 1)
            to, start = y * size[1] + shift[1], i * source_size[1]
            if stride == 1:
                add_row(image, to + first, source, start + first, max(0, last - first))
            else:
                for j in range(first, last):
                    image[to + j * stride] += source[start + j]
