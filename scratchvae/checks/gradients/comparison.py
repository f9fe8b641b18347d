"""Gradients of any function against finite differences of it: what agrees, and what is wrong."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.arguments import check_function, described
from scratchvae.checks.diagnosis import Diagnosis
from scratchvae.checks.gradients.array_check import ArrayCheck
from scratchvae.checks.gradients.diagnosis import Slopes, diagnose
from scratchvae.checks.gradients.finite_differences import (
    STEPS,
    extrapolate,
    slope_along,
    unit_move,
)
from scratchvae.checks.gradients.input import as_gradient, check_array
from scratchvae.checks.gradients.kinks import is_kink
from scratchvae.checks.gradients.probes import Probes
from scratchvae.checks.gradients.report import ROUNDING, CheckRow, GradientReport
from scratchvae.errors import InputError, unknown_name
from scratchvae.validation import FloatArray, check_count, check_in_place, check_positive

# Relative errors: rounding leaves about 1e-9 in a smooth layer and 1e-7 in a whole model, whose
# loss of hundreds of nats is rounded to 1e-13 of itself; the smallest real bug is of order 1e-2.
SMOOTH_TOLERANCE = 1e-6
# An entry whose step straddles a kink at every step size (or a jump in curvature, as in ELU) keeps
# an error of the order of the smallest step that rounding still allows.
KINK_TOLERANCE = 1e-5
# One entry in twenty of a deep ReLU network has a kink of some unit within every step. After this
# many points nearby, one in three million would be left.
ATTEMPTS = 4
# How far the slopes of one step and of its double may differ, if neither crosses a kink.
_UNDISTURBED = 1e-4
# Arrays are checked entry by entry as long as that moves no more numbers than this in all: each of
# 400 biases of a large dense layer takes a forward pass over 400 000 numbers.
_MOST_NUMBERS = 20_000_000
# For a diagnosis, arrays of up to this many entries are measured whole, larger ones at a sample.
DIAGNOSED_WHOLE, DIAGNOSED_SAMPLE = 160, 60
_AT_A_KINK = Diagnosis(
    "kink",
    "every entry lies at a kink of the forward pass, where there are two slopes or none: check it "
    "with inputs away from there",
)
_ROUNDED = Diagnosis(
    ROUNDING,
    "it may be right: the outputs are so large beside this slope that their rounding is as large "
    "as the difference; leave out large constant terms, or sum where it was averaged",
)


class RetryPoint(NamedTuple):
    """A function at another point nearby: its value, its gradients, and those of a second pass."""

    value: Callable[[], float]
    gradients: Mapping[str, FloatArray]
    repeated: Mapping[str, FloatArray]


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
    retry: Callable[[], RetryPoint] | None = None,
    smooth: bool = True,
    repeated: Mapping[str, FloatArray] | None = None,
    probe: Callable[[], Probes] | None = None,
    loss_terms: Callable[[], FloatArray] | None = None,
    not_judged: Mapping[str, NDArray[Any]] | None = None,
    rounding: float = 0.0,
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
        The derivative with respect to each, under the same names and of the same shapes.
    rng, max_coordinates, directions, tolerance
        As for ``gradcheck``.
    retry
        Moves ``arrays`` to another point nearby, and returns what belongs to it. Entries that
        disagree and lie at a kink are tried again there; a wrong gradient is wrong there too.
        Those that lie at a kink wherever they are tried are not judged.
    smooth
        Whether the function has no kinks as far as is known. If it is known to have some, all
        entries that disagree are tried again, since a kink within the smallest step may be why.
    repeated
        The gradients of a second backward pass, by name; both must be right.
    probe
        Says how the backward pass behaves; called only if something is wrong, to say what.
    loss_terms
        For a loss of two terms, reconstruction and weighted KL: returns both, (2,), at what
        ``arrays`` hold. Their sum is ``value``.
    not_judged
        Masks of entries that lie at a kink, by the names of arrays.
    rounding
        What rounding changes of ``value``; 0 if that is not known.
    """
    _check_call(value, arrays, gradients)
    not_judged = check_masks(not_judged or {}, arrays)
    tolerance = check_settings(max_coordinates, directions, tolerance)
    gradients = {name: as_gradient(gradients[name], name) for name in arrays}
    repeated = repeated or {}
    rows: list[CheckRow] = []
    checks: list[ArrayCheck] = []
    numbers = sum(array.size for array in arrays.values())
    max_coordinates = min(max_coordinates, _MOST_NUMBERS // max(1, numbers))
    for name, array in arrays.items():
        if gradients[name].shape == array.shape and gradients[name].dtype != object:
            known = not_judged.get(name)
            checks.append(
                ArrayCheck(name, array, max_coordinates, directions, rng, known, rounding)
            )
        else:
            # A wrong shape, or None, is a wrong gradient, not a reason to stop.
            where = f"shape {gradients[name].shape}"
            rows.append(CheckRow(name, array.size, 0, np.inf, where, np.nan, np.nan, tolerance))
    for check in checks:
        both = _candidates(gradients[check.name], repeated.get(check.name))
        check.measure(value, both, tolerance, all_of_it=not smooth)
    # What counts as zero in one array is judged by the largest slope in all of them.
    largest = max((check.largest() for check in checks), default=0.0)
    for check in checks:
        if not check.complete and not check.disagreeing(largest, tolerance):
            both = _candidates(gradients[check.name], repeated.get(check.name))
            check.measure(value, both, tolerance)
    for attempt in range(ATTEMPTS + 1):
        last = retry is None or attempt == ATTEMPTS
        for check in checks:
            wrong = check.disagreeing(largest, tolerance)
            if attempt:
                wrong = [place for place in wrong if place in check.doubtful]
            kinks: set[int] = set()
            if smooth or last:
                asked = [place for place in wrong if place not in check.wrong]
                kinks = {p for p in asked if is_kink(value, check.array, check.move(p))}
                check.at_kink = check.declared | kinks
            check.doubtful = kinks if smooth else set(wrong)
        if retry is None or last or not any(check.doubtful for check in checks):
            break
        try:
            value, gradients, repeated = retry()
        except InputError:  # the function may not be defined there
            break
        for check in checks:
            both = _candidates(gradients[check.name], repeated.get(check.name))
            check.measure_again(value, both, tolerance, largest)
    rows += [check.row(largest, tolerance) for check in checks]
    if all(row.passed for row in rows):
        return GradientReport(title, rows)
    probes = Probes() if probe is None else probe()
    wrong_rows = {row.name: place for place, row in enumerate(rows) if not row.passed}
    unknown = {check.name: check.at_kink for check in checks if not check.directions}
    expected = {
        name: _measure_slopes(
            value, name, arrays[name], gradients[name], loss_terms, unknown.get(name, ())
        )
        for name in wrong_rows
    }
    for name, place in wrong_rows.items():
        others = {other: e.expected for other, e in expected.items() if other != name}
        found = diagnose(replace(expected[name], others=others), probes)
        if not rows[place].checked and rows[place].undecided:
            found = _AT_A_KINK
        gap = abs(rows[place].analytic - rows[place].numeric)
        if gap <= 10 * rounding / STEPS[0]:
            found = _ROUNDED
        if found is not None:
            rows[place] = replace(rows[place], cause=found.cause, diagnosis=found.sentence)
    return GradientReport(title, rows)


def check_settings(max_coordinates: int, directions: int, tolerance: float) -> float:
    """Refuse settings that make no sense; return the tolerance as a number."""
    check_count(max_coordinates, "max_coordinates", 0)
    check_count(directions, "directions")
    return check_positive(tolerance, "tolerance")


def check_masks(
    masks: Mapping[str, NDArray[Any]], arrays: Mapping[str, FloatArray]
) -> dict[str, NDArray[Any]]:
    """Return the masks of declared kinks; refuse those that fit no array."""
    for name, mask in masks.items():
        if name not in arrays:
            raise unknown_name("array", name, arrays, owner="kinks")
        if np.shape(mask) != arrays[name].shape or np.asarray(mask).dtype != bool:
            raise InputError(
                f"kinks[{name!r}] must be a mask of shape {arrays[name].shape}, not "
                f"{described(mask)}: write a comparison, as in `kinks={{{name!r}: {name} == 0}}`"
            )
    return dict(masks)


def _check_call(
    value: Callable[[], float],
    arrays: Mapping[str, FloatArray],
    gradients: Mapping[str, FloatArray],
) -> None:
    """Refuse what cannot be checked, before anything is moved."""
    check_function(value, "value", "without arguments")
    for what, given in (("arrays", arrays), ("gradients", gradients)):
        if not isinstance(given, Mapping):
            raise InputError(f"{what} must be a dict of arrays by name, not {described(given)}")
    for name, array in arrays.items():
        check_array(array, f"arrays[{name!r}]")
        check_in_place(array, f"arrays[{name!r}]")
        if name not in gradients:
            raise InputError(f"gradients must have one for each array, and has none for {name!r}")
    found = value()
    if np.ndim(found) or not isinstance(found, int | float | np.number):
        raise InputError(
            f"value must return a number, not {described(found)}: weight and sum what it returns"
        )


def _candidates(first: FloatArray, second: FloatArray | None) -> list[FloatArray]:
    """Return one gradient, or two if the second pass gave another."""
    if second is None or second.shape != first.shape:
        return [first]
    same = np.isclose(first, second, rtol=1e-9, atol=1e-12, equal_nan=True)
    return [first] if same.all() else [first, second]


def _measure_slopes(
    value: Callable[[], float],
    name: str,
    array: FloatArray,
    gradient: FloatArray,
    loss_terms: Callable[[], FloatArray] | None,
    unknown: Collection[int],
) -> Slopes:
    """Measure slopes at many entries with one step each, but not at the ``unknown`` ones."""
    places = np.setdiff1d(np.arange(array.size), list(unknown))
    if places.size > DIAGNOSED_WHOLE:
        rng = np.random.default_rng(0)
        places = np.sort(rng.choice(places, DIAGNOSED_SAMPLE, replace=False))
    functions: list[Callable[[], float]] = [value]
    if loss_terms is not None:
        functions = [lambda: float(loss_terms()[0]), lambda: float(loss_terms()[1])]
    slopes = np.full((len(functions), array.size), np.nan)
    for place in places:
        for row, function in enumerate(functions):
            slopes[row, place] = _slope_at(function, array, int(place))
    slopes = np.where(np.isfinite(slopes), slopes, np.nan).reshape(-1, *array.shape)
    expected = np.asarray(slopes.sum(axis=0))
    return Slopes(name, array, gradient, expected, None if loss_terms is None else slopes)


def _slope_at(function: Callable[[], float], array: FloatArray, place: int) -> float:
    """Return the slope at one entry, by the first step that no kink or curvature disturbs."""
    best, disturbed = np.nan, np.inf
    for step in STEPS[1:]:
        step *= max(1.0, abs(float(array.flat[place])))
        try:
            narrow, wide = slope_along(function, array, unit_move(array.shape, place), step)
        except InputError:  # the function may not be defined there
            continue
        change = abs(narrow - wide) / max(abs(narrow), abs(wide), 1e-300)
        if change < disturbed:
            best, disturbed = extrapolate(narrow, wide), change
        if change < _UNDISTURBED:
            break
    return best
