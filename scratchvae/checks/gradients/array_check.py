"""One array of a gradient check: its entries or directions, and the slopes along them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.finite_differences import (
    LONG_STEPS,
    STEPS,
    SlopePair,
    central,
    extrapolate,
    scales,
    unit_move,
)
from scratchvae.checks.gradients.kinks import is_kink
from scratchvae.checks.gradients.report import CheckRow
from scratchvae.checks.gradients.together import agreeing_together
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# An error that passes, and how much of the largest slope may be rounding.
_PASSES, _FEWEST_DIGITS = 1e-6, 1e-3
# An array with many entries may have a slow forward pass, and mostly it is linear in them: D(h) has
# then no error in h² to cancel. It is enough by itself where it agrees as well as this, relative to
# the slope, which is a hundredth of what any pair of slopes must.
_MANY, _LINEAR = 200, 1e-9
# Where the slopes of a step and of its double are as close as this, beside their distance from the
# gradient, a smaller step changes nothing.
_SETTLED = 1e-4
# After so many entries that are wrong beyond doubt, those far from the gradient relative to their
# size and to the array's largest slope, the rest of an array is not measured.
_ENOUGH_WRONG, _FAR = 12, 1e-2


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
        self.slopes: dict[int, SlopePair] = {}
        self.kinks = 0
        self.wrong: set[int] = set()  # beyond doubt
        self.doubtful: set[int] = set()
        self.at_kink = set(self.declared)

    def measure(
        self,
        value: Callable[[], float],
        gradients: Sequence[FloatArray],
        tolerance: float,
        *,
        all_of_it: bool = True,
    ) -> None:
        """Measure the slopes that are not known yet. Of several gradients the worst counts.

        Unless ``all_of_it`` is asked for, it ends when enough is wrong.
        """
        unknown = [place for place in range(self.count) if place not in self.slopes]
        if not self.slopes and not self.directions and len(gradients) == 1:
            judged = [place for place in unknown if place not in self.declared]
            self.slopes = agreeing_together(value, self.array, gradients[0], tolerance, judged)
        for place in unknown:
            if place in self.slopes:
                continue
            slopes = self.slopes[place] = self._worst(value, gradients, tolerance, place)
            if all_of_it or place in self.declared or not self._is_far(slopes):
                continue
            if not is_kink(value, self.array, self.move(place)):
                self.wrong.add(place)
            if len(self.wrong) == _ENOUGH_WRONG:
                break

    def measure_again(
        self,
        value: Callable[[], float],
        gradients: Sequence[FloatArray],
        tolerance: float,
        largest: float,
    ) -> None:
        """Measure the doubtful slopes at another point: one that agrees replaces the earlier."""
        for place in sorted(self.doubtful):
            slopes = self._worst(value, gradients, tolerance, place)
            if self.error(slopes, largest) <= tolerance:
                self.slopes[place] = slopes
                self.kinks += 1

    @property
    def complete(self) -> bool:
        """Whether every slope is known."""
        return len(self.slopes) == self.count

    def move(self, place: int) -> FloatArray:
        """Return the direction of a place: one entry's, or one in which all entries move."""
        return self.directions[place] if self.directions else unit_move(self.array.shape, place)

    def largest(self) -> float:
        """Return the array's largest slope."""
        return max((each.size for each in self.slopes.values()), default=0.0)

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
            for place, slopes in sorted(self.slopes.items())
            if place not in self.declared and self.error(slopes, largest, own) > tolerance
        ]

    def leaves_all_as_it_is(self, largest: float, tolerance: float) -> bool:
        """Whether no slope can be told from zero, beside the largest of all arrays."""
        floor = 1e-5 * tolerance * largest
        slopes = self.slopes.values()
        return all(abs(s.analytic) <= floor and abs(s.numeric) <= floor for s in slopes)

    def row(self, largest: float, tolerance: float) -> CheckRow:
        """Return the worst of the slopes, as a row of the report."""
        worst, where, error, own = SlopePair(0.0, 0.0), "-", 0.0, self.largest()
        known = sorted(self.slopes)
        judged = [place for place in known if place not in self.at_kink]
        for place in judged or known:
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

    def _worst(
        self,
        value: Callable[[], float],
        gradients: Sequence[FloatArray],
        tolerance: float,
        place: int,
    ) -> SlopePair:
        """Return the slopes of a place, those of the gradient that fits them least."""
        move = self.move(place)
        found = [self._compare(value, gradient, move, tolerance) for gradient in gradients]
        return max(found, key=lambda slopes: slopes.gap)

    def _is_far(self, slopes: SlopePair) -> bool:
        """Whether neither rounding nor a larger slope elsewhere explains how far these differ."""
        gap = abs(slopes.analytic - slopes.numeric)
        return slopes.gap > _FAR and gap > max(_FAR * self.largest(), self.rounding / slopes.step)

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
        one_scale = len(scales(self.array, move)) == 1
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
            if one_scale and abs(narrow - wide) <= _SETTLED * abs(best - analytic):
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


def _random_signs(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return a direction of length 1 along which every entry moves by the same amount."""
    signs = rng.choice([-1.0, 1.0], shape)
    direction: FloatArray = signs / np.sqrt(signs.size)
    return direction


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))
