"""Mistakes that show in what a gradient's numbers look like: a factor, a transpose, a region."""

from collections.abc import Mapping
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.evidence import (
    AGREEMENT,
    Diagnosis,
    Facts,
    Hypothesis,
    Measured,
    same,
)
from scratchvae.validation import FloatArray

_NAMED_FACTORS = {
    0.5: "½",
    2.0: "2",
    0.25: "¼",
    4.0: "4",
    1 / 3: "⅓",
    3.0: "3",
    float(np.sqrt(2)): "√2",
    float(np.sqrt(0.5)): "1/√2",
    float(np.pi): "π",
    float(2 * np.pi): "2π",
}


def _factor(measured: Measured, facts: Facts) -> Diagnosis | None:
    ratio = _common_ratio(measured.analytic, measured.numeric)
    if ratio is None or abs(ratio - 1) <= AGREEMENT:
        return None
    name = _name_factor(ratio, facts.sizes, " everywhere")
    if name is None and np.isfinite(measured.numeric).sum() < 3:
        return None  # two numbers are too easily proportional
    return Diagnosis("factor", f"it is {name or f'{ratio:.6g} times the slope everywhere'}")


def _of_parts(measured: Measured, facts: Facts) -> Diagnosis | None:
    """Whether the parts of a loss are each differentiated rightly, but weighted wrongly."""
    if measured.parts is None or len(measured.places) < 4:
        return None
    sizes = np.linalg.norm(measured.parts, axis=0)
    if not (sizes > 1e-6 * sizes.max()).all():
        return None
    weights, *_ = np.linalg.lstsq(measured.parts / sizes, measured.analytic, rcond=1e-6)
    weights = weights / sizes
    if np.abs(measured.parts @ weights - measured.analytic).max() > AGREEMENT * measured.scale:
        return None
    said = []
    for weight, part in zip(weights, ("reconstruction", "KL"), strict=True):
        if abs(weight) < 1e-3:
            said.append(f"the part that comes through the {part} is missing")
        elif abs(weight - 1) > 1e-3:
            factor = _name_factor(float(weight), facts.sizes) or f"{weight:.4g} times the slope"
            said.append(f"the part that comes through the {part} is {factor}")
    return Diagnosis("part of the loss", " and ".join(said)) if said else None


def _transposed(measured: Measured, facts: Facts) -> Diagnosis | None:
    gradient = measured.gradient
    if gradient.ndim == 2 and gradient.shape[0] == gradient.shape[1] and measured.fits(gradient.T):
        return Diagnosis("transpose", "it is right once transposed")
    if 2 < gradient.ndim <= 4:
        for axes in permutations(range(gradient.ndim)):
            if gradient.transpose(axes).shape == gradient.shape and measured.fits(
                gradient.transpose(axes)
            ):
                return Diagnosis("transpose", f"it is right once its axes are ordered {axes}")
    if gradient.ndim >= 2 and gradient.size > 1:
        for axis in range(gradient.ndim):
            if measured.fits(np.flip(gradient, axis)):
                return Diagnosis("flip", f"it is right once axis {axis} is turned round")
        if measured.fits(np.flip(gradient, (0, 1))):
            return Diagnosis("flip", "it is right once axes 0 and 1 are turned round (by 180°)")
    return None


def _untransposed_weight(measured: Measured, facts: Facts) -> Diagnosis | None:
    """Whether an input's gradient is dy W where it should be dy Wᵀ."""
    dy, gradient = facts.upstream, measured.gradient
    # Of a square weight, dy W has the shape of dy: a gradient of another is no input's.
    if dy is None or dy.ndim != 2 or gradient.shape != dy.shape:
        return None
    for name, weight in facts.arrays.items():
        if name == measured.name or weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
            continue
        if dy.shape[1] != len(weight):
            continue
        for used, meant in ((weight, weight.T), (weight.T, weight)):
            if measured.fits(dy @ meant) and same(gradient, dy @ used, 1e-9):
                return Diagnosis("transpose", f"it is right once {name} is transposed in it")
    return None


def _input_ignored(measured: Measured, facts: Facts) -> Diagnosis | None:
    """Whether a weight's gradient is the same whatever the input: then it is of another input."""
    first, other = facts.first.get(measured.name), facts.with_another.get(measured.name)
    if first is None or other is None or first.ndim < 2 or measured.name not in facts.added:
        return None
    if not same(first, other, 0.0):
        return None
    return Diagnosis(
        "stale",
        "it does not depend on the input: the input of an earlier batch was kept and not replaced",
    )


