"""The sliding of weights over images, on the register tile: what convolutions are made of.

A *phase* is a grid of output pixels (i, j), each of which sums over the taps (k, m) of a kernel and
over the channels of the input::

    out[n, out_y(i), out_x(j), :] = Σ_km x[n, i·stride + k + y, j·stride + m + x, :] · B[k, m]

A convolution is one phase. The gradient of its input has one for each of the stride² positions of a
pixel within the stride.

Taps that fall outside the image are not zeros to be added but loops to be shortened. Of the rows k
of taps, those outside are skipped. Of the columns m likewise, but neighbouring pixels of a row can
be the rows of one tile only where *all* columns of the kernel lie within the image. At each other
pixel, and everywhere when a row is short, the same pixel of neighbouring images is (or, with one
output channel, neighbouring pixels of a column). So there is no padded copy of the input, and no
multiplication by zero.
"""

from scratchvae.kernels.convolution.phases import (
    COLUMNS,
    FEW_PIXELS,
    FIRST_X_TAP,
    FIRST_Y_TAP,
    INNER_FIRST,
    INNER_LAST,
    ORIGIN_X,
    ORIGIN_Y,
    OUT_X,
    OUT_Y,
    PANELS,
    ROWS,
    X_TAPS,
    Y_TAPS,
)
from scratchvae.kernels.machine.arguments import Array, Sizes
from scratchvae.kernels.machine.chunks import ALL, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.packing import pack, pack_transposed
from scratchvae.kernels.machine.tile import run_tile


@kernel()
def correlate(
    part: int,
    parts: int,
    tile: int,
    arrays: tuple[Array, ...],
    phases: Array,
    x_shape: Sizes,
    out_shape: Sizes,
    steps: Sizes,
    tiling: Sizes,
) -> None:
    """Compute the output of one part of the images.

    `arrays` are x, the packed taps and the output, all flat; `steps` is (stride over x, stride over
    the output); `tiling` is (most rows of a tile, columns of a panel).
    """
    if part == ALL:
        return run_all(parts)
    images, most_rows = x_shape[0], tiling[0]
    first, last = images * part // parts, images * (part + 1) // parts
    # Few enough images at a time that they stay in the cache from one loop to the next.
    for n in range(first, last, most_rows):
        group = min(most_rows, last - n)
        for image in range(n, n + group):
            for f in range(len(phases)):
                _inner_pixels(tile, arrays, phases[f], image, x_shape, out_shape, steps, tiling)
                _border_columns(tile, arrays, phases[f], image, x_shape, out_shape, steps, tiling)
        for f in range(len(phases)):
            _border_pixels(tile, arrays, phases[f], n, group, x_shape, out_shape, steps, tiling)


