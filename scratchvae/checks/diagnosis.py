"""What is probably wrong with an array that is not what it should be.

Arrays that are computed by hand are seldom wrong at random: one is the right one times ½, or
transposed, or lacks a sum. So the usual mistakes are tried one after another as hypotheses, and one
is named only if it fits every known entry of every comparison. Gradient checks and the lessons'
exercises try these, each in its own order and with hypotheses of its own in between.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations, permutations
from math import comb, log, pi, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray

_FACTORS = {"½": 1 / 2, "2": 2, "¼": 1 / 4, "4": 4, "⅓": 1 / 3, "3": 3, "1/√2": 1 / sqrt(2)}
_FACTORS |= {"√2": sqrt(2), "1/π": 1 / pi, "π": pi, "1/(2π)": 1 / (2 * pi), "2π": 2 * pi}
_FACTORS |= {"1/√(2π)": 1 / sqrt(2 * pi), "√(2π)": sqrt(2 * pi), "1/log 2": 1 / log(2)}
_FACTORS |= {"log 2": log(2)}

# Wrong entries may lie on one side of a limit by luck. A limit at zero, or anywhere, is only named
# if there are at least this many ways to choose as many entries.
_WAYS_AT_ZERO, _WAYS_ANYWHERE = 6, 20


class Diagnosis(NamedTuple):
    """A word or two for the cause, and a sentence that says what was seen."""

    cause: str
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """A given array beside the expected one, and what both were computed from.

    Attributes
    ----------
    given, expected
        The two, perhaps of different shapes. Where ``expected`` is NaN it is not known.
    arguments
        What the arrays are functions of, by name.
    counts
        Numbers that a wrong factor may be made of, by name: ``{"the number of examples": 4}``.
    """

    given: FloatArray
    expected: FloatArray
    arguments: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Comparisons that a single mistake must explain.

    Attributes
    ----------
    comparisons
        At least one; the names in their ``arguments`` and ``counts`` are the same.
    tolerance
        How well a hypothesis must fit, relative to the largest expected entry.
    allowed
        The largest error of an entry that counts as right, in the same units.
    """

    comparisons: Sequence[Comparison]
    tolerance: float
    allowed: float

    def fits(self, change: Callable[[FloatArray], FloatArray]) -> bool:
        """Whether each given array is the expected one after this change."""
        return all(fits(change(c.given), c.expected, self.tolerance) for c in self.comparisons)

    def wrong(self) -> list[NDArray[np.bool_]]:
        """Return which entries of each comparison are wrong."""
        return [~agrees(c.given, c.expected, self.allowed) for c in self.comparisons]


def agrees(given: FloatArray, expected: FloatArray, tolerance: float) -> NDArray[np.bool_]:
    """Return which entries agree, relative to the largest expected one that is finite."""
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=0.0) or 1.0
    with np.errstate(invalid="ignore"):
        near = np.abs(given - expected) <= tolerance * scale
    agreeing: NDArray[np.bool_] = near | (given == expected) | np.isnan(expected)
    return agreeing


def fits(given: FloatArray, expected: FloatArray, tolerance: float) -> bool:
    """Whether the shapes are the same and all entries agree, of which some are known."""
    if given.shape != expected.shape or np.isnan(expected).all():
        return False
    return bool(agrees(given, expected, tolerance).all())


# Hypotheses, in the order in which they are best tried. All but the first take it that the shapes
# are right.


def wrong_shape(evidence: Evidence) -> Diagnosis | None:
    """Whether the shape is wrong, and what would mend it: a transpose, a sum or a mean."""
    wrong = [one for one in evidence.comparisons if one.given.shape != one.expected.shape]
    if not wrong:
        return None
    given, expected = wrong[0].given, wrong[0].expected
    shapes = {name: np.shape(value) for name, value in wrong[0].arguments.items()}
    others = [
        f"{name} {shape}" for name, shape in shapes.items() if shape not in ((), expected.shape)
    ]
    start = f"its shape is {given.shape}, not {expected.shape}"
    start += f" (with {', '.join(others)})" if others else ""
    right = partial(fits, expected=expected, tolerance=evidence.tolerance)
    if right(given.T):
        return Diagnosis("transpose", f"{start}: transpose it")
    if given.size == expected.size and right(given.reshape(expected.shape)):
        return Diagnosis("shape", f"{start}: the numbers are right, so reshape it")
    counts = range(1, given.ndim + 1) if given.size else ()
    for axes in [axes for count in counts for axes in combinations(range(given.ndim), count)]:
        for cause, verb in (("missing sum", "sum"), ("missing mean", "average")):
            reduced = np.asarray((np.sum if verb == "sum" else np.mean)(given, axis=axes))
            if reduced.size == expected.size and right(reduced.reshape(expected.shape)):
                over = _listed("axis", "axes", axes)
                return Diagnosis(cause, f"{start}: {verb} over {over} and it is right")
    if given.shape == expected.shape[::-1]:
        return Diagnosis("shape", f"{start}: transpose it, to begin with")
    for axis in range(expected.ndim):
        if given.shape == expected.shape[:axis] + expected.shape[axis + 1 :]:
            return Diagnosis("shape", f"{start}: axis {axis} is missing")
    return Diagnosis("shape", start)


