"""Which pixels meet which taps: the geometry of a convolution, worked out once per shape."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.kernels.convolution.geometry import output_size
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array

FEW_PIXELS = 6  # fewer in a row, and the images are the rows of a tile


class Axis(NamedTuple):
    """One phase along one axis: output pixels ``first + i·step`` and the taps that they meet.

    Output pixel i meets tap ``first_tap + k·tap_step`` at input pixel ``i·stride + origin + k``,
    for k below `taps`.
    """

    first: int
    pixels: int
    origin: int
    taps: int
    first_tap: int


class Phase(NamedTuple):
    """A phase along both axes: a row of the table of phases."""

    y: Axis
    x: Axis
    panels: int  # where its packed taps begin
    inner_top: int  # the rows of pixels at which all rows of taps lie in the image
    inner_bottom: int
    inner_first: int  # the columns of pixels at which all columns of taps do
    inner_last: int


def forward_axis(size: int, kernel: int, stride: int, padding: int) -> tuple[Axis, ...]:
    """Return the one phase of a convolution of `size` pixels along one axis."""
    return (Axis(0, output_size(size, kernel, stride, padding), -padding, kernel, 0),)


def gradient_axis(size: int, kernel: int, stride: int, padding: int) -> tuple[Axis, ...]:
    """Return the phases of the input gradient, for an input of `size` pixels along one axis.

    Input pixel p meets tap k at the output pixel q for which q·stride = p + padding - k. For p in
    one phase these are the taps k = least, least + stride, …, and q falls as k grows: from the last
    tap on, q rises from the phase's origin.
    """
    phases = []
    for first in range(min(stride, size)):
        least = (first + padding) % stride
        taps = max(0, -(-(kernel - least) // stride))
        origin = (first + padding) // stride - (taps - 1)
        last_tap = least + stride * (taps - 1)
        phases.append(Axis(first, -(-(size - first) // stride), origin, taps, last_tap))
    return tuple(phases)


def inner_pixels(axis: Axis, stride: int, size: int, few: int) -> tuple[int, int]:
    """Return the first pixel at which all taps lie within `size` pixels, and the last plus 1.

    The two are equal if there are fewer than `few`.
    """
    # 0 ≤ j·stride + origin, and j·stride + origin + taps ≤ size.
    first = min(axis.pixels, max(0, -(axis.origin // stride)))
    last = max(first, min(axis.pixels, (size - axis.taps - axis.origin) // stride + 1))
    return first, last if last - first >= few else first


@cache
def phase_table(
    y_axes: tuple[Axis, ...],
    x_axes: tuple[Axis, ...],
    stride: int,
    sizes: tuple[int, int],
    few: tuple[int, int],
    numbers: int,
) -> tuple[NDArray[Any], int]:
    """Return the table of all pairs of phases and how many numbers their packed taps are.

    The stride is that over the input, and the sizes are the input's height and width. With fewer
    than ``few`` inner rows, or inner pixels in a row, all are counted as border. A packed tap has
    ``numbers`` numbers: the input channels times the output channels, rounded up to whole panels.
    """
    table, size = [], 0
    for y in y_axes:
        for x in x_axes:
            rows = inner_pixels(y, stride, sizes[0], few[0])
            columns = inner_pixels(x, stride, sizes[1], few[1])
            table.append([*y, *x, size, *rows, *columns])  # see read_phase
            size += y.taps * x.taps * numbers
    return np.array(table, np.int64).reshape(-1, 15), size


@kernel(inside=True)
def read_phase(table: Array, f: int) -> Phase:
    """Return row f of the table."""
    row = table[f]
    y = Axis(row[0], row[1], row[2], row[3], row[4])
    x = Axis(row[5], row[6], row[7], row[8], row[9])
    return Phase(y, x, row[10], row[11], row[12], row[13], row[14])
