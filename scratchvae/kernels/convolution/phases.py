"""Which pixels meet which taps: the geometry of a convolution, worked out once per shape."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.kernels.convolution.geometry import output_size

# What a row of the table of phases holds.
OUT_Y, OUT_X, ROWS, COLUMNS, ORIGIN_Y, ORIGIN_X, Y_TAPS, X_TAPS = range(8)
FIRST_Y_TAP, FIRST_X_TAP, PANELS, INNER_FIRST, INNER_LAST = range(8, 13)

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


@cache
def phase_table(
    y_axes: tuple[Axis, ...],
    x_axes: tuple[Axis, ...],
    stride: int,
    width: int,
    few: int,
    steps: int,
    columns: int,
) -> tuple[NDArray[Any], int]:
    """Return the table of phases and how many numbers their packed taps are.

    Parameters
    ----------
    y_axes, x_axes : tuple of Axis
        The phases along each axis; the table has all their pairs.
    stride : int
        Between the input pixels of neighbouring output pixels.
    width : int
        Of the input, in pixels.
    few : int
        With fewer inner pixels in a row, all are counted as border.
    steps, columns : int
        Input channels, and output channels rounded up to whole panels.
    """
    table, room = [], 0
    for y in y_axes:
        for x in x_axes:
            # Inner: 0 ≤ j·stride + origin, and j·stride + origin + taps ≤ width.
            first = min(x.pixels, max(0, -(x.origin // stride)))
            last = max(first, min(x.pixels, (width - x.taps - x.origin) // stride + 1))
            if last - first < few:
                last = first
            phase = [y.first, x.first, y.pixels, x.pixels, y.origin, x.origin, y.taps, x.taps]
            table.append([*phase, y.first_tap, x.first_tap, room, first, last])
            room += y.taps * x.taps * steps * columns
    return np.array(table, np.int64).reshape(-1, INNER_LAST + 1), room
