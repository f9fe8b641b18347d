"""The sliding of weights over images, on the register tile: what convolutions are made of.

A *phase* is a grid of output pixels (i, j), each of which sums over the taps (k, m) of a kernel and
over the channels of the input::

    out[n, out_y(i), out_x(j), :] = Σ_km x[n, i·stride + k + y, j·stride + m + x, :] · B[k, m]

A convolution is one phase. The gradient of its input has one for each of the stride² positions of a
pixel within the stride.

Taps that fall outside the image shorten a loop instead of adding zeros. Rows k of taps that lie
outside are skipped, and so are columns m. But neighbouring pixels of a row can be the rows of one
tile only where *all* columns of the kernel lie within the image. At the other pixels, and
everywhere when a row is short, the tile's rows are the same pixel of neighbouring images (or, with
one output channel, neighbouring pixels of a column). So there is no padded copy of the input, and
no multiplication by zero.
"""

from typing import NamedTuple

from scratchvae.kernels.convolution.phases import Phase, read_phase
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.packing import pack, pack_transposed
from scratchvae.kernels.machine.tile import run_tile
from scratchvae.validation import Array


class Sizes(NamedTuple):
    """What all tiles of a convolution share."""

    images: int
    height: int  # of the input
    width: int
    channels: int
    out_height: int
    out_width: int
    out_channels: int
    stride: int  # over the input
    out_stride: int
    tile_rows: int  # at most
    panel_columns: int


@kernel()
def correlate(
    chunk: int,
    chunks: int,
    tile: int,
    x: Array,
    panels: Array,
    out: Array,
    phases: Array,
    numbers: tuple[int, ...],
) -> None:
    """Compute the output of one chunk of the images: x, packed taps and output are flat.

    `numbers` are `Sizes`, which Numba unpacks faster from a plain tuple.
    """
    if chunk == ALL:
        return run_all(chunks)
    sizes = Sizes(*numbers)
    first, last = bounds(chunk, chunks, sizes.images)
    # Few enough images at a time that they stay in the cache from one loop to the next.
    for n in range(first, last, sizes.tile_rows):
        group = min(sizes.tile_rows, last - n)
        for image in range(n, n + group):
            for f in range(len(phases)):
                phase = read_phase(phases, f)
                _inner_pixels(tile, x, panels, out, sizes, phase, image)
                _border_columns(tile, x, panels, out, sizes, phase, image)
        for f in range(len(phases)):
            _border_pixels(tile, x, panels, out, sizes, read_phase(phases, f), n, group)


@kernel(inside=True)
def _inner_pixels(
    tile: int, x: Array, panels: Array, out: Array, sizes: Sizes, phase: Phase, image: int
) -> None:
    """Compute one image where all columns of the kernel are inside: pixels are the tile's rows."""
    first, inner = phase.inner_first, phase.inner_last - phase.inner_first
    tiles = (inner + sizes.tile_rows - 1) // sizes.tile_rows
    apart = (sizes.stride * sizes.channels, sizes.out_stride * sizes.out_channels)
    for p in range(_panels(sizes)):
        for i in range(phase.y.pixels if tiles > 0 else 0):
            for piece in range(tiles):
                j, end = first + inner * piece // tiles, first + inner * (piece + 1) // tiles
                places = _places(sizes, phase, p, image, i, j, end - j, apart)
                run_tile(tile, x, panels, out, *places)


@kernel(inside=True)
def _border_columns(
    tile: int, x: Array, panels: Array, out: Array, sizes: Sizes, phase: Phase, image: int
) -> None:
    """Compute one image's pixels at its left and right: those of a column are the tile's rows."""
    first, last = phase.inner_top, phase.inner_bottom
    inner = phase.inner_last - phase.inner_first
    tiles = (last - first + sizes.tile_rows - 1) // sizes.tile_rows
    apart = (
        sizes.stride * sizes.width * sizes.channels,
        sizes.out_stride * sizes.out_width * sizes.out_channels,
    )
    for p in range(_panels(sizes) if tiles > 0 else 0):
        for border in range(phase.x.pixels - inner):
            j = border if border < phase.inner_first else border + inner
            for piece in range(tiles):
                i = first + (last - first) * piece // tiles
                end = first + (last - first) * (piece + 1) // tiles
                places = _places(sizes, phase, p, image, i, j, end - i, apart)
                run_tile(tile, x, panels, out, *places)


