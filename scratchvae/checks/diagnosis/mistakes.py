"""The usual mistakes, as hypotheses: each is named only if it fits every known entry.

They are in the order in which they are best tried. All but the first take it that the shapes are
right.
"""

from functools import partial
from itertools import combinations, permutations

import numpy as np

from scratchvae.checks.diagnosis.evidence import Diagnosis, Evidence, fits
from scratchvae.checks.diagnosis.regions import at_place, count_of, listed


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
                over = listed("axis", "axes", axes)
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
            count = count_of(bad, bad.size, "are not finite")
            return Diagnosis(
                "not finite",
                f"{count}it is {one.given[where]}{at_place(where)}"
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


def transposed(evidence: Evidence) -> Diagnosis | None:
    """Whether it is right with its axes in another order, or reversed."""
    ndim = evidence.comparisons[0].given.ndim
    for axes in list(permutations(range(ndim)))[1:] if ndim <= 4 else []:
        if evidence.fits(partial(np.transpose, axes=axes)):
            how = "transposed" if ndim == 2 else f"its axes are in the order {axes}"
            return Diagnosis("transpose", f"it is right once {how}")
    for turned in [(axis,) for axis in range(ndim)] + [(0, 1)] if ndim > 1 else []:
        if evidence.fits(partial(np.flip, axis=turned)):
            how = (
                f"along axis {turned[0]}"
                if len(turned) == 1
                else "along axes 0 and 1 (by 180 degrees)"
            )
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
