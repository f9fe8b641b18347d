"""Gradients of any function against finite differences of it: what agrees, and what is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from scratchvae.checks.gradients.diagnosis import diagnose
from scratchvae.checks.gradients.evidence import Facts, Measured
from scratchvae.checks.gradients.finite_differences import (
    STEPS,
    ArrayCheck,
    extrapolate,
    slope_along,
    unit_move,
)
from scratchvae.checks.gradients.report import CheckRow, GradientReport
from scratchvae.validation import FloatArray

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
    checks: list[ArrayCheck] = []
    for name, array in arrays.items():
        if gradients[name].shape == array.shape and gradients[name].dtype != object:
            checks.append(ArrayCheck(name, array, max_coordinates, directions, rng))
        else:
            # A wrong shape, or None, is a wrong gradient, not a reason to stop.
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
            narrow, wide = slope_along(function, array, unit_move(array.shape, int(place)), step)
            slopes[row, column] = extrapolate(narrow, wide)
    of_parts = None if parts is None else slopes
    return Measured(name, array, gradient, places, slopes.sum(axis=1), of_parts)