@kernel(inside=True)
def _inner_pixels(
    tile: int,
    arrays: tuple[Array, ...],
    phase: Array,
    image: int,
    x_shape: Sizes,
    out_shape: Sizes,
    steps: Sizes,
    tiling: Sizes,
) -> None:
    """Compute one image where all columns of the kernel are inside: pixels are the tile's rows."""
    x, panels, out = arrays
    _, height, width, channels = x_shape
    _, out_height, out_width, out_channels = out_shape
    stride, out_stride = steps
    most_rows, panel_columns = tiling
    inner_first, inner_last = phase[INNER_FIRST], phase[INNER_LAST]
    tap_row = phase[X_TAPS] * channels
    tiles = (inner_last - inner_first + most_rows - 1) // most_rows
    for p in range((out_channels + panel_columns - 1) // panel_columns):
        panel = phase[PANELS] + p * phase[Y_TAPS] * tap_row * panel_columns
        wide = min(panel_columns, out_channels - p * panel_columns)
        for i in range(phase[ROWS] if tiles > 0 else 0):
            y = i * stride + phase[ORIGIN_Y]
            k_first, k_last = max(0, -y), min(phase[Y_TAPS], height - y)
            x_row = (image * height + y + k_first) * width
            out_row = (image * out_height + phase[OUT_Y] + i * out_stride) * out_width
            for piece in range(tiles):
                j = inner_first + (inner_last - inner_first) * piece // tiles
                end = inner_first + (inner_last - inner_first) * (piece + 1) // tiles
                pixel = out_row + phase[OUT_X] + j * out_stride
                run_tile(
                    tile,
                    x,
                    panels,
                    out,
                    (
                        (x_row + j * stride + phase[ORIGIN_X]) * channels,
                        panel + k_first * tap_row * panel_columns,
                        pixel * out_channels + p * panel_columns,
                    ),
                    (
                        stride * channels,
                        width * channels,
                        tap_row * panel_columns,
                        panel_columns,
                        out_stride * out_channels,
                    ),
                    (max(0, k_last - k_first), tap_row, end - j, wide, 0),
                )


@kernel(inside=True)
def _inner_rows(phase: Array, height: int, stride: int, panel_columns: int) -> tuple[int, int]:
    """Return from which row of pixels, and to before which, border columns are computed image-wise.

    They are the rows at which all rows of taps are inside. With one output channel the arithmetic
    is so little that reading the images a second time would double the cost. With more, tiles full
    of images are the faster ones, and there are no such rows.
    """
    first = max(0, (stride - 1 - phase[ORIGIN_Y]) // stride)
    last = min(phase[ROWS], (height - phase[Y_TAPS] - phase[ORIGIN_Y]) // stride + 1)
    if panel_columns > 1 or last - first < FEW_PIXELS:
        return first, first
    return first, last


@kernel(inside=True)
def _border_columns(
    tile: int,
    arrays: tuple[Array, ...],
    phase: Array,
    image: int,
    x_shape: Sizes,
    out_shape: Sizes,
    steps: Sizes,
    tiling: Sizes,
) -> None:
    """Compute one image's pixels at its left and right: those of a column are the tile's rows."""
    x, panels, out = arrays
    _, height, width, channels = x_shape
    _, out_height, out_width, out_channels = out_shape
    stride, out_stride = steps
    most_rows, panel_columns = tiling
    inner_first, inner = phase[INNER_FIRST], phase[INNER_LAST] - phase[INNER_FIRST]
    first, last = _inner_rows(phase, height, stride, panel_columns)
    tap_row = phase[X_TAPS] * channels
    tiles = (last - first + most_rows - 1) // most_rows
    for p in range((out_channels + panel_columns - 1) // panel_columns if tiles > 0 else 0):
        panel = phase[PANELS] + p * phase[Y_TAPS] * tap_row * panel_columns
        wide = min(panel_columns, out_channels - p * panel_columns)
        for border in range(phase[COLUMNS] - inner):
            j = border if border < inner_first else border + inner
            column = j * stride + phase[ORIGIN_X]
            m_first, m_last = max(0, -column), min(phase[X_TAPS], width - column)
            for piece in range(tiles):
                i = first + (last - first) * piece // tiles
                end = first + (last - first) * (piece + 1) // tiles
                x_row = (image * height + i * stride + phase[ORIGIN_Y]) * width
                out_row = (image * out_height + phase[OUT_Y] + i * out_stride) * out_width
                pixel = out_row + phase[OUT_X] + j * out_stride
                run_tile(
                    tile,
                    x,
                    panels,
                    out,
                    (
                        (x_row + column + m_first) * channels,
                        panel + m_first * channels * panel_columns,
                        pixel * out_channels + p * panel_columns,
                    ),
                    (
                        stride * width * channels,
                        width * channels,
                        tap_row * panel_columns,
                        panel_columns,
                        out_stride * out_width * out_channels,
                    ),
                    (phase[Y_TAPS], max(0, m_last - m_first) * channels, end - i, wide, 0),
                )


@kernel(inside=True)
def _border_pixels(
    tile: int,
    arrays: tuple[Array, ...],
    phase: Array,
    image: int,
    group: int,
    x_shape: Sizes,
    out_shape: Sizes,
    steps: Sizes,
    tiling: Sizes,
) -> None:
    """Compute all other pixels of a group of images: images are the tile's rows."""
    x, panels, out = arrays
    _, height, width, channels = x_shape
    _, out_height, out_width, out_channels = out_shape
    stride, out_stride = steps
    panel_columns = tiling[1]
    inner_first, inner = phase[INNER_FIRST], phase[INNER_LAST] - phase[INNER_FIRST]
    first, last = _inner_rows(phase, height, stride, panel_columns)
    tap_row = phase[X_TAPS] * channels
    for p in range((out_channels + panel_columns - 1) // panel_columns):
        panel = phase[PANELS] + p * phase[Y_TAPS] * tap_row * panel_columns
        wide = min(panel_columns, out_channels - p * panel_columns)
        for row in range(phase[ROWS] - (last - first)):
            i = row if row < first else row + last - first
            y = i * stride + phase[ORIGIN_Y]
            k_first, k_last = max(0, -y), min(phase[Y_TAPS], height - y)
            x_row = (image * height + y + k_first) * width
            out_row = (image * out_height + phase[OUT_Y] + i * out_stride) * out_width
            for border in range(phase[COLUMNS] - inner):
                j = border if border < inner_first else border + inner
                column = j * stride + phase[ORIGIN_X]
                m_first, m_last = max(0, -column), min(phase[X_TAPS], width - column)
                pixel = out_row + phase[OUT_X] + j * out_stride
                run_tile(
                    tile,
                    x,
                    panels,
                    out,
                    (
                        (x_row + column + m_first) * channels,
                        panel + (k_first * tap_row + m_first * channels) * panel_columns,
                        pixel * out_channels + p * panel_columns,
                    ),
                    (
                        height * width * channels,
                        width * channels,
                        tap_row * panel_columns,
                        panel_columns,
                        out_height * out_width * out_channels,
                    ),
                    (
                        max(0, k_last - k_first),
                        max(0, m_last - m_first) * channels,
                        group,
                        wide,
                        0,
                    ),
                )


@kernel()
def pack_taps(
    panels: Array,
    w: Array,
    w_shape: Sizes,
    phases: Array,
    tap_step: int,
    transposed: bool,
    panel_columns: int,
) -> None:
    """Pack the taps of each phase as its B, one panel after the other.

    Tap (k, m) of a phase is that of `w` at (first y, first x) + (k, m)·`tap_step`; from its input
    channels to its output channels or, transposed, the other way. A panel of one column is for the
    tile of one column, and there is one output channel.
    """
    _, w_width, channels, out_channels = w_shape
    steps, columns = (out_channels, channels) if transposed else (channels, out_channels)
    for f in range(len(phases)):
        to = phases[f, PANELS]
        for left in range(0, columns, panel_columns):
            wide = min(panel_columns, columns - left)
            for k in range(phases[f, Y_TAPS]):
                for m in range(phases[f, X_TAPS]):
                    y = phases[f, FIRST_Y_TAP] + k * tap_step
                    tap = y * w_width + phases[f, FIRST_X_TAP] + m * tap_step
                    start = tap * channels * out_channels
                    if panel_columns == 1:
                        for step in range(steps):
                            panels[to + step] = w[start + step]
                    elif transposed:
                        pack_transposed(panels, to, w, (start + left * steps, steps), (steps, wide))
                    else:
                        pack(panels, to, w, (start + left, columns), (steps, wide))
                    to += steps * panel_columns
