"""Wrong factors: a sign, a known number, or a count of something."""

from collections.abc import Callable, Mapping
from functools import partial
from math import log, pi, sqrt

import numpy as np

from scratchvae.checks.diagnosis.evidence import Diagnosis, Evidence, common_ratio
from scratchvae.validation import FloatArray

# In letters that every console has.
_FACTORS = {"1/2": 1 / 2, "2": 2, "1/4": 1 / 4, "4": 4, "1/3": 1 / 3, "3": 3}
_FACTORS |= {"1/sqrt(2)": 1 / sqrt(2), "sqrt(2)": sqrt(2), "1/pi": 1 / pi, "pi": pi}
_FACTORS |= {"1/(2 pi)": 1 / (2 * pi), "2 pi": 2 * pi, "1/sqrt(2 pi)": 1 / sqrt(2 * pi)}
_FACTORS |= {"sqrt(2 pi)": sqrt(2 * pi), "1/log 2": 1 / log(2), "log 2": log(2)}


def factor(evidence: Evidence) -> Diagnosis | None:
    """Whether it is a multiple of what it should be: by a sign, a known number or a count."""
    found = [common_ratio(c.given, c.expected, evidence.tolerance) for c in evidence.comparisons]
    ratios = np.array(found, dtype=np.float64)  # NaN for None
    if np.isnan(ratios).any():
        return None
    close = partial(np.allclose, rtol=evidence.tolerance, atol=0)
    counts = {
        name: np.array([c.counts[name] for c in evidence.comparisons], dtype=np.float64)
        for name in evidence.comparisons[0].counts
    }
    if not close(ratios, ratios[0]):
        return _varying_factor(ratios, counts, close)
    if np.abs(ratios - 1).min() <= evidence.tolerance:
        return None
    if close(ratios, -1):
        return Diagnosis("sign", "it has the wrong sign everywhere")
    same = {name: float(number[0]) for name, number in counts.items() if close(number, number[0])}
    words = factor_in_words(float(ratios[0]), same, evidence.tolerance)
    if words is None:
        if sum(np.isfinite(c.expected).sum() for c in evidence.comparisons) < 3:
            return None  # two numbers are too easily proportional
        words = f"{ratios[0]:.6g} times what it should be"
    return Diagnosis("factor", f"it is {words}")


def _varying_factor(
    ratios: FloatArray, counts: Mapping[str, FloatArray], close: Callable[..., bool]
) -> Diagnosis | None:
    """Whether a factor that differs between comparisons does so as a count does."""
    sizes = np.abs(ratios)
    if not close(ratios, np.sign(ratios[0]) * sizes):
        return None
    sign = "has the wrong sign and is" if ratios[0] < 0 else "is"
    for name, numbers in counts.items():
        for multiple, words in ((1, ""), (2, "twice "), (0.5, "half ")):
            by = f"by a factor of {words}{name}"
            if close(sizes, multiple * numbers):
                sentence = f"it {sign} too large {by}: did you add up where a mean belongs?"
                return Diagnosis("factor", sentence)
            if close(1 / sizes, multiple * numbers):
                why = "did you take a mean where a sum belongs, or divide twice?"
                return Diagnosis("factor", f"it {sign} too small {by}: {why}")
    return None


def factor_in_words(ratio: float, counts: Mapping[str, float], tolerance: float) -> str | None:
    """Return a factor in words, with the counts that it may be; ``None`` if it is no usual one."""
    size, sign = abs(ratio), "-" if ratio < 0 else ""

    def near(number: float) -> bool:
        return abs(size / number - 1) <= tolerance

    if ratio < 0 and near(1):
        return "of the wrong sign"
    times = [name for name, count in counts.items() if count > 1 and near(count)]
    over = [name for name, count in counts.items() if count > 1 and near(1 / count)]
    words = next((name for name, number in _FACTORS.items() if near(number)), None)
    words = words or (f"{size:.6g}" if times else f"1/{1 / size:.6g}" if over else None)
    if words is None:
        return None
    perhaps = " or ".join(times) or " or ".join(f"one over {name}" for name in over)
    return f"{sign}{words} times what it should be{f' (perhaps {perhaps})' if perhaps else ''}"


def factor_there(evidence: Evidence) -> str:
    """Return the factor of the wrong entries in brackets, if they have one."""
    pairs = list(zip(evidence.comparisons, evidence.wrong(), strict=True))
    given = np.concatenate([c.given[bad] for c, bad in pairs])
    expected = np.concatenate([c.expected[bad] for c, bad in pairs])
    ratio = common_ratio(given, expected, evidence.tolerance) if given.size > 2 else None
    counts = evidence.comparisons[0].counts if len(pairs) == 1 else {}
    words = factor_in_words(ratio, counts, evidence.tolerance) if ratio is not None else None
    return f" (there it is {words})" if words else ""
