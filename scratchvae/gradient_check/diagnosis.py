"""What is probably wrong with a gradient that a check has found wrong.

A gradient that is wrong by hand is seldom random: it is the right one times ½, or transposed, or
that of one example instead of all. So usual mistakes are tried, one after the other, as hypotheses:
each says what the gradient would then have to be, or how the backward pass would then have to
behave, and is named only if every measured entry fits. Where none fits, nothing is said.

The order matters: what the backward pass *does* (forgets, overwrites, draws again) comes before
what its numbers look like.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray

# Slopes for a diagnosis are measured with one step, to six digits or more; mistakes are larger.
AGREEMENT = 1e-4

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


class Diagnosis(NamedTuple):
    """One word for the cause, and a sentence that says what was seen."""

    cause: str
    sentence: str


@dataclass(frozen=True)
class Facts:
    """How a backward pass behaves, beyond the numbers of one call.

    Attributes
    ----------
    sizes
        Counts that a factor may be made of: ``{"examples": 4, …}``.
    forward_repeats
        Whether the same input gives the same output twice.
    again
        The gradients of a second backward pass after the same forward pass; empty if that raised.
    after_another
        The gradients when another batch came just before, ``None`` where they do not differ.
    with_another
        The gradients of another batch with the same dy.
    added
        What two passes, one after the other, add up to in what is accumulated.
    one_example
        The number of the only example that a gradient responds to, by name.
    upstream
        The dy of the check.
    arrays
        What the function depends on.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    forward_repeats: bool = True
    first: Mapping[str, FloatArray] = field(default_factory=dict)
    again: Mapping[str, FloatArray] = field(default_factory=dict)
    after_another: Mapping[str, FloatArray] = field(default_factory=dict)
    with_another: Mapping[str, FloatArray] = field(default_factory=dict)
    added: Mapping[str, FloatArray] = field(default_factory=dict)
    one_example: Mapping[str, int] = field(default_factory=dict)
    upstream: FloatArray | None = None
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """An array's gradient, and slopes measured at some of its entries.

    Attributes
    ----------
    name
        What the array is called.
    array, gradient
        Its values, and what the backward pass says; the gradient may be of another shape.
    places
        Flat indices of the entries that were measured.
    numeric
        The slopes there.
    parts
        The slopes of the parts of a loss (reconstruction, weighted KL), (len(places), 2), where
        there are any.
    """

    name: str
    array: FloatArray
    gradient: FloatArray
    places: NDArray[np.intp]
    numeric: FloatArray
    parts: FloatArray | None = None

    @property
    def analytic(self) -> FloatArray:
        """What the backward pass says at ``places``."""
        return self.gradient.ravel()[self.places]

    @property
    def scale(self) -> float:
        """The size of a typical slope, which agreement is measured against."""
        return float(np.abs(self.numeric).max(initial=0.0))

    def fits(self, candidate: NDArray[Any]) -> bool:
        """Whether ``candidate``, of the array's shape, agrees with every slope."""
        return bool(self._close(candidate.ravel()[self.places]).all())

    def right(self) -> NDArray[np.bool_]:
        """Which entries agree."""
        return self._close(self.analytic)

    def _close(self, slopes: FloatArray) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            near: NDArray[np.bool_] = np.abs(slopes - self.numeric) <= AGREEMENT * self.scale
        return near


def diagnose(measured: Measured, facts: Facts | None = None) -> Diagnosis | None:
    """Return the first of the usual mistakes that fits all the evidence, or ``None``."""
    facts = facts or Facts()
    for hypothesis in _hypotheses():
        found = hypothesis(measured, facts)
        if found is not None:
            return found
    return None


def _hypotheses() -> Iterator[Callable[[Measured, Facts], Diagnosis | None]]:
    yield _random_forward
    yield _drawn_again
    yield _stale
    yield _missing
    yield _wrong_shape
    yield _not_a_number
    yield _overwritten
    yield _zero
    yield _one_example
    yield _factor
    yield _of_parts
    yield _transposed
    yield _untransposed_weight
    yield _input_ignored
    yield _extra_term
    yield _region


# What the backward pass does.


def _random_forward(measured: Measured, facts: Facts) -> Diagnosis | None:
    if facts.forward_repeats:
        return None
    return Diagnosis(
        "random forward",
        "the forward pass gives another output for the same input: noise is drawn inside it; make "
        "the noise an argument, and keep it for the backward pass",
    )


def _drawn_again(measured: Measured, facts: Facts) -> Diagnosis | None:
    first, again = facts.first.get(measured.name), facts.again.get(measured.name)
    if first is None or again is None or _same(first, again):
        return None
    return Diagnosis(
        "drawn again",
        "two backward passes after one forward pass disagree: noise is drawn again in the backward "
        "pass, or it changes what the forward pass remembered",
    )


def _stale(measured: Measured, facts: Facts) -> Diagnosis | None:
    first, after = facts.first.get(measured.name), facts.after_another.get(measured.name)
    if first is None or after is None or _same(first, after):
        return None
    return Diagnosis(
        "stale",
        "it depends on the batch that came before: something of an earlier pass was kept and not "
        "replaced",
    )


