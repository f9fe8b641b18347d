"""What kind of wrong a result is: usual mistakes are tried, one after the other, on every trial.

Each hypothesis says nothing unless it fits all trials. The order goes from what is seen first
(the shape) to what is said where nothing fits (the first entry that differs).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray

AGREEMENT = 1e-6  # how well a hypothesis has to fit: mistakes are larger, rounding is smaller
CLOSE = 1e-3  # below this relative error an answer is an approximation rather than a mistake

_FACTORS = {0.5: "½", 2.0: "2", 0.25: "¼", 4.0: "4", 1 / 3: "⅓", 3.0: "3"}
_FACTORS |= {float(np.sqrt(2)): "√2", float(np.sqrt(0.5)): "1/√2", float(np.pi): "π"}
_FACTORS |= {float(2 * np.pi): "2π", float(np.sqrt(2 * np.pi)): "√(2π)", float(np.log(2)): "log 2"}
_FACTORS |= {1 / factor: f"1/({name})" for factor, name in _FACTORS.items() if factor > 4}

_FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "its logarithm": np.log,
    "its exponential": np.exp,
    "its square": np.square,
    "its square root": np.sqrt,
    "its reciprocal": np.reciprocal,
    "its absolute value": np.abs,
    "one minus it": lambda right: 1 - right,
}


class Trial(NamedTuple):
    """One call: its arguments by name, what should have come back, and what did."""

    arguments: dict[str, Any]
    expected: FloatArray
    given: FloatArray


class Finding(NamedTuple):
    """One word for what is wrong, and a sentence."""

    kind: str
    sentence: str


def agrees(given: FloatArray, expected: FloatArray, tolerance: float) -> NDArray[np.bool_]:
    """Return which entries agree, relative to the largest expected entry that is finite."""
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=0.0) or 1.0
    with np.errstate(invalid="ignore"):
        near = np.abs(given - expected) <= tolerance * scale
    same: NDArray[np.bool_] = near | (given == expected) | (np.isnan(given) & np.isnan(expected))
    return same


def explain(trials: Sequence[Trial], tolerance: float) -> Finding:
    """Say what is wrong with a result that differs from the right one in some trial."""
    for hypothesis in (_shape, _not_a_number, _zero, _factor, _size_factor, _transposed, _offset):
        found = hypothesis(trials)
        if found is not None:
            return found
    for located in (_by_sign, _by_place):
        found = located(trials, tolerance)
        if found is not None:
            return found
    return _function_of_it(trials) or _approximate(trials) or _first_difference(trials, tolerance)


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
            where = _place(bad)
            what = "nan" if np.isnan(trial.given[where]) else "infinite"
            count = f"{int(bad.sum())} of {bad.size} entries"
            return Finding(
                "not finite",
                f"{count} are {what}{_at(where)}, where {trial.expected[where]:.6g} is right: look "
                "for a logarithm of zero, a logarithm or root of a negative number, a division by "
                "zero, or an exponential that overflows",
            )
    return None


def _zero(trials: Sequence[Trial]) -> Finding | None:
    if all((t.given == 0).all() for t in trials) and any(t.expected.any() for t in trials):
        return Finding("zero", "it is zero everywhere")
    return None


def _factor(trials: Sequence[Trial]) -> Finding | None:
    ratios = [_ratio(trial) for trial in trials]
    known = [ratio for ratio in ratios if ratio is not None]
    if len(known) < len(ratios) or np.ptp(known) > AGREEMENT * abs(known[0]):
        return None
    ratio = known[0]
    if abs(ratio - 1) <= AGREEMENT:
        return None
    if abs(ratio + 1) <= AGREEMENT:
        return Finding("sign", "it has the wrong sign everywhere")
    for factor, name in _FACTORS.items():
        if abs(abs(ratio) / factor - 1) <= AGREEMENT:
            return Finding("factor", f"it is {'−' * (ratio < 0)}{name} times the right one")
    return Finding("factor", f"it is {ratio:.6g} times the right one, everywhere")


def _size_factor(trials: Sequence[Trial]) -> Finding | None:
    """Whether the factor is a count: a sum where a mean is asked for, or the other way."""
    ratios = [_ratio(trial) for trial in trials]
    if any(ratio is None for ratio in ratios):
        return None
    found = np.array(ratios, dtype=float)
    for what, counts in _counts(trials):
        for sign in (1.0, -1.0):
            for extra, name in ((1.0, ""), (2.0, "twice "), (0.5, "half ")):
                if np.allclose(found, sign * extra * counts, rtol=AGREEMENT):
                    return Finding(
                        "size factor",
                        f"it is {'minus ' * (sign < 0)}{name}{what} times too large: is a mean "
                        "asked for where you add up?",
                    )
                if np.allclose(found, sign * extra / counts, rtol=AGREEMENT):
                    return Finding(
                        "size factor",
                        f"it is {'minus ' * (sign < 0)}{name}one over {what} times the right one: "
                        "is a sum asked for where you take a mean?",
                    )
    return None


def _counts(trials: Sequence[Trial]) -> Iterator[tuple[str, FloatArray]]:
    """Yield the counts that a factor may be made of, and how they go from trial to trial."""
    for name, value in trials[0].arguments.items():
        for axis in range(np.ndim(value) if not callable(value) else 0):
            yield (
                f"the size of axis {axis} of {name}",
                np.array([np.shape(trial.arguments[name])[axis] for trial in trials], dtype=float),
            )
        if not callable(value):
            yield (
                f"the number of entries of {name}",
                np.array([np.size(trial.arguments[name]) for trial in trials], dtype=float),
            )
        if isinstance(value, int) and not isinstance(value, bool):
            yield name, np.array([trial.arguments[name] for trial in trials], dtype=float)


def _ratio(trial: Trial) -> float | None:
    given, right = trial.given.ravel(), trial.expected.ravel()
    norm = float(right @ right)
    if not norm or not np.isfinite(norm):
        return None
    ratio = float(given @ right / norm)
    fits = np.abs(given - ratio * right).max() <= AGREEMENT * np.abs(given).max()
    return ratio if ratio and fits else None


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


def _by_sign(trials: Sequence[Trial], tolerance: float) -> Finding | None:
    """Whether it is wrong only where some argument is negative, positive, or large."""
    for name, value in trials[0].arguments.items():
        if callable(value) or not all(
            np.shape(t.arguments[name]) == t.expected.shape and t.expected.size for t in trials
        ):
            continue
        entries = np.concatenate([np.ravel(t.arguments[name]).astype(float) for t in trials])
        wrong = np.concatenate([~agrees(t.given, t.expected, tolerance).ravel() for t in trials])
        if wrong.all():
            continue
        for sizes in (np.abs(entries), entries):
            least = sizes[wrong].min()
            if least > sizes[~wrong].max() > 0:
                sentence = f"it is wrong only where {name} is large ({least:.3g} or more)"
                return Finding("region", sentence)
        for region, what in ((entries < 0, "negative"), (entries > 0, "positive")):
            if (wrong <= region).all() and wrong[region].mean() > 0.5:
                return Finding("region", f"it is right except where {name} is {what}")
    return None


def _by_place(trials: Sequence[Trial], tolerance: float) -> Finding | None:
    """Whether it is wrong, or right, only in the first or last place along an axis."""
    wrong = [~agrees(trial.given, trial.expected, tolerance) for trial in trials]
    for axis in range(wrong[0].ndim):
        if any(mask.shape[axis] < 2 for mask in wrong):
            continue
        for place, what in ((0, "first"), (-1, "last")):
            rest = [np.delete(mask, place, axis) for mask in wrong]
            there = [mask.take(place, axis) for mask in wrong]
            if not any(mask.any() for mask in rest):
                return Finding("place", f"it is wrong only in the {what} place along axis {axis}")
            if not any(mask.any() for mask in there) and all(mask.any() for mask in rest):
                return Finding("place", f"only the {what} place along axis {axis} is right")
    return None


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


def _first_difference(trials: Sequence[Trial], tolerance: float) -> Finding:
    for trial in trials:
        wrong = ~agrees(trial.given, trial.expected, tolerance)
        if wrong.any():
            where = _place(wrong)
            share = (
                "" if wrong.size == 1 else f"{int(wrong.sum())} of {wrong.size} entries differ: "
            )
            return Finding(
                "values",
                f"{share}yours is {trial.given[where]:.6g}{_at(where)} where "
                f"{trial.expected[where]:.6g} is right",
            )
    return Finding("values", "it differs from the right one")


def _place(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.argwhere(mask)[0])


def _at(where: tuple[int, ...]) -> str:
    return f" at [{', '.join(map(str, where))}]" if where else ""
