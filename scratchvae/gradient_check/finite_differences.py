"""Finite differences: the slope of a function along each of its inputs, against a gradient.

Every entry x of an array is moved by a step h both ways, and the slope of the function

    D(h) = [f(x + h) − f(x − h)] / 2h

is compared with the gradient. The error of D(h) falls as h² (eq. 2.9 of the lessons), and that of
the combination (4 D(h) − D(2h)) / 3, which is used here, as h⁴; but the rounding of f, divided by
h, grows as h shrinks (eq. 2.10), and the best step lies between (eq. 2.11). So several steps are
tried, largest first, until one agrees: a right gradient agrees at one of them; a wrong one at none.

Source of the theory: the notes of the course CS231n, "gradient checks".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from scratchvae.arrays import FloatArray
from scratchvae.gradient_check.diagnosis import diagnose
from scratchvae.gradient_check.evidence import Facts, Measured
from scratchvae.gradient_check.report import CheckRow, GradientReport

# Steps relative to an entry of size 1. At the first the h⁴ error of a function with derivatives of
# order 1 is 1e-12, far below any tolerance; the others are for strongly curved functions, and for
# those with a kink, which the smaller step is less likely to straddle.
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)

# Relative errors: rounding leaves about 1e-9 of a smooth layer and 1e-7 of a whole model, whose
# loss of hundreds of nats is rounded to 1e-13 of itself; the smallest real bug is of order 1e-2.
SMOOTH_TOLERANCE = 1e-6
# An entry whose step straddles a kink at every step size (or a jump of curvature, as ELU's) keeps
# an error of the order of the smallest step that rounding still allows.
KINK_TOLERANCE = 1e-5
# One entry in twenty of a deep ReLU network has a kink of some unit within every step. After so
# many points nearby, one in three million would be left.
ATTEMPTS = 4
# For a diagnosis arrays of up to so many entries are measured whole, larger ones at so many.
DIAGNOSED_WHOLE, DIAGNOSED_SAMPLE = 160, 60

Elsewhere = tuple[Callable[[], float], Mapping[str, FloatArray], Mapping[str, FloatArray]]


def check_gradients(
    title: str,
    value: Callable[[], float],
    arrays: Mapping[str, FloatArray],
    gradients: Mapping[str, FloatArray],
    *,
    rng: np.random.Generator,
    max_coordinates: int = 400,
    directions: int = 4,
    tolerance: float = SMOOTH_TOLERANCE,
    elsewhere: Callable[[], Elsewhere] | None = None,
    repeated: Mapping[str, FloatArray] | None = None,
    facts: Callable[[], Facts] | None = None,
    parts: Callable[[], FloatArray] | None = None,
) -> GradientReport:
    """Compare gradients of any function with finite differences.

    Parameters
    ----------
    title
        What to call it.
    value
        Returns the function's value at what ``arrays`` hold at that moment.
    arrays
        What it depends on, by name, in float64. Each is moved in place, and put back.
    gradients
        The derivative with respect to each, of the same names and shapes.
    rng, max_coordinates, directions, tolerance
        As for ``gradcheck``.
    elsewhere
        For a function with kinks: moves ``arrays`` to another point nearby, and returns the value,
        the gradients and the repeated gradients there. Entries that disagree are tried again
        there, for it may be a kink within the smallest step that they disagree about; a wrong
        gradient is wrong there too.
    repeated
        What a second backward pass gave, by name; both must be right.
    facts
        How the backward pass behaves: asked for only if something is wrong, to say what.
    parts
        For a loss of two parts, returns both (2,) at what ``arrays`` hold; their sum is ``value``.
    """
    repeated = repeated or {}
    rows: list[CheckRow] = []
    checks: list[_ArrayCheck] = []
    for name, array in arrays.items():
        if gradients[name].shape == array.shape:
            checks.append(_ArrayCheck(name, array, max_coordinates, directions, rng))
        else:
            # A wrong shape is a wrong gradient, not a reason to stop.
            where = f"shape {gradients[name].shape}"
            rows.append(CheckRow(name, array.size, 0, np.inf, where, np.nan, np.nan, tolerance))
    for check in checks:
        both = _candidates(gradients[check.name], repeated.get(check.name))
        check.measure(value, both, tolerance, range(check.count))
    # What counts as zero in one array is judged by the largest slope in all of them.
    largest = max((slope.size for check in checks for slope in check.slopes), default=0.0)
    for _ in range(ATTEMPTS if elsewhere is not None else 0):
        doubtful = {check.name: check.disagreeing(largest, tolerance) for check in checks}
        if elsewhere is None or not any(doubtful.values()):
            break
        value, gradients, repeated = elsewhere()
        for check in checks:
            both = _candidates(gradients[check.name], repeated.get(check.name))
            check.measure(value, both, tolerance, doubtful[check.name], largest)
    rows += [check.row(largest, tolerance) for check in checks]
    if all(row.passed for row in rows):
        return GradientReport(title, rows)
    known = Facts() if facts is None else facts()
    for place, row in enumerate(rows):
        if not row.passed:
            measured = _measure(value, row.name, arrays[row.name], gradients[row.name], parts)
            found = diagnose(measured, known)
            if found is not None:
                rows[place] = replace(row, cause=found.cause, diagnosis=found.sentence)
    return GradientReport(title, rows)


def slope_along(
    value: Callable[[], float], array: FloatArray, move: FloatArray, step: float
) -> tuple[float, float]:
    """Return D(h) and D(2h) of ``value`` along ``move``; ``array`` is put back."""
    start = array.copy()

    def at(distance: float) -> float:
        array[...] = start + distance * move
        return value()

    try:
        narrow = (at(step) - at(-step)) / (2 * step)
        wide = (at(2 * step) - at(-2 * step)) / (4 * step)
    finally:
        array[...] = start
    return narrow, wide


def _candidates(first: FloatArray, second: FloatArray | None) -> list[FloatArray]:
    """Return one gradient, or two if the second pass gave another."""
    if second is None or second.shape != first.shape:
        return [first]
    same = np.isclose(first, second, rtol=1e-9, atol=1e-12, equal_nan=True)
    return [first] if same.all() else [first, second]


def _measure(
    value: Callable[[], float],
    name: str,
    array: FloatArray,
    gradient: FloatArray,
    parts: Callable[[], FloatArray] | None,
) -> Measured:
    """Measure slopes at many entries with one step each, for a diagnosis."""
    places = np.arange(array.size)
    if array.size > DIAGNOSED_WHOLE:
        rng = np.random.default_rng(0)
        places = np.sort(rng.choice(array.size, DIAGNOSED_SAMPLE, replace=False))
    functions: list[Callable[[], float]] = [value]
    if parts is not None:
        functions = [lambda: float(parts()[0]), lambda: float(parts()[1])]
    slopes = np.empty((len(places), len(functions)))
    for row, place in enumerate(places):
        step = STEPS[1] * max(1.0, abs(float(array.flat[place])))
        for column, function in enumerate(functions):
            narrow, wide = slope_along(function, array, _unit(array.shape, int(place)), step)
            slopes[row, column] = (4 * narrow - wide) / 3
    of_parts = None if parts is None else slopes
    return Measured(name, array, gradient, places, slopes.sum(axis=1), of_parts)


def _unit(shape: tuple[int, ...], index: int) -> FloatArray:
    move = np.zeros(shape)
    move.flat[index] = 1
    return move


def _random_signs(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return a direction of length 1 along which every entry moves by the same amount."""
    signs = rng.choice([-1.0, 1.0], shape)
    direction: FloatArray = signs / np.sqrt(signs.size)
    return direction


