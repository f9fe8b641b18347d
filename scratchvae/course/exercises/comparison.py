"""What kind of wrong a result is: the usual mistakes, tried on all trials of an answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from scratchvae.checks.diagnosis import (
    Comparison,
    Diagnosis,
    Evidence,
    differences,
    factor,
    fits,
    not_finite,
    offset,
    region,
    transposed,
    wrong_shape,
    zero,
)
from scratchvae.validation import FloatArray

EXACT = 1e-6  # how well a hypothesis has to fit: mistakes are larger, rounding is smaller
CLOSE = 1e-3  # below this relative error an answer is an approximation rather than a mistake

_FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "the logarithm of what it should be": np.log,
    "the exponential of what it should be": np.exp,
    "the square of what it should be": np.square,
    "the square root of what it should be": np.sqrt,
    "one over what it should be": np.reciprocal,
    "the absolute value of what it should be": np.abs,
    "one minus what it should be": lambda right: 1 - right,
}


def explain(trials: Sequence[Comparison], tolerance: float) -> Diagnosis:
    """Say what is wrong with a result that is not right in every trial."""
    numbers = Evidence([_with_counts(trial) for trial in trials], EXACT, tolerance)
    return (
        wrong_shape(numbers)
        or not_finite(numbers)
        or zero(numbers)
        or factor(numbers)
        or transposed(numbers)
        or offset(numbers)
        or _function_of_it(trials)
        or region(numbers)
        or _approximate(trials)
        or differences(numbers)
    )


def _with_counts(trial: Comparison) -> Comparison:
    """Return a trial with the counts in its arguments that a wrong factor may be made of."""
    counts: dict[str, float] = {}
    for name, value in trial.arguments.items():
        if isinstance(value, int) and not isinstance(value, bool):
            counts[name] = value
        for axis, length in enumerate(np.shape(value)):
            counts[f"the length of axis {axis} of {name}"] = length
        if np.ndim(value) > 1:
            counts[f"the number of entries of {name}"] = np.size(value)
    return replace(trial, counts=counts)


def _function_of_it(trials: Sequence[Comparison]) -> Diagnosis | None:
    for words, function in _FUNCTIONS.items():
        with np.errstate(all="ignore"):
            others = [function(trial.expected) for trial in trials]
        pairs = list(zip(trials, others, strict=True))
        if all(fits(trial.expected, other, EXACT) for trial, other in pairs):
            continue  # it changes nothing, as the absolute value of what is never negative
        if all(
            np.isfinite(other).all() and fits(trial.given, other, EXACT) for trial, other in pairs
        ):
            return Diagnosis("function", f"it is {words}")
    return None


def _approximate(trials: Sequence[Comparison]) -> Diagnosis | None:
    if not all(fits(trial.given, trial.expected, CLOSE) for trial in trials):
        return None
    gaps = []
    for trial in trials:
        finite = np.isfinite(trial.expected)
        gap, right = np.abs(trial.given - trial.expected)[finite], np.abs(trial.expected)[finite]
        gaps.append(gap.max(initial=0.0) / (right.max(initial=0.0) or 1.0))
    if all(_is_single(t.given) and not _is_single(t.expected) for t in trials):
        return Diagnosis(
            "approximate",
            "it is right to 7 digits only, as float32 is: leave numbers in the float64 that you "
            "are given",
        )
    return Diagnosis(
        "approximate",
        f"it is close (to {max(gaps):.1g} of the largest entry) but not exact: an approximation, "
        "a small constant added somewhere, or float32?",
    )


def _is_single(numbers: FloatArray) -> bool:
    """Whether float32 holds these numbers exactly."""
    with np.errstate(over="ignore"):
        return bool(np.array_equal(numbers.astype(np.float32), numbers, equal_nan=True))