def not_finite(evidence: Evidence) -> Diagnosis | None:
    """Whether entries are infinite or NaN that should not be."""
    for one in evidence.comparisons:
        bad = ~np.isfinite(one.given) & ~np.isinf(one.expected)
        if bad.any():
            where = tuple(np.argwhere(bad)[0])
            right = one.expected[where]
            instead = f" where {right:.6g} is right" if np.isfinite(right) else ""
            return Diagnosis(
                "not finite",
                f"{_count(bad, bad.size, 'are not finite')}it is {one.given[where]}{_at(where)}"
                f"{instead}; look for a logarithm of zero, a logarithm or root of a negative "
                "number, a division by zero, or an exponential that overflows",
            )
    return None


def zero(evidence: Evidence) -> Diagnosis | None:
    """Whether it is zero everywhere and should not be."""
    if any(c.given.any() for c in evidence.comparisons):
        return None
    if not any(c.expected.any() for c in evidence.comparisons):
        return None
    return Diagnosis("zero", "it is zero everywhere, as if it were never computed")


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


def transposed(evidence: Evidence) -> Diagnosis | None:
    """Whether it is right with its axes in another order, or reversed."""
    ndim = evidence.comparisons[0].given.ndim
    for axes in list(permutations(range(ndim)))[1:] if ndim <= 4 else []:
        if evidence.fits(partial(np.transpose, axes=axes)):
            how = "transposed" if ndim == 2 else f"its axes are in the order {axes}"
            return Diagnosis("transpose", f"it is right once {how}")
    for turned in [(axis,) for axis in range(ndim)] + [(0, 1)] if ndim > 1 else []:
        if evidence.fits(partial(np.flip, axis=turned)):
            how = f"along axis {turned[0]}" if len(turned) == 1 else "along axes 0 and 1 (by 180°)"
            return Diagnosis("flip", f"it is right once reversed {how}")
    return None


def offset(evidence: Evidence) -> Diagnosis | None:
    """Whether a constant was added or left out."""
    means, entries = [], 0
    for one in evidence.comparisons:
        known = ~np.isnan(one.expected)
        with np.errstate(invalid="ignore"):
            gap = (one.given - one.expected)[known]
        if not gap.size or not np.isfinite(gap).all():
            return None  # ∞ − ∞ is no gap
        sizes = np.abs(gap)
        scale = max(sizes.max(), np.abs(one.expected[known]).max())
        if np.ptp(gap) > min(evidence.tolerance * scale, 0.1 * sizes.min()):
            return None
        if sizes.min() <= evidence.allowed * scale:
            return None
        means.append(float(gap.mean()))
        entries += gap.size
    if entries > 3 and np.ptp(means) <= evidence.tolerance * abs(means[0]):
        much = "large" if means[0] > 0 else "small"
        return Diagnosis("offset", f"every entry is too {much} by {abs(means[0]):.6g}")
    if entries - len(means) < 3:  # a single number is always off by a constant
        return None
    sentence = "all entries are off by the same amount: a constant is missing or extra"
    return Diagnosis("offset", sentence)


def region(evidence: Evidence) -> Diagnosis | None:
    """Whether the wrong entries have something in common: an argument's sign or size, a place."""
    wrong = evidence.wrong()
    # Where zero is expected and given nothing can be seen to be wrong.
    telling = [
        bad | ~agrees(np.zeros_like(c.expected), c.expected, evidence.tolerance)
        for bad, c in zip(wrong, evidence.comparisons, strict=True)
    ]
    flat = np.concatenate([bad[seen] for bad, seen in zip(wrong, telling, strict=True)])
    if flat.all() or not flat.any():
        return None
    for name in evidence.comparisons[0].arguments:
        arrays = [c.arguments[name] for c in evidence.comparisons]
        if all(np.shape(a) == bad.shape for a, bad in zip(arrays, wrong, strict=True)):
            values = [np.asarray(a)[seen] for a, seen in zip(arrays, telling, strict=True)]
            where = _limit(name, np.concatenate(values), flat)
            if where is not None:
                words = f"it is wrong exactly where {where}{_factor_there(evidence)}"
                return Diagnosis("region", words)
    for axis in range(wrong[0].ndim):
        where = _indices(axis, wrong, telling)
        if where is not None:
            return Diagnosis("region", f"it is {where}{_factor_there(evidence)}")
    return None


