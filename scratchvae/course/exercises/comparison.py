"""What kind of wrong a result is: usual mistakes are tried, one after the other, on every trial.

Each hypothesis says nothing unless it fits all trials. The order goes from what is seen first
(the shape) to what is said where nothing fits (the first entry that differs).
"""

from collections.abc import Callable, Sequence

import numpy as np

from scratchvae.course.exercises.factors import common_factor, size_factor
from scratchvae.course.exercises.places import (
    at_index,
    by_place,
    by_sign,
    first_difference,
    first_index,
)
from scratchvae.course.exercises.trials import AGREEMENT, CLOSE, Finding, Trial, agrees
from scratchvae.validation import FloatArray

_FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "its logarithm": np.log,
    "its exponential": np.exp,
    "its square": np.square,
    "its square root": np.sqrt,
    "its reciprocal": np.reciprocal,
    "its absolute value": np.abs,
    "one minus it": lambda right: 1 - right,
}


def explain(trials: Sequence[Trial], tolerance: float) -> Finding:
    """Say what is wrong with a result that differs from the right one in some trial."""
    for hypothesis in (
        _shape,
        _not_a_number,
        _zero,
        common_factor,
        size_factor,
        _transposed,
        _offset,
    ):
        found = hypothesis(trials)
        if found is not None:
            return found
    for located in (by_sign, by_place):
        found = located(trials, tolerance)
        if found is not None:
            return found
    return _function_of_it(trials) or _approximate(trials) or first_difference(trials, tolerance)


def _shape(trials: Sequence[Trial]) -> Finding | None:
    trial = next((t for t in trials if t.given.shape != t.expected.shape), None)
    if trial is None:
        return None
    given, wanted = trial.given, trial.expected
    sizes = ", ".join(f"{k} {np.shape(v)}" for k, v in trial.arguments.items() if np.ndim(v))
    start = f"its shape is {given.shape} where {wanted.shape} is asked for"
    start += f" (with {sizes})" if sizes else ""
    if given.ndim > 1 and given.shape == wanted.shape[::-1]:
        right = agrees(given.T, wanted, AGREEMENT).all()
        return Finding(
            "transposed", f"{start}: transpose it" + ("" if right else ", to begin with")
        )
    if given.size == wanted.size and agrees(given.ravel(), wanted.ravel(), AGREEMENT).all():
        return Finding("shape", f"{start}: the numbers are right, only the shape is not")
    for axis in range(given.ndim):
        for reduce, what in ((np.sum, "add up"), (np.mean, "take the mean")):
            reduced = reduce(given, axis=axis)
            if reduced.shape == wanted.shape and agrees(reduced, wanted, AGREEMENT).all():
                return Finding("shape", f"{start}: {what} over axis {axis}, and it is right")
    for axis in range(wanted.ndim):
        if given.shape == tuple(np.delete(wanted.shape, axis)):
            return Finding("shape", f"{start}: axis {axis} has been summed away and must stay")
    return Finding("shape", start)


def _not_a_number(trials: Sequence[Trial]) -> Finding | None:
    for trial in trials:
        bad = ~np.isfinite(trial.given) & np.isfinite(trial.expected)
        if bad.any():
            where = first_index(bad)
            what = "nan" if np.isnan(trial.given[where]) else "infinite"
            count = f"{int(bad.sum())} of {bad.size} entries"
            return Finding(
                "not finite",
                f"{count} are {what}{at_index(where)}, where {trial.expected[where]:.6g} is right: "
                "look for a logarithm of zero, a logarithm or root of a negative number, a "
                "division by zero, or an exponential that overflows",
            )
    return None


def _zero(trials: Sequence[Trial]) -> Finding | None:
    if all((t.given == 0).all() for t in trials) and any(t.expected.any() for t in trials):
        return Finding("zero", "it is zero everywhere")
    return None


def _transposed(trials: Sequence[Trial]) -> Finding | None:
    square = [t for t in trials if t.given.ndim == 2 and t.given.shape[0] == t.given.shape[1] > 1]
    if len(square) == len(trials) and all(
        agrees(t.given.T, t.expected, AGREEMENT).all() for t in square
    ):
        return Finding("transposed", "it is the transpose of the right one")
    return None


def _offset(trials: Sequence[Trial]) -> Finding | None:
    if not all(np.isfinite(trial.expected).all() for trial in trials):
        return None  # ∞ − ∞ is no gap
    if not all(_has_constant_gap(trial) for trial in trials):
        return None
    gaps = [float((trial.given - trial.expected).ravel()[0]) for trial in trials]
    spread = np.ptp(gaps)
    if spread > AGREEMENT and all(trial.given.size == 1 for trial in trials):
        return None  # one number is always off by a constant: it has to be the same in every trial
    if spread <= AGREEMENT * abs(gaps[0]):
        return Finding("offset", f"it is the right one plus {gaps[0]:.6g}, everywhere")
    return Finding(
        "offset", "all entries are off by the same amount: a constant is missing or extra"
    )


def _has_constant_gap(trial: Trial) -> bool:
    """Whether all entries are off by one amount, and by more than an approximation is."""
    gap = trial.given - trial.expected
    if not gap.size or np.abs(gap).max() <= CLOSE:
        return False
    scale = max(1.0, np.abs(trial.expected).max())
    return bool(np.ptp(gap) <= AGREEMENT * scale)


def _function_of_it(trials: Sequence[Trial]) -> Finding | None:
    for what, function in _FUNCTIONS.items():
        with np.errstate(all="ignore"):
            others = [function(trial.expected) for trial in trials]
        pairs = list(zip(trials, others, strict=True))
        if all(agrees(trial.expected, other, AGREEMENT).all() for trial, other in pairs):
            continue  # it changes nothing, as the absolute value of what is never negative
        if all(
            np.isfinite(other).all() and agrees(trial.given, other, AGREEMENT).all()
            for trial, other in pairs
        ):
            return Finding("function", f"it is not the right one but {what}")
    return None


def _approximate(trials: Sequence[Trial]) -> Finding | None:
    if all(agrees(trial.given, trial.expected, CLOSE).all() for trial in trials):
        gaps = [np.abs(t.given - t.expected).max() / np.abs(t.expected).max() for t in trials]
        return Finding(
            "approximate",
            f"it is close (to {max(gaps):.1g} of the largest entry) but not exact: an "
            "approximation, a small constant added somewhere, or float32?",
        )
    return None
