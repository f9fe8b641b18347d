"""Where the wrong entries of an array are, and what they have in common."""

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.diagnosis.evidence import Diagnosis, Evidence, agrees
from scratchvae.checks.diagnosis.factors import factor_there
from scratchvae.validation import FloatArray

# Wrong entries may lie on one side of a limit by luck. A limit at zero, or anywhere, is only named
# if there are at least this many ways to choose as many entries.
_WAYS_AT_ZERO, _WAYS_ANYWHERE = 6, 20


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
                words = f"it is wrong exactly where {where}{factor_there(evidence)}"
                return Diagnosis("region", words)
    for axis in range(wrong[0].ndim):
        where = _indices(axis, wrong, telling)
        if where is not None:
            return Diagnosis("region", f"it is {where}{factor_there(evidence)}")
    if all(map(_one_in_each_row, wrong)):
        words = "it is wrong at one entry of each row only, as that of a label may be"
        return Diagnosis("region", f"{words}{factor_there(evidence)}")
    return None


def _one_in_each_row(wrong: NDArray[np.bool_]) -> bool:
    """Whether each of three rows or more, of three entries or more, has one that is wrong."""
    return wrong.ndim == 2 and min(wrong.shape) >= 3 and bool((wrong.sum(axis=1) == 1).all())


def differences(evidence: Evidence) -> Diagnosis:
    """Return how many entries are wrong, and the first of them; some must be."""
    pairs = zip(evidence.comparisons, evidence.wrong(), strict=True)
    one, bad = next((one, bad) for one, bad in pairs if bad.any())
    where = tuple(np.argwhere(bad)[0])
    count = count_of(bad, int((~np.isnan(one.expected)).sum()), "differ")
    sentence = (
        f"{count}it is {one.given[where]:.6g}{at_place(where)} where {one.expected[where]:.6g}"
    )
    return Diagnosis("values", f"{sentence} is right{factor_there(evidence)}")


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
                indices = listed("index", "indices", found.pop())
                return f"{what} only at {indices} of axis {axis}"
    return None


def at_place(where: tuple[int, ...]) -> str:
    """Return a place in words; nothing for a single number."""
    return f" at [{', '.join(map(str, where))}]" if where else ""


def count_of(mask: NDArray[np.bool_], known: int, what: str) -> str:
    """Return how many of the known entries are so, as the beginning of a sentence."""
    return f"{int(mask.sum())} of {known} entries {what}: " if mask.size > 1 else ""


def listed(one: str, several: str, numbers: Sequence[int]) -> str:
    """Return numbers after the word for one or for several of them."""
    shown = ", ".join(str(number) for number in numbers[:6])
    return f"{one if len(numbers) == 1 else several} {shown}{', ...' if len(numbers) > 6 else ''}"
