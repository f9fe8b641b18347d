"""What is wrong with a gradient, seen output by output.

The gradients that backward gives for one output at a time are the rows of a matrix, and so are the
right ones. A wrong slope of an activation, a term left out, a sum over the wrong axis: each leaves
another mark on the difference of the two matrices.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from scratchvae.checks.diagnosis.evidence import Diagnosis
from scratchvae.checks.diagnosis.formulas import as_formula, as_formula_of_rows
from scratchvae.checks.diagnosis.jacobian import (
    TOLERANCE,
    Jacobian,
    groups_of,
    is_of_rank_one,
    is_of_rank_one_but_for_own,
    row_factors,
)
from scratchvae.validation import FloatArray

_PASSED_ON = "it is dy as it came in"


def transposed(jacobian: Jacobian) -> Diagnosis | None:
    """Whether it is right once something in a product is transposed: dy, or what dy meets there.

    The Jacobian has the axes of the output, then those of the array. A transposed dy exchanges two
    of the former, any other array one of the former with one of the latter.
    """
    if not jacobian.gap.any():
        return None
    sizes = (*jacobian.output_shape, *jacobian.shape)
    given, expected = (its.reshape(sizes) for its in (jacobian.given, jacobian.expected))
    most, outputs = TOLERANCE * np.abs(expected).max(), len(jacobian.output_shape)
    for one, other in combinations(range(len(sizes)), 2):
        if one < outputs and sizes[one] == sizes[other] > 1:
            moved = given.swapaxes(one, other)
            if np.abs(moved - expected).max() <= most:
                what = "dy" if other < outputs else "the array that dy is multiplied by"
                return Diagnosis("transpose", f"it is right once {what} is transposed in it")
    return None


def mask(jacobian: Jacobian) -> Diagnosis | None:
    """Whether a mask is missing or turned round: what passes where, one entry by one."""
    if not jacobian.one_output_each or jacobian.real.all():
        return None
    seen, real = jacobian.seen.any(axis=0), jacobian.real.any(axis=0)
    if seen.any() and not (seen & real).any():
        sentence = "it is zero where it should not be, and the reverse: turn the mask round"
        return Diagnosis("mask", sentence)
    wrong = jacobian.gap.any(axis=0)
    if (wrong == (seen & ~real)).all() and wrong.any():
        words = "it is wrong exactly where it should be zero: a mask is missing"
        return Diagnosis("region", words)
    return None


def known_slope(jacobian: Jacobian, arrays: Mapping[str, FloatArray]) -> Diagnosis | None:
    """Whether dy is multiplied by one formula of an array where another is right."""
    if not jacobian.one_output_each or not jacobian.gap.any():
        return None
    given, expected = (as_formula(its, arrays, 10 * TOLERANCE) for its in jacobian.by_entry())
    if given is None or expected is None:
        return None
    start = _PASSED_ON if given == "1" else f"it is {_dy_times(given)}"
    return Diagnosis("slope", f"{start}, where {_dy_times(expected)} is right")


def _dy_times(formula: str) -> str:
    return {"0": "0", "1": "dy"}.get(formula, f"dy * ({formula})")


def slope(jacobian: Jacobian) -> Diagnosis | None:
    """Whether the derivative of an elementwise function is wrong, alone or before a product."""
    if not jacobian.gap.any():
        return None
    if jacobian.elementwise:
        given, _ = jacobian.by_entry()
        if np.ptp(given) <= TOLERANCE and abs(given.flat[0] - 1) <= TOLERANCE:
            return Diagnosis("slope", f"{_PASSED_ON}: the derivative is missing")
        what = "dy is multiplied by the wrong number entry by entry"
        return Diagnosis("slope", f"{what}: the derivative of the function itself is wrong")
    factors = row_factors(jacobian.given, jacobian.expected)
    if factors is not None and np.ptp(factors) > TOLERANCE * np.abs(factors).max():
        what = "what comes from each output is right but for a factor, another one for each"
        return Diagnosis("slope", f"{what}: a derivative beside dy is wrong or missing")
    return None


def factor_of_entries(jacobian: Jacobian) -> Diagnosis | None:
    """Whether it is right but for a factor that differs from entry to entry, or along an axis."""
    factors = row_factors(jacobian.given.T, jacobian.expected.T)
    if factors is None or np.ptp(factors) <= TOLERANCE * np.abs(factors).max():
        return None
    shaped = factors.reshape(jacobian.shape)
    free = [
        axis
        for axis, size in enumerate(shaped.shape)
        if size > 1 and np.ptp(shaped, axis=axis).max() > 10 * TOLERANCE * np.abs(shaped).max()
    ]
    along = " and ".join(f"axis {axis}" for axis in free)
    return Diagnosis("factor", f"it is right but for a factor that differs along {along}")


def outputs_left_out(jacobian: Jacobian) -> Diagnosis | None:
    """Whether it is right as far as it goes, and takes nothing from some of the outputs."""
    wrong = jacobian.gap != 0
    if not wrong.any() or (wrong & jacobian.seen).any():
        return None
    most = int(np.argmax(wrong.sum(axis=0)))
    taken, due = (int(its[:, most].sum()) for its in (jacobian.seen, jacobian.real))
    where = np.unravel_index(most, jacobian.shape)
    return Diagnosis(
        "missing sum",
        f"at [{', '.join(map(str, where))}] it adds up what comes from {taken} of the {due} "
        "outputs that depend on it: later ones overwrite earlier ones (= for +=), or some are "
        "left out",
    )


def other_outputs(jacobian: Jacobian) -> Diagnosis | None:
    """Whether it takes something from outputs that have nothing to do with it."""
    extra = jacobian.seen & ~jacobian.real
    if jacobian.elementwise or not extra.any() or not jacobian.real.any():
        return None
    wrong = jacobian.gap != 0
    if not (wrong & jacobian.seen & jacobian.real).any():
        moved = _shift(jacobian)
        if moved is not None:
            return moved
    group = groups_of(jacobian.real)
    rows, columns = group[: len(extra)], group[len(extra) :]
    apart = rows[:, None] != columns[None, :]
    if not (extra & apart).any():
        return None
    sentence = (
        "it takes something from outputs that do not depend on it: a sum is over the wrong axis, "
        "or over too many"
    )
    return Diagnosis("wrong axis", sentence)


def other_array(jacobian: Jacobian, arrays: Mapping[str, FloatArray]) -> Diagnosis | None:
    """Whether each output's dy is multiplied by the entries of a wrong array, or of none."""
    if (jacobian.seen & ~jacobian.real).any() or not jacobian.gap.any():
        return None
    given = jacobian.given[jacobian.seen]
    expected = jacobian.expected[jacobian.real]
    if given.size < 3:
        return None
    if np.ptp(given) <= TOLERANCE * np.abs(given).max() < np.ptp(expected):
        sentence = "dy is added up as it is: the array that it should be multiplied by is missing"
        return Diagnosis("factor", sentence)
    both = jacobian.seen & jacobian.real
    inverse = jacobian.given[both] * jacobian.expected[both]
    if both.any() and np.ptp(inverse) <= 10 * TOLERANCE * np.abs(inverse).max():
        return Diagnosis("factor", "it divides by what it should multiply by, or the reverse")
    for name, array in arrays.items():
        values = np.sort(np.abs(array).ravel())
        if values.size >= 3 and _all_among(given, values) and not _all_among(expected, values):
            return Diagnosis(
                "wrong array", f"dy is multiplied by {name}, which does not belong there"
            )
    return None