def differences(evidence: Evidence) -> Diagnosis:
    """Return how many entries are wrong, and the first of them; some must be."""
    pairs = zip(evidence.comparisons, evidence.wrong(), strict=True)
    one, bad = next((one, bad) for one, bad in pairs if bad.any())
    where = tuple(np.argwhere(bad)[0])
    count = _count(bad, int((~np.isnan(one.expected)).sum()), "differ")
    sentence = f"{count}it is {one.given[where]:.6g}{_at(where)} where {one.expected[where]:.6g}"
    return Diagnosis("values", f"{sentence} is right{_factor_there(evidence)}")


# Numbers and words.


def common_ratio(above: FloatArray, below: FloatArray, tolerance: float) -> float | None:
    """Return the one ratio of all known entries of two arrays, or ``None``."""
    finite = np.isfinite(below)
    if not agrees(above[~finite], below[~finite], tolerance).all():
        return None
    above, below = above[finite], below[finite]
    if not np.isfinite(above).all():
        return None
    scale, size = np.abs(below).max(initial=0.0), np.abs(above).max(initial=0.0)
    if scale == 0 or size < tolerance * scale:
        return None
    ratio = float(above @ below / (below @ below))
    return ratio if np.abs(above - ratio * below).max() <= tolerance * size else None


def factor_in_words(ratio: float, counts: Mapping[str, float], tolerance: float) -> str | None:
    """Return a factor in words, with the counts that it may be; ``None`` if it is no usual one."""
    size, sign = abs(ratio), "−" if ratio < 0 else ""

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


def _factor_there(evidence: Evidence) -> str:
    """Return the factor of the wrong entries in brackets, if they have one."""
    pairs = list(zip(evidence.comparisons, evidence.wrong(), strict=True))
    given = np.concatenate([c.given[bad] for c, bad in pairs])
    expected = np.concatenate([c.expected[bad] for c, bad in pairs])
    ratio = common_ratio(given, expected, evidence.tolerance) if given.size > 2 else None
    counts = evidence.comparisons[0].counts if len(pairs) == 1 else {}
    words = factor_in_words(ratio, counts, evidence.tolerance) if ratio is not None else None
    return f" (there it is {words})" if words else ""


def _limit(name: str, values: FloatArray, wrong: NDArray[np.bool_]) -> str | None:
    """Return on which side of which limit an argument's values make an entry wrong."""
    ways = comb(wrong.size, int(wrong.sum()))
    for sizes, what in ((values, name), (np.abs(values), f"|{name}|")):
        for lower, upper, side in ((wrong, ~wrong, "below"), (~wrong, wrong, "above")):
            low, high = sizes[lower].max(), sizes[upper].min()
            if low < high:
                if what == name and low <= 0 <= high and ways >= _WAYS_AT_ZERO:
                    return f"{name} is {'negative' if side == 'below' else 'positive'}"
                if ways >= _WAYS_ANYWHERE:
                    return f"{what} is {side} about {(low + high) / 2:.3g}"
    return None


def _indices(
    axis: int, wrong: Sequence[NDArray[np.bool_]], telling: Sequence[NDArray[np.bool_]]
) -> str | None:
    """Return the only indices along an axis where entries are wrong, or right, if all agree."""
    some = [(bad, seen) for bad, seen in zip(wrong, telling, strict=True) if bad.any()]
    sizes = [bad.shape[axis] for bad, _ in some]
    at = [np.unique(np.nonzero(bad)[axis]) for bad, _ in some]
    rest = [np.setdiff1d(np.nonzero(s)[axis], a) for (_, s), a in zip(some, at, strict=True)]
    if not all(indices.size for indices in rest):
        return None
    # In a single comparison some indices are always the wrong ones: all there must be wrong.
    if len(some) == 1 and not (some[0][0] | ~some[0][1]).take(at[0], axis).all():
        return None
    for places, what in ((at, "wrong"), (rest, "right")):
        for back in (0, 1):  # counted from the start, or from the end
            found = {tuple(p - back * size) for p, size in zip(places, sizes, strict=True)}
            if len(found) == 1:
                indices = _listed("index", "indices", found.pop())
                return f"{what} only at {indices} of axis {axis}"
    return None


def _at(where: tuple[int, ...]) -> str:
    return f" at [{', '.join(map(str, where))}]" if where else ""


def _count(mask: NDArray[np.bool_], known: int, what: str) -> str:
    return f"{int(mask.sum())} of {known} entries {what}: " if mask.size > 1 else ""


def _listed(one: str, several: str, numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number).replace("-", "−") for number in numbers[:6])
    return f"{one if len(numbers) == 1 else several} {shown}{', …' if len(numbers) > 6 else ''}"
