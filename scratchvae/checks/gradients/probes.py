"""How a target's passes behave when they are run in several orders, and at points close together.

It is looked at only where a gradient is wrong, to say what is wrong with it.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from scratchvae.checks.diagnosis import Jacobian
from scratchvae.checks.gradients.jacobian import jacobian_of
from scratchvae.checks.gradients.plain_arrays import PlainArray
from scratchvae.checks.gradients.report import LAST_CALL, RANDOM_FORWARD, SINGLE_PRECISION, STALE
from scratchvae.checks.gradients.target import Target, same
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# What passes may be seen to do, beside the faults of a forward pass.
DRAWN_AGAIN, ADDED_UP = "drawn again", "added up"
OVERWRITTEN, INPUT_IGNORED, NOT_LINEAR = "overwritten", "input ignored", "upstream"

# Fourth differences over so small a step are nothing but rounding. That of float64 is 1e-16 of an
# output, and of its square root at worst where large terms cancel; that of float32 is 1e-8.
_ROUNDING_STEP, _ROUNDING_OF_FLOAT64 = 1e-7, 1e-10
_FEW_OUTPUTS = 8
_FOURTH_DIFFERENCE = {-2: 1, -1: -4, 0: 6, 1: -4, 2: 1}


@dataclass(frozen=True)
class Probes:
    """How the passes behave.

    Attributes
    ----------
    seen
        For each behaviour (``RANDOM_FORWARD``, …) the names of the gradients that show it.
    one_example
        The only example that a gradient responds to, by name.
    counts
        Numbers that a wrong factor may be made of: ``{"the number of examples": 4, …}``.
    none
        The gradients that are ``None``, by name.
    upstream
        The dy of the check.
    arrays
        What the function depends on.
    output
        What it gives for these.
    jacobian
        Measures an array's Jacobian, by its name.
    """

    seen: Mapping[str, Collection[str]] = field(default_factory=dict)
    one_example: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    none: Collection[str] = ()
    upstream: FloatArray | None = None
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)
    output: FloatArray | None = None
    jacobian: Callable[[str], Jacobian | None] = lambda name: None


def probe(target: Target, dy: FloatArray) -> Probes:
    """Run the passes once more in several orders, and say how they behave."""
    y_other = target.forward(other=True)
    after_other, again, y = target.forward(), target.forward(), target.forward()
    repeats, remembers = same(again, y, 0.0), not same(after_other, again, 0.0)
    first = target.differentiate(dy)

    def changed(gradients: Mapping[str, FloatArray], tolerance: float = 1e-7) -> set[str]:
        return {n for n, g in gradients.items() if not same(first[n], g, tolerance)}

    try:
        drawn_again = changed(target.differentiate(dy))
    except Exception:  # it is fair to need a forward pass for each backward pass
        drawn_again = set()
    target.forward(other=True)
    input_matters = changed(target.differentiate(dy), tolerance=0.0)
    target.forward(other=True)
    target.backward(dy[::-1] if dy.ndim else dy)
    target.forward()
    stale = changed(target.differentiate(dy))
    target.clear()
    for _ in range(2):
        target.forward()
        target.backward(dy)
    added = changed(target.gradients())
    none = {name for name in target.none if not np.any(first[name])}
    everywhere, nowhere = set(first), set[str]()
    not_linear = nowhere
    if y.ndim:
        scaled = target.differentiate(-2.0 * dy)
        not_linear = {n for n, g in scaled.items() if not _is_multiple(g, first[n], -2.0)}
    coarse = repeats and not remembers and _rounding(target) > _ROUNDING_OF_FLOAT64
    seen = {
        RANDOM_FORWARD: nowhere if repeats else everywhere,
        LAST_CALL: everywhere if repeats and remembers else nowhere,
        SINGLE_PRECISION: everywhere if coarse else nowhere,
        ADDED_UP: _added_up(target, dy),
        DRAWN_AGAIN: drawn_again,
        # An output that is the same for another batch was kept from an earlier one.
        STALE: everywhere if y.ndim and same(y_other, y, 0.0) else stale,
        OVERWRITTEN: {n for n in set(target.parameters) - added if np.any(first[n])},
        INPUT_IGNORED: _input_ignored(target, dy, first)
        | {n for n in set(target.parameters) - input_matters if first[n].ndim > 1},
        NOT_LINEAR: not_linear,
    }
    counts = _counts(y) if target.counts is None else target.counts
    examples = _single_examples(target, dy, first)

    @cache
    def jacobian(name: str) -> Jacobian | None:
        try:
            return jacobian_of(target, name)
        except Exception:  # a backward pass may refuse a dy that is zero almost everywhere
            return None

    return Probes(seen, examples, counts, none, dy, target.arrays, y, jacobian)


def _is_multiple(gradient: FloatArray, of: FloatArray, factor: float) -> bool:
    if object in (gradient.dtype, of.dtype):
        return True
    with np.errstate(invalid="ignore", over="ignore"):
        return same(factor * of, gradient, 1e-7)


def _input_ignored(target: Target, dy: FloatArray, first: Mapping[str, FloatArray]) -> set[str]:
    """Return which gradients stay as they are where the slopes do not: elsewhere.

    Elsewhere the arrays have the same entries in another order.
    """
    rng = np.random.default_rng(0)
    start = {name: array.copy() for name, array in target.arrays.items()}
    moves = {name: rng.standard_normal(array.shape) for name, array in start.items()}

    def slopes() -> dict[str, float]:
        found = {}
        for name, array in target.arrays.items():
            here, values = array.copy(), []
            for step in (1e-5, -1e-5):
                array[...] = here + step * moves[name]
                values.append(float((target.forward() * dy).sum()))
            array[...] = here
            found[name] = (values[0] - values[1]) / 2e-5
        return found

    try:
        with np.errstate(all="ignore"):
            here = slopes()
            for name, array in target.arrays.items():
                array[...] = rng.permutation(start[name].ravel()).reshape(array.shape)
            there = slopes()
            target.forward()
            again = target.differentiate(dy)
    except Exception:  # not every function takes its arguments in another order
        return set()
    finally:
        for name, array in target.arrays.items():
            array[...] = start[name]
        target.forward()
    return {
        name
        for name, gradient in again.items()
        if same(first[name], gradient, 0.0)
        and abs(there[name] - here[name]) > 1e-3 * max(abs(here[name]), abs(there[name]))
    }


def _added_up(target: Target, dy: FloatArray) -> set[str]:
    """Return which gradients grow by the same amount with every pass, though nothing clears them.

    Only plain arrays have nobody to clear them.
    """
    plain = [name for name, its in target.parameters.items() if isinstance(its, PlainArray)]
    passes = []
    for _ in range(3 if plain else 0):
        target.forward()
        passes.append(target.differentiate(dy))
    return {
        name
        for name in plain
        if all(its[name].shape == target.arrays[name].shape for its in passes)
        and np.any(step := passes[1][name] - passes[0][name])
        and same(passes[2][name] - passes[1][name], step, 1e-7)
    }


def _single_examples(
    target: Target, dy: FloatArray, first: Mapping[str, FloatArray]
) -> dict[str, int]:
    """Return which gradients stay the same if dy is zero for all examples but one."""
    if dy.ndim < 2 or len(dy) < 2:
        return {}
    found: dict[str, list[int]] = {}
    for example in (0, len(dy) - 1):
        only = np.zeros_like(dy)
        only[example] = dy[example]
        target.forward()
        for name, gradient in target.differentiate(only).items():
            if np.any(gradient) and same(gradient, first[name], 0.0):
                found.setdefault(name, []).append(example)
    # What stays the same for both does not depend on dy at all.
    return {name: examples[0] for name, examples in found.items() if len(examples) == 1}


def _rounding(target: Target) -> float:
    """Return the rounding of the outputs relative to their size: at the best of three points.

    At a single one the step could straddle a kink. A few numbers, as a loss is, may by chance seem
    not to be rounded at all, so there the second worst of eight counts.
    """
    rng, y_0 = np.random.default_rng(0), target.forward()
    start = {name: array.copy() for name, array in target.arrays.items()}
    spread = {name: float(np.sqrt(np.mean(a**2))) or 1.0 for name, a in start.items()}

    def rounding() -> float:
        point = {n: a + 0.01 * spread[n] * rng.standard_normal(a.shape) for n, a in start.items()}
        move = {
            n: _ROUNDING_STEP * spread[n] * rng.standard_normal(a.shape) for n, a in start.items()
        }
        total, size, first, moved = np.zeros(()), 0.0, y_0, False
        for steps, weight in _FOURTH_DIFFERENCE.items():
            for name, array in target.arrays.items():
                array[...] = point[name] + steps * move[name]
            y = target.forward()
            total, size = total + weight * y, max(size, float(np.sqrt(np.mean(y**2))))
            moved = moved or (steps > -2 and not same(y, first, 0.0))
            first = y
        if not moved:  # steps of float16 are wider than all this
            return np.inf if not same(y, y_0, 0.0) else 0.0
        return float(np.sqrt(np.mean(total**2) / 70)) / size if size else 0.0

    try:
        with np.errstate(all="ignore"):
            if y_0.size > _FEW_OUTPUTS:
                return min(rounding() for _ in range(3))
            return sorted(rounding() for _ in range(8))[-2]
    except InputError:  # the function may not be defined there
        return 0.0
    finally:
        for name, array in target.arrays.items():
            array[...] = start[name]
        target.forward()


def _counts(y: FloatArray) -> dict[str, int]:
    """Return the counts of an output that a wrong factor may be made of."""
    if not y.ndim:
        return {}
    return {
        "the number of examples": len(y),
        "the number of entries per example": y[0].size,
        "the number of entries": y.size,
    }
