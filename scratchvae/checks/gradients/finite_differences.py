"""Finite differences: the slope of a function along each of its inputs, against a gradient.

Every entry x of an array is moved by a step h both ways, and the slope of the function

    D(h) = [f(x + h) − f(x − h)] / 2h

is compared with the gradient. The error of D(h) falls as h² (eq. 2.12 of the lessons), and that of
the combination (4 D(h) − D(2h)) / 3, which is used here, as h⁴; but the rounding of f, divided by
h, grows as h shrinks (eq. 2.13), and the best step lies in between (eq. 2.14). So several steps are
tried, largest first, until one agrees: a right gradient agrees at one of them, a wrong one at none.

Source of the theory: the notes of the course CS231n, "gradient checks".
"""

from collections.abc import Callable
from math import isfinite
from typing import NamedTuple

import numpy as np

from scratchvae.validation import FloatArray

# Steps for an entry of size 1. At the first, the h⁴ error of a function with derivatives of order 1
# is 1e-12, far below any tolerance; the others are for strongly curved functions, and for those
# with a kink, which a smaller step is less likely to straddle.
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
# And for those with a large value and small slopes, whose rounding needs a longer step.
LONG_STEPS = (1e-2, 1e-1)
# An array whose entries are this small may be meant on a scale of its own.
_SMALL = 1e-2


def slope_along(
    value: Callable[[], float], array: FloatArray, move: FloatArray, step: float
) -> tuple[float, float]:
    """Return D(h) and D(2h) of ``value`` along ``move``; ``array`` is put back."""
    return central(value, array, move, step), central(value, array, move, 2 * step)


def central(value: Callable[[], float], array: FloatArray, move: FloatArray, step: float) -> float:
    """Return D(h) of ``value`` along ``move``; ``array`` is put back."""
    start = array.copy()

    def at(distance: float) -> float:
        array[...] = start + distance * move
        with np.errstate(all="ignore"):  # a step may leave the function's domain
            return value()

    try:
        return (at(step) - at(-step)) / (2 * step)
    finally:
        array[...] = start


def scales(array: FloatArray, move: FloatArray) -> list[float]:
    """Return the sizes that steps along ``move`` are relative to: 1 or more, then a small one.

    Weights of 0.001 are moved as others are, but an input in metres may be nanometres long.
    """
    large = max(1.0, float(np.abs(array[move != 0]).max(initial=0)))
    own = float(np.abs(array).max(initial=0))
    return [large, own] if 0 < own < _SMALL else [large]


def unit_move(shape: tuple[int, ...], index: int) -> FloatArray:
    """Return the direction that moves one entry, given by its flat index, by 1."""
    move = np.zeros(shape)
    move.flat[index] = 1
    return move


class SlopePair(NamedTuple):
    """The analytic slope along one move, the nearest numeric one to it, and the step of that."""

    analytic: float
    numeric: float
    step: float = STEPS[0]

    @property
    def size(self) -> float:
        """The larger of the two; 0 if either is not finite."""
        known = isfinite(self.analytic) and isfinite(self.numeric)
        return max(abs(self.analytic), abs(self.numeric)) if known else 0.0

    @property
    def gap(self) -> float:
        """How far apart the two are, relative to the larger."""
        gap = abs(self.analytic - self.numeric)
        return gap / self.size if np.isfinite(gap) and self.size else gap if gap == 0 else np.inf


def extrapolate(narrow: float, wide: float) -> float:
    """Return the slope that D(h) and D(2h) point to: errors in h² cancel, those in h⁴ stay."""
    return (4 * narrow - wide) / 3
