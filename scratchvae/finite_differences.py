"""Finite differences: the slope of a function along each of its inputs, against a gradient.

Every entry x of an array is moved by a step h both ways, and the slope of the function

    D(h) = [f(x + h) − f(x − h)] / 2h

is compared with the gradient. The error of D(h) falls as h², and that of the combination
(4 D(h) − D(2h)) / 3, which is used here, as h⁴; but the rounding of f, divided by h, grows as h
shrinks. So several steps are tried, largest first, until one agrees: a right gradient agrees at
one of them; a wrong one at none.

Source of the theory: the notes of the course CS231n, "gradient checks".
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scratchvae.arrays import FloatArray

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


@dataclass(frozen=True)
class CheckRow:
    """The check of one parameter or input.

    Attributes
    ----------
    name
        What was checked.
    size
        How many entries it has.
    checked
        How many were checked, one by one; or how many random directions, each moving all.
    max_relative_error
        The largest |analytic − numeric| / max(|analytic|, |numeric|, 1e-3 of the largest).
    where
        The index of that entry, or the direction's number.
    analytic, numeric
        The two derivatives there.
    tolerance
        The largest error that passes.
    kinks
        How many entries disagreed here and agreed at a point nearby.
    """

    name: str
    size: int
    checked: int
    max_relative_error: float
    where: str
    analytic: float
    numeric: float
    tolerance: float
    kinks: int = 0

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.max_relative_error <= self.tolerance


@dataclass(frozen=True)
class GradientReport:
    """What a gradient check found; printed, it is a table.

    Attributes
    ----------
    title
        What was checked.
    rows
        One per parameter and input.
    """

    title: str
    rows: list[CheckRow] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there is something to pass, and all of it does."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def max_relative_error(self) -> float:
        """The largest error of all rows (NaN if any is)."""
        return float(np.max([row.max_relative_error for row in self.rows], initial=0.0))

    def __str__(self) -> str:
        width = max([len(row.name) for row in self.rows] + [9])
        lines = [
            self.title,
            f"  {'':{width}}  {'checked':>15}  {'largest error':>13}  {'where':>14}  verdict",
        ]
        for row in self.rows:
            verdict = (
                f"ok{f', {row.kinks} beside a kink' if row.kinks else ''}"
                if row.passed
                else (f"WRONG: backward says {row.analytic:.6g}, the slope is {row.numeric:.6g}")
            )
            lines.append(
                f"  {row.name:{width}}  {f'{row.checked} of {row.size}':>15}  "
                f"{row.max_relative_error:13.1e}  {row.where:>14}  {verdict}"
            )
        return "\n".join(lines)


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
    elsewhere: Callable[[], tuple[Callable[[], float], Mapping[str, FloatArray]]] | None = None,
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
        For a function with kinks: moves ``arrays`` to another point nearby, and returns the value
        and the gradients there. Entries that disagree are tried again there, for it may be a kink
        within the smallest step that they disagree about; a wrong gradient is wrong there too.
    """
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
        check.measure(value, gradients[check.name], tolerance, range(check.count))
    # What counts as zero in one array is judged by the largest slope in all of them.
    largest = max((slope.size for check in checks for slope in check.slopes), default=0.0)
    for _ in range(ATTEMPTS if elsewhere is not None else 0):
        doubtful = {check.name: check.disagreeing(largest, tolerance) for check in checks}
        if elsewhere is None or not any(doubtful.values()):
            break
        value, gradients = elsewhere()
        for check in checks:
            check.measure(value, gradients[check.name], tolerance, doubtful[check.name], largest)
    return GradientReport(title, rows + [check.row(largest, tolerance) for check in checks])


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
        gradient: FloatArray,
        tolerance: float,
        places: Iterable[int],
        largest: float | None = None,
    ) -> None:
        """Measure the slopes at ``places``; again, if there are slopes, for those that disagreed.

        Then one that agrees replaces the earlier.
        """
        for place in places:
            unit = not self.directions
            move = _unit(self.array.shape, place) if unit else self.directions[place]
            slopes = _compare_slopes(value, self.array, gradient, move, tolerance)
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
    start = array.copy()
    scale = max(1.0, float(np.abs(start[move != 0]).max(initial=0)))

    def at(step: float) -> float:
        array[...] = start + step * move
        return value()

    best = np.nan
    try:
        for relative in STEPS:
            h = relative * scale
            narrow = (at(h) - at(-h)) / (2 * h)
            wide = (at(2 * h) - at(-2 * h)) / (4 * h)
            numeric = (4 * narrow - wide) / 3
            if not abs(best - analytic) <= abs(numeric - analytic):
                best = numeric
            if abs(best - analytic) <= 0.1 * tolerance * abs(analytic):
                break
    finally:
        array[...] = start
    return _Slopes(analytic, best)