@kernel(inside=True)
def _border_pixels(
    tile: int,
    x: Array,
    panels: Array,
    out: Array,
    sizes: Sizes,
    phase: Phase,
    image: int,
    group: int,
) -> None:
    """Compute all other pixels of a group of images: images are the tile's rows."""
    first, last = phase.inner_top, phase.inner_bottom
    inner = phase.inner_last - phase.inner_first
    apart = (
        sizes.height * sizes.width * sizes.channels,
        sizes.out_height * sizes.out_width * sizes.out_channels,
    )
    for p in range(_panels(sizes)):
        for row in range(phase.y.pixels - (last - first)):
            i = row if row < first else row + last - first
            for border in range(phase.x.pixels - inner):
                j = border if border < phase.inner_first else border + inner
                places = _places(sizes, phase, p, image, i, j, group, apart)
                run_tile(tile, x, panels, out, *places)


@kernel(inside=True)
def _panels(sizes: Sizes) -> int:
    return (sizes.out_channels + sizes.panel_columns - 1) // sizes.panel_columns


@kernel(inside=True)
def _places(
    sizes: Sizes,
    phase: Phase,
    panel: int,
    image: int,
    i: int,
    j: int,
    rows: int,
    apart: tuple[int, int],
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Return starts, strides and sizes of the tile whose first row is output pixel (i, j).

    `apart` is how far its rows are from each other, in the input and in the output. All of them
    meet the taps that the first one does.
    """
    # Where tap (0, 0) falls, and which taps fall inside.
    y, x = i * sizes.stride + phase.y.origin, j * sizes.stride + phase.x.origin
    k_first, k_last = max(0, -y), min(phase.y.taps, sizes.height - y)
    m_first, m_last = max(0, -x), min(phase.x.taps, sizes.width - x)
    x_pixel = (image * sizes.height + y + k_first) * sizes.width + x + m_first
    out_row = image * sizes.out_height + phase.y.first + i * sizes.out_stride
    out_pixel = out_row * sizes.out_width + phase.x.first + j * sizes.out_stride
    tap = (panel * phase.y.taps + k_first) * phase.x.taps + m_first
    left = panel * sizes.panel_columns
    return (
        (
            x_pixel * sizes.channels,
            phase.panels + tap * sizes.channels * sizes.panel_columns,
            out_pixel * sizes.out_channels + left,
        ),
        (
            apart[0],
            sizes.width * sizes.channels,
            phase.x.taps * sizes.channels * sizes.panel_columns,
            sizes.panel_columns,
            apart[1],
        ),
        (
            max(0, k_last - k_first),
            max(0, m_last - m_first) * sizes.channels,
            rows,
            min(sizes.panel_columns, sizes.out_channels - left),
            0,
        ),
    )


@kernel()
def pack_taps(
    chunk: int,
    chunks: int,
    panels: Array,
    w: Array,
    w_shape: tuple[int, ...],
    phases: Array,
    tap_step: int,
    transposed: bool,
    panel_columns: int,
) -> None:
    """Pack the taps of each phase as its B, one panel after the other, in one chunk.

    Tap (k, m) of a phase is that of `w` at (first y, first x) + (k, m)·`tap_step`; from its input
    channels to its output channels or, transposed, the other way. A panel of one column is for the
    tile of one column, and there is one output channel.
    """
    if chunk == ALL:
        return run_all(chunks)
    _, w_width, channels, out_channels = w_shape
    steps, columns = (out_channels, channels) if transposed else (channels, out_channels)
    for f in range(len(phases)):
        phase = read_phase(phases, f)
        to = phase.panels
        for left in range(0, columns, panel_columns):
            size = (steps, min(panel_columns, columns - left))
            for k in range(phase.y.taps):
                for m in range(phase.x.taps):
                    y, x = phase.y.first_tap + k * tap_step, phase.x.first_tap + m * tap_step
                    start = (y * w_width + x) * channels * out_channels
                    if panel_columns == 1:
                        for step in range(steps):
                            panels[to + step] = w[start + step]
                    elif transposed:
                        pack_transposed(panels, to, w, (start + left * steps, steps), size)
                    else:
                        pack(panels, to, w, (start + left, columns), size)
                    to += steps * panel_columns
