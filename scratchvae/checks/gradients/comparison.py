"""Gradients of any function against finite differences of it: what agrees, and what is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from scratchvae.checks.gradients.diagnosis import Probes, Slopes, diagnose
from scratchvae.checks.gradients.finite_differences import (
    STEPS,
    ArrayCheck,
    extrapolate,
    slope_along,
    unit_move,
)
from scratchvae.checks.gradients.report import CheckRow, GradientReport
from scratchvae.validation import FloatArray

# Relative errors: rounding leaves about 1e-9 in a smooth layer and 1e-7 in a whole model, whose
# loss of hundreds of nats is rounded to 1e-13 of itself; the smallest real bug is of order 1e-2.
SMOOTH_TOLERANCE = 1e-6
# An entry whose step straddles a kink at every step size (or a jump in curvature, as in ELU) keeps
# an error of the order of the smallest step that rounding still allows.
KINK_TOLERANCE = 1e-5
# One entry in twenty of a deep ReLU network has a kink of some unit within every step. After this
# many points nearby, one in three million would be left.
ATTEMPTS = 4
# For a diagnosis, arrays of up to this many entries are measured whole, larger ones at a sample.
DIAGNOSED_WHOLE, DIAGNOSED_SAMPLE = 160, 60


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
    repeated: Mapping[str, FloatArray] | None = None,
    probe: Callable[[], Probes] | None = None,
    loss_terms: Callable[[], FloatArray] | None = None,
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
        For a function with kinks: moves ``arrays`` to another point nearby, and returns what
        belongs to it. Entries that disagree are tried again there, since they may only disagree
        because of a kink within the smallest step; a wrong gradient is wrong there too.
    repeated
        The gradients of a second backward pass, by name; both must be right.
    probe
        Says how the backward pass behaves; called only if something is wrong, to say what.
    loss_terms
        For a loss of two terms, reconstruction and weighted KL: returns both, (2,), at what
        ``arrays`` hold. Their sum is ``value``.
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
    for _ in range(ATTEMPTS if retry is not None else 0):
        doubtful = {check.name: check.disagreeing(largest, tolerance) for check in checks}
        if retry is None or not any(doubtful.values()):
            break
        value, gradients, repeated = retry()
        for check in checks:
            both = _candidates(gradients[check.name], repeated.get(check.name))
            check.measure(value, both, tolerance, doubtful[check.name], largest)
    rows += [check.row(largest, tolerance) for check in checks]
    if all(row.passed for row in rows):
        return GradientReport(title, rows)
    probes = Probes() if probe is None else probe()
    for place, row in enumerate(rows):
        if not row.passed:
            name = row.name
            slopes = _measure_slopes(value, name, arrays[name], gradients[name], loss_terms)
            found = diagnose(slopes, probes)
            if found is not None:
                rows[place] = replace(row, cause=found.cause, diagnosis=found.sentence)
    return GradientReport(title, rows)


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
) -> Slopes:
    """Measure slopes at many entries with one step each, for a diagnosis."""
    places = np.arange(array.size)
    if array.size > DIAGNOSED_WHOLE:
        rng = np.random.default_rng(0)
        places = np.sort(rng.choice(array.size, DIAGNOSED_SAMPLE, replace=False))
    functions: list[Callable[[], float]] = [value]
    if loss_terms is not None:
        functions = [lambda: float(loss_terms()[0]), lambda: float(loss_terms()[1])]
    slopes = np.full((len(functions), array.size), np.nan)
    for place in places:
        step = STEPS[1] * max(1.0, abs(float(array.flat[place])))
        for row, function in enumerate(functions):
            narrow, wide = slope_along(function, array, unit_move(array.shape, int(place)), step)
            slopes[row, place] = extrapolate(narrow, wide)
    slopes = np.where(np.isfinite(slopes), slopes, np.nan).reshape(-1, *array.shape)
    expected = np.asarray(slopes.sum(axis=0))
    return Slopes(name, array, gradient, expected, None if loss_terms is None else slopes)
