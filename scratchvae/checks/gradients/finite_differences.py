"""Finite differences: the slope of a function along each of its inputs, against a gradient.

Every entry x of an array is moved by a step h both ways, and the slope of the function

    D(h) = [f(x + h) − f(x − h)] / 2h

is compared with the gradient. The error of D(h) falls as h² (eq. 2.12 of the lessons), and that of
the combination (4 D(h) − D(2h)) / 3, which is used here, as h⁴; but the rounding of f, divided by
h, grows as h shrinks (eq. 2.13), and the best step lies in between (eq. 2.14). So several steps are
tried, largest first, until one agrees: a right gradient agrees at one of them, a wrong one at none.

Source of the theory: the notes of the course CS231n, "gradient checks".
"""

from collections.abc import Callable, Iterable, Sequence
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.report import CheckRow
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# Steps for an entry of size 1. At the first, the h⁴ error of a function with derivatives of order 1
# is 1e-12, far below any tolerance; the others are for strongly curved functions, and for those
# with a kink, which a smaller step is less likely to straddle.
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)
# And for those with a large value and small slopes, whose rounding needs a longer step.
LONG_STEPS = (1e-2, 1e-1)
# An error that passes, and how much of the largest slope may be rounding.
_PASSES, _FEWEST_DIGITS = 1e-6, 1e-3
# An array with many entries may have a slow forward pass, and mostly it is linear in them: D(h) has
# then no error in h² to cancel. It is enough by itself where it agrees as well as this, relative to
# the slope, which is a hundredth of what any pair of slopes must.
_MANY, _LINEAR = 200, 1e-9
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