def _extra_term(measured: Measured, facts: Facts) -> Diagnosis | None:
    """Whether something simple was added or left out: a constant, or a multiple of the array."""
    if len(measured.places) < 4:
        return None
    difference = measured.analytic - measured.numeric
    if np.ptp(difference) <= AGREEMENT * measured.scale:
        return Diagnosis("extra term", f"every entry is off by the same {difference.mean():.6g}")
    values = measured.array.ravel()[measured.places]
    ratio = _common_ratio(difference, values)
    if ratio is None:
        return None
    return Diagnosis(
        "extra term", f"it is off by {ratio:.6g} times {measured.name} itself: a term of the loss"
    )


def _region(measured: Measured, facts: Facts) -> Diagnosis | None:
    """Whether the wrong entries have something in common."""
    wrong = ~measured.right()
    count = int(wrong.sum())
    if count == 0 or wrong.all():
        return None
    within = _common_ratio(measured.analytic[wrong], measured.numeric[wrong]) if count > 2 else None
    name = None if within is None else _name_factor(within, facts.sizes)
    there = f" (there it is {name})" if name else ""
    values = measured.array.ravel()[measured.places]
    signs = {measured.name: values}
    if facts.upstream is not None and facts.upstream.shape == measured.array.shape:
        signs["dy"] = facts.upstream.ravel()[measured.places]
    # Where both slopes are zero nothing can be wrong, whatever the sign.
    counts = (measured.analytic != 0) | (np.abs(measured.numeric) > AGREEMENT * measured.scale)
    for what, sign in signs.items():
        for test, words in ((sign < 0, "negative"), (sign > 0, "positive")):
            # A sign decides only if it does so on both sides more than once.
            if (wrong == test)[counts].all() and min(test[counts].sum(), (~test[counts]).sum()) > 1:
                return Diagnosis("region", f"it is wrong exactly where {what} is {words}{there}")
    sizes = np.abs(values)
    if count > 1 and (~wrong).sum() > 1:
        for large, words in ((wrong, "above"), (~wrong, "below")):
            if sizes[large].min() > sizes[~large].max():
                limit = (sizes[large].min() + sizes[~large].max()) / 2
                where = f"|{measured.name}| is {words} about {limit:.3g}"
                return Diagnosis("region", f"it is wrong exactly where {where}{there}")
    index = np.unravel_index(measured.places, measured.array.shape)
    for axis, along in enumerate(index):
        bad = np.unique(along[wrong])
        if len(bad) < measured.array.shape[axis] and (np.isin(along, bad) == wrong).all():
            listed = _list(bad)
            return Diagnosis("region", f"it is wrong at {listed} of axis {axis} alone{there}")
    example = tuple(int(axis[wrong][0]) for axis in index)
    return Diagnosis(
        "region",
        f"it is wrong at {count} of {len(wrong)} entries measured, {example} among them{there}",
    )


# Words and numbers.


def _common_ratio(above: FloatArray, below: FloatArray) -> float | None:
    """Return the one ratio of all entries of two arrays, or ``None``.

    Where ``below`` is no number, as a slope is not where the function itself is none, there is
    nothing to compare.
    """
    known = np.isfinite(below)
    above, below = above[known], below[known]
    scale = float(np.abs(below).max(initial=0.0))
    if scale == 0 or not np.isfinite(above).all():
        return None
    ratio = float(above @ below / (below @ below))
    size = float(np.abs(above).max())
    if size < AGREEMENT * scale or np.abs(above - ratio * below).max() > AGREEMENT * size:
        return None
    return ratio


def _name_factor(ratio: float, sizes: Mapping[str, int], where: str = "") -> str | None:
    """Return a ratio in words, with the counts that it may be; ``None`` if it is no usual one."""
    if abs(ratio + 1) <= 1e-3:
        return f"of the wrong sign{where}"
    size, sign = abs(ratio), "minus " if ratio < 0 else ""
    times = [what for what, count in sizes.items() if count > 1 and _near(size, count)]
    over = [what for what, count in sizes.items() if count > 1 and _near(size, 1 / count)]
    name = next((name for factor, name in _NAMED_FACTORS.items() if _near(size, factor)), None)
    name = name or (f"{round(size)}" if times else f"1/{round(1 / size)}" if over else None)
    if name is None:
        return None
    counts = f"{'one over ' if over else ''}the number of {' or of '.join(times or over)}"
    return f"{sign}{name} times the slope{where}{f' (perhaps {counts})' if times or over else ''}"


def _near(size: float, factor: float) -> bool:
    return abs(size / factor - 1) <= 1e-3


def _list(numbers: NDArray[Any]) -> str:
    shown = ", ".join(str(int(number)) for number in numbers[:6])
    return f"ind{'ex' if len(numbers) == 1 else 'ices'} {shown}{'' if len(numbers) <= 6 else ', …'}"


# In the order in which they are tried.
PATTERNS: tuple[Hypothesis, ...] = (
    _factor,
    _of_parts,
    _transposed,
    _untransposed_weight,
    _input_ignored,
    _extra_term,
    _region,
)
