"""Whether a result is the right one times something: a sign, a known number, or a count."""

from collections.abc import Iterator, Sequence

import numpy as np

from scratchvae.course.exercises.trials import AGREEMENT, Finding, Trial
from scratchvae.validation import FloatArray

_FACTORS = {0.5: "½", 2.0: "2", 0.25: "¼", 4.0: "4", 1 / 3: "⅓", 3.0: "3"}
_FACTORS |= {float(np.sqrt(2)): "√2", float(np.sqrt(0.5)): "1/√2", float(np.pi): "π"}
_FACTORS |= {float(2 * np.pi): "2π", float(np.sqrt(2 * np.pi)): "√(2π)", float(np.log(2)): "log 2"}
_FACTORS |= {1 / factor: f"1/({name})" for factor, name in _FACTORS.items() if factor > 4}


def common_factor(trials: Sequence[Trial]) -> Finding | None:
    """Whether the factor is one number, the same in every trial."""
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


def size_factor(trials: Sequence[Trial]) -> Finding | None:
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