class ArrayCheck:
    """One array: the moves to make, entry by entry or along random directions, and their slopes."""

    def __init__(
        self,
        name: str,
        array: FloatArray,
        max_coordinates: int,
        directions: int,
        rng: np.random.Generator,
        kinks: NDArray[Any] | None = None,
        rounding: float = 0.0,
    ) -> None:
        self.name = name
        self.array = array
        # A value is made of many numbers, each of them rounded.
        self.rounding = 10 * rounding
        self.directions = (
            []
            if array.size <= max_coordinates
            else [_random_signs(array.shape, rng) for _ in range(directions)]
        )
        self.count = len(self.directions) or array.size
        # Entries that are said to lie at a kink: they are not judged.
        self.declared: set[int] = set()
        if kinks is not None and self.directions:
            self.directions = [np.where(kinks, 0.0, move) for move in self.directions]
        elif kinks is not None:
            self.declared = {int(place) for place in np.flatnonzero(kinks)}
        self.slopes: list[SlopePair] = []
        self.kinks = 0
        self.doubtful: set[int] = set()
        self.at_kink = set(self.declared)

    def measure(
        self,
        value: Callable[[], float],
        gradients: Sequence[FloatArray],
        tolerance: float,
        places: Iterable[int],
        largest: float | None = None,
    ) -> None:
        """Measure the slopes at ``places``, the first time (``largest`` is ``None``) or again.

        Measured again, a slope that agrees replaces the earlier one. Of several gradients the worst
        counts.
        """
        for place in places:
            slopes = max(
                (self._compare(value, g, self.move(place), tolerance) for g in gradients),
                key=lambda slopes: slopes.gap,
            )
            if largest is None:
                self.slopes.append(slopes)
            elif self.error(slopes, largest) <= tolerance:
                self.slopes[place] = slopes
                self.kinks += 1

    def move(self, place: int) -> FloatArray:
        """Return the direction of a place: one entry's, or one in which all entries move."""
        return self.directions[place] if self.directions else unit_move(self.array.shape, place)

    def largest(self) -> float:
        """Return the array's largest slope."""
        return max((each.size for each in self.slopes), default=0.0)

    def error(self, slopes: SlopePair, largest: float, own: float | None = None) -> float:
        """Return the relative error of two slopes; ``own`` is the array's largest, if known.

        Slopes a thousand times smaller than the array's largest are measured against that, since
        their own size is of the order of the rounding; those of an array whose gradient is zero
        (a bias before a batch norm) are measured against the largest of all arrays. What rounding
        explains is no error, if it leaves the array's largest slope three digits to be judged by.
        """
        own = self.largest() if own is None else own
        floor = max(1e-3 * own, 1e-5 * largest, float(np.finfo(np.float64).tiny))
        gap = abs(slopes.analytic - slopes.numeric)
        relative = gap / max(slopes.size, floor)
        resolution = self.rounding / slopes.step
        if relative > _PASSES and gap <= resolution <= _FEWEST_DIGITS * own:
            return _PASSES
        return relative if np.isfinite(relative) else np.inf

    def disagreeing(self, largest: float, tolerance: float) -> list[int]:
        """Return the places whose slopes differ by more than the tolerance."""
        own = self.largest()
        return [
            place
            for place, slopes in enumerate(self.slopes)
            if place not in self.declared and self.error(slopes, largest, own) > tolerance
        ]

    def leaves_all_as_it_is(self, largest: float, tolerance: float) -> bool:
        """Whether no slope can be told from zero, beside the largest of all arrays."""
        floor = 1e-5 * tolerance * largest
        return all(abs(s.analytic) <= floor and abs(s.numeric) <= floor for s in self.slopes)

    def row(self, largest: float, tolerance: float) -> CheckRow:
        """Return the worst of the slopes, as a row of the report."""
        worst, where, error, own = SlopePair(0.0, 0.0), "-", 0.0, self.largest()
        judged = [place for place in range(self.count) if place not in self.at_kink]
        for place in judged or range(self.count):
            slopes = self.slopes[place]
            # Of errors that are the same up to rounding, the first is shown.
            relative = self.error(slopes, largest, own)
            if where == "-" or relative > 1.01 * error:
                where = (
                    f"direction {place}"
                    if self.directions
                    else str(_index(place, self.array.shape))
                )
                worst, error = slopes, relative
        return CheckRow(
            self.name,
            self.array.size,
            len(judged),
            error,
            where,
            worst.analytic,
            worst.numeric,
            tolerance,
            self.kinks,
            undecided=len(self.at_kink),
            independent=self.leaves_all_as_it_is(largest, tolerance),
        )

    def _compare(
        self,
        value: Callable[[], float],
        gradient: FloatArray,
        move: FloatArray,
        tolerance: float,
    ) -> SlopePair:
        """Return the slopes along ``move``, the numeric one by ever smaller steps."""
        moved = move != 0  # elsewhere a NaN in the gradient is another entry's error
        analytic = float((gradient[moved] * move[moved]).sum())
        steps = self._steps(move, tolerance * abs(analytic))
        best, best_step = np.nan, steps[0]
        refusal: InputError | None = None
        for step in steps:
            try:
                narrow = central(value, self.array, move, step)
                if self.count > _MANY and abs(narrow - analytic) <= _LINEAR * abs(analytic):
                    return SlopePair(analytic, narrow, step)
                wide = central(value, self.array, move, 2 * step)
            except InputError as error:  # nor may it be defined beyond
                refusal = error
                continue
            # Where the curvature jumps, the error of D(h) is in h: the second of these cancels it.
            for numeric in (extrapolate(narrow, wide), 2 * narrow - wide):
                if not abs(best - analytic) <= abs(numeric - analytic):
                    best, best_step = numeric, step
            if abs(best - analytic) <= 0.1 * tolerance * abs(analytic):
                break
        if refusal is not None and np.isnan(best):
            raise refusal
        return SlopePair(analytic, best, best_step)

    def _steps(self, move: FloatArray, allowed: float) -> list[float]:
        """Return the steps to try along ``move``, of which an error of ``allowed`` passes."""
        scale, *own = scales(self.array, move)
        steps = [step * scale for step in STEPS]
        if self.rounding / steps[0] > 0.1 * allowed:
            steps += [step * scale for step in LONG_STEPS]
        return steps + [step * small for small in own for step in (*STEPS[:2], *LONG_STEPS)]


def extrapolate(narrow: float, wide: float) -> float:
    """Return the slope that D(h) and D(2h) point to: errors in h² cancel, those in h⁴ stay."""
    return (4 * narrow - wide) / 3


def _random_signs(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return a direction of length 1 along which every entry moves by the same amount."""
    signs = rng.choice([-1.0, 1.0], shape)
    direction: FloatArray = signs / np.sqrt(signs.size)
    return direction


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))