def term(jacobian: Jacobian, arrays: Mapping[str, FloatArray]) -> Diagnosis | None:
    """Whether one term of a sum is missing or has the wrong size: the difference is simple."""
    gap = jacobian.gap
    if not gap.any():
        return None
    if jacobian.one_output_each:
        difference = gap.sum(axis=0).reshape(jacobian.shape)
        words = as_formula(difference, arrays, 10 * TOLERANCE)
        words = words or as_formula_of_rows(difference, arrays, 10 * TOLERANCE)
        return None if words is None else _a_term(f" like {words}")
    if jacobian.output_shape == jacobian.shape and not (gap - np.diag(np.diag(gap))).any():
        return _a_term(" that each entry has of its own output")
    if is_of_rank_one(jacobian):
        return _a_term(", a sum or mean times an array")
    return None


def coupling(jacobian: Jacobian) -> Diagnosis | None:
    """Whether a sum is missing, so that each entry takes from its own output instead of many."""
    many = int(jacobian.real.sum(axis=0).max(initial=0))
    if many < 3 or not jacobian.seen.any():
        return None
    alone = jacobian.seen.sum(axis=0).max() == 1
    if not alone and not is_of_rank_one_but_for_own(jacobian):
        return None
    what = "it takes" if alone else "a term of it takes"
    sentence = f"{what} from each entry's own output only where it should from {many}"
    return Diagnosis("missing sum", f"{sentence}: a sum is missing")


def slope_of_terms(jacobian: Jacobian) -> Diagnosis | None:
    """Whether dy is multiplied by the wrong numbers where each entry belongs to one output.

    So it is in a loss per example, a sum over that example's entries.
    """
    if not jacobian.one_output_each or len(jacobian.given) < 2 or not jacobian.gap.any():
        return None
    what = "each entry takes dy from the right output, times the wrong number"
    return Diagnosis("slope", f"{what}: the derivative of what is summed there is wrong")


def some_outputs(jacobian: Jacobian) -> Diagnosis | None:
    """Whether it is wrong only for the outputs at some indices of an axis."""
    wrong = np.asarray(jacobian.gap.any(axis=1)).reshape(jacobian.output_shape)
    for axis, size in enumerate(wrong.shape):
        others = tuple(a for a in range(wrong.ndim) if a != axis)
        at = np.flatnonzero(np.any(wrong, axis=others))
        if 0 < at.size < size and wrong.take(at, axis).all():
            places = ", ".join(map(str, at[:6]))
            return Diagnosis("region", f"it is wrong for outputs at {places} of axis {axis} only")
    return None


def _a_term(which: str) -> Diagnosis:
    sentence = f"one term of it is wrong, missing or too much: one{which}"
    return Diagnosis("term", sentence)


def _shift(jacobian: Jacobian) -> Diagnosis | None:
    """Whether it is right once moved along an axis by one; what falls off the end may be lost."""
    given = jacobian.given.reshape(-1, *jacobian.shape)
    expected = jacobian.expected.reshape(-1, *jacobian.shape)
    size = TOLERANCE * np.abs(expected).max()
    for axis in range(1, given.ndim):
        length = given.shape[axis]
        for by in (1, -1) if length > 2 else ():
            inner = np.arange(max(by, 0), length + min(by, 0))
            moved = given.take(inner, axis)
            if moved.any() and np.abs(moved - expected.take(inner - by, axis)).max() <= size:
                way = "too far" if by > 0 else "too early"
                return Diagnosis("shift", f"it stands one index {way} along axis {axis - 1}")
    return None


def _all_among(numbers: FloatArray, values: FloatArray) -> bool:
    """Whether the sizes of all numbers are among these sorted ones."""
    sizes = np.abs(numbers)
    after = np.clip(np.searchsorted(values, sizes), 1, len(values) - 1)
    near = np.minimum(np.abs(values[after] - sizes), np.abs(values[after - 1] - sizes))
    return bool((near <= TOLERANCE * sizes.max()).all())
