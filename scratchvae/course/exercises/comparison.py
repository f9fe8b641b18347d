"""What kind of wrong a result is: the usual mistakes, tried on all trials of an answer."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from scratchvae.checks.diagnosis import (
    Comparison,
    Diagnosis,
    Evidence,
    common_ratio,
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

_POWERS = {
    1: "{0} times what it should be",
    -1: "what it should be, divided by {0}",
    2: "{0} squared times what it should be",
    -2: "what it should be, divided by {0} squared",
    0.5: "the square root of {0} times what it should be",
    -0.5: "what it should be, divided by the square root of {0}",
}

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
    numbers = Evidence(_with_counts(trials), EXACT, tolerance)
    return (
        wrong_shape(numbers)
        or not_finite(numbers)
        or zero(numbers)
        or _bits(trials)
        or factor(numbers)
        or _factor_of_an_argument(trials)
        or transposed(numbers)
        or offset(numbers)
        or _function_of_it(trials)
        or region(numbers)
        or _approximate(trials)
        or differences(numbers)
    )


def _bits(trials: Sequence[Comparison]) -> Diagnosis | None:
    if not all(fits(trial.given * np.log(2), trial.expected, EXACT) for trial in trials):
        return None
    return Diagnosis("factor", "it is 1/log 2 times what it should be: bits, in place of nats")


def _with_counts(trials: Sequence[Comparison]) -> list[Comparison]:
    """Return trials with the counts in their arguments that a wrong factor may be made of."""
    counts = [_counts(trial) for trial in trials]
    common = set.intersection(*map(set, counts))  # some trials have arguments with more axes
    pairs = zip(trials, counts, strict=True)
    return [replace(t, counts={n: own[n] for n in own if n in common}) for t, own in pairs]


def _counts(trial: Comparison) -> dict[str, float]:
    counts: dict[str, float] = {}
    for name, value in trial.arguments.items():
        if isinstance(value, int) and not isinstance(value, bool):
            counts[name] = value
        for axis, length in enumerate(np.shape(value)):
            counts[f"the length of axis {axis} of {name}"] = length
        if np.ndim(value) > 1:
            counts[f"the number of entries of {name}"] = np.size(value)
    return counts


def _factor_of_an_argument(trials: Sequence[Comparison]) -> Diagnosis | None:
    """Whether an argument that is a number is a factor, or a divisor, too often or not at all."""
    found = [common_ratio(trial.given, trial.expected, EXACT) for trial in trials]
    ratios = np.array(found, dtype=np.float64)  # NaN for None
    for name, value in trials[0].arguments.items():
        if not isinstance(value, float) or np.isnan(ratios).any():
            continue
        numbers = np.array([trial.arguments[name] for trial in trials])
        for power, words in _POWERS.items():
            for multiple, times in ((1, ""), (2, "twice "), (0.5, "half ")):
                for sign, so in ((1, "is "), (-1, "has the wrong sign and is ")):
                    if np.allclose(ratios, sign * multiple * numbers**power, rtol=EXACT, atol=0):
                        return Diagnosis("factor", f"it {so}{times}{words.format(name)}")
    return None


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