class _Slopes(NamedTuple):
    """The analytic slope along one move, and the numeric one nearest to it of all steps."""

    analytic: float
    numeric: float

    @property
    def size(self) -> float:
        """The larger of the two; 0 if either is no number."""
        larger = max(abs(self.analytic), abs(self.numeric))
        return larger if np.isfinite(larger) else 0.0

    @property
    def gap(self) -> float:
        """How far apart the two are, relative to the larger."""
        gap = abs(self.analytic - self.numeric)
        return gap / self.size if np.isfinite(gap) and self.size else gap if gap == 0 else np.inf


class _ArrayCheck:
    """One array: the moves to make, entry by entry or along random directions, and their slopes."""

    def __init__(
        self,
        name: str,
        array: FloatArray,
        max_coordinates: int,
        directions: int,
        rng: np.random.Generator,
    ) -> None:
        self.name = name
        self.array = array
        self.directions = (
            []
            if array.size <= max_coordinates
            else [_random_signs(array.shape, rng) for _ in range(directions)]
        )
        self.count = len(self.directions) or array.size
        self.slopes: list[_Slopes] = []
        self.kinks = 0

    def measure(
        self,
        value: Callable[[], float],
        gradients: Sequence[FloatArray],
        tolerance: float,
        places: Iterable[int],
        largest: float | None = None,
    ) -> None:
        """Measure the slopes at ``places``; again, if there are slopes, for those that disagreed.

        Then one that agrees replaces the earlier. Of several gradients the worst counts.
        """
        for place in places:
            unit = not self.directions
            move = _unit(self.array.shape, place) if unit else self.directions[place]
            slopes = max(
                (_compare_slopes(value, self.array, g, move, tolerance) for g in gradients),
                key=lambda slopes: slopes.gap,
            )
            if largest is None:
                self.slopes.append(slopes)
            elif self.error(slopes, largest) <= tolerance:
                self.slopes[place] = slopes
                self.kinks += 1

    def error(self, slopes: _Slopes, largest: float) -> float:
        """Return the relative error of two slopes.

        Slopes a thousand times smaller than the array's largest are measured against that: their
        own size is of the order of the rounding. So are those of an array whose gradient is zero
        (a bias before a batch norm), against the largest of all arrays.
        """
        own = max((each.size for each in self.slopes), default=0.0)
        floor = max(1e-3 * own, 1e-5 * largest, float(np.finfo(np.float64).tiny))
        relative = abs(slopes.analytic - slopes.numeric) / max(slopes.size, floor)
        return relative if np.isfinite(relative) else np.inf

    def disagreeing(self, largest: float, tolerance: float) -> list[int]:
        """Return the places whose slopes differ by more than the tolerance."""
        return [
            place
            for place, slopes in enumerate(self.slopes)
            if self.error(slopes, largest) > tolerance
        ]

    def row(self, largest: float, tolerance: float) -> CheckRow:
        """Return the worst of the slopes, as a row of the report."""
        worst, where, error = _Slopes(0.0, 0.0), "-", 0.0
        for place, slopes in enumerate(self.slopes):
            # Of errors that are the same but for rounding, the first is shown.
            if place == 0 or self.error(slopes, largest) > 1.01 * error:
                relative = self.error(slopes, largest)
                where = (
                    f"direction {place}"
                    if self.directions
                    else str(_index(place, self.array.shape))
                )
                worst, error = slopes, relative
        return CheckRow(
            self.name,
            self.array.size,
            self.count,
            error,
            where,
            worst.analytic,
            worst.numeric,
            tolerance,
            self.kinks,
        )


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def _compare_slopes(
    value: Callable[[], float],
    array: FloatArray,
    gradient: FloatArray,
    move: FloatArray,
    tolerance: float,
) -> _Slopes:
    """Return the slopes of ``value`` along ``move``, the numeric one by ever smaller steps."""
    moved = move != 0  # elsewhere a NaN in the gradient is another entry's error
    analytic = float((gradient[moved] * move[moved]).sum())
    scale = max(1.0, float(np.abs(array[moved]).max(initial=0)))
    best = np.nan
    for relative in STEPS:
        narrow, wide = slope_along(value, array, move, relative * scale)
        numeric = (4 * narrow - wide) / 3
        if not abs(best - analytic) <= abs(numeric - analytic):
            best = numeric
        if abs(best - analytic) <= 0.1 * tolerance * abs(analytic):
            break
    return _Slopes(analytic, best)