def _missing(measured: Measured, facts: Facts) -> Diagnosis | None:
    if measured.gradient.dtype != object:
        return None
    return Diagnosis("missing", "backward returned nothing: let it return the gradient")


def _wrong_shape(measured: Measured, facts: Facts) -> Diagnosis | None:
    gradient, shape = measured.gradient, measured.array.shape
    if gradient.shape == shape:
        return None
    if gradient.T.shape == shape and measured.fits(gradient.T):
        return Diagnosis("transpose", "it is right once transposed")
    for axes in _axes_to_sum(gradient.shape, shape):
        summed = gradient.sum(axis=axes).reshape(shape)
        over = _axes_in_words(axes)
        if measured.fits(summed):
            return Diagnosis(
                "missing sum",
                f"it is right once summed over {over}: what the forward pass broadcasts, the "
                "backward pass must add up",
            )
    if gradient.size == measured.array.size and measured.fits(gradient.reshape(shape)):
        return Diagnosis("shape", f"its numbers are right: reshape it to {shape}")
    return Diagnosis("shape", f"it is of shape {gradient.shape} and must be of {shape}")


def _not_a_number(measured: Measured, facts: Facts) -> Diagnosis | None:
    bad = ~np.isfinite(measured.gradient)
    if not bad.any():
        return None
    return Diagnosis(
        "not a number",
        f"{int(bad.sum())} of {bad.size} entries are infinite or NaN: a logarithm or a division of "
        "zero, or an exponential that overflowed",
    )


def _overwritten(measured: Measured, facts: Facts) -> Diagnosis | None:
    first, added = facts.first.get(measured.name), facts.added.get(measured.name)
    if first is None or added is None or not np.any(first) or not _same(first, added):
        return None
    return Diagnosis(
        "overwritten",
        "a second backward pass leaves it as it was instead of doubling it: add to the gradient "
        "(+=), don't assign it (=)",
    )


def _zero(measured: Measured, facts: Facts) -> Diagnosis | None:
    if np.any(measured.gradient):
        return None
    return Diagnosis("forgotten", "it is zero everywhere: the backward pass never computes it")


def _one_example(measured: Measured, facts: Facts) -> Diagnosis | None:
    example = facts.one_example.get(measured.name)
    if example is None:
        return None
    return Diagnosis(
        "missing sum",
        f"it responds to example {example} alone: the sum over the examples is missing",
    )


# What its numbers look like.


def _factor(measured: Measured, facts: Facts) -> Diagnosis | None:
    ratio = _common_ratio(measured.analytic, measured.numeric)
    if ratio is None or abs(ratio - 1) <= AGREEMENT:
        return None
    name = _name_factor(ratio, facts.sizes, " everywhere")
    if name is None and len(measured.places) < 3:
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
    if dy is None or dy.ndim != 2 or gradient.ndim != 2:
        return None
    for name, weight in facts.arrays.items():
        if name == measured.name or weight.ndim != 2 or weight.shape[0] != weight.shape[1]:
            continue
        if dy.shape[1] != len(weight) or gradient.shape[1] != len(weight):
            continue
        for used, meant in ((weight, weight.T), (weight.T, weight)):
            if measured.fits(dy @ meant) and _same(gradient, dy @ used, 1e-9):
                return Diagnosis("transpose", f"it is right once {name} is transposed in it")
    return None


def _input_ignored(measured: Measured, facts: Facts) -> Diagnosis | None:
    """Whether a weight's gradient is the same whatever the input: then it is of another input."""
    first, other = facts.first.get(measured.name), facts.with_another.get(measured.name)
    if first is None or other is None or first.ndim < 2 or measured.name not in facts.added:
        return None
    if not _same(first, other, 0.0):
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
    """Return the one ratio of all entries of two arrays, or ``None``."""
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


def _axes_to_sum(given: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield axes whose sum leaves as many numbers as wanted, the first axes first."""
    size = int(np.prod(wanted))
    for count in range(1, len(given) + 1):
        for first in range(len(given) - count + 1):
            axes = tuple(range(first, first + count))
            left = [n for axis, n in enumerate(given) if axis not in axes]
            if int(np.prod(left)) == size:
                yield axes


def _axes_in_words(axes: tuple[int, ...]) -> str:
    if axes == (0,):
        return "axis 0, the examples"
    return f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(map(str, axes))}"


def _list(numbers: NDArray[Any]) -> str:
    shown = ", ".join(str(int(number)) for number in numbers[:6])
    return f"ind{'ex' if len(numbers) == 1 else 'ices'} {shown}{'' if len(numbers) <= 6 else ', …'}"


def _same(first: FloatArray, second: FloatArray, tolerance: float = 1e-7) -> bool:
    if first.shape != second.shape or first.dtype == object or second.dtype == object:
        return first.shape == second.shape and first.dtype == second.dtype
    finite = np.isfinite(first)
    if not np.array_equal(finite, np.isfinite(second)):
        return False
    gap = np.abs(first[finite] - second[finite]).max(initial=0.0)
    return bool(gap <= tolerance * np.abs(first[finite]).max(initial=0.0))
