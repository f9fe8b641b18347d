"""Many entries of an array checked at once: a few forward passes instead of two for each.

A forward pass that is loops in Python takes milliseconds, and an array has hundreds of entries. So
a few of them are moved together, each by an amount of its own, drawn at random: the slope along
such a move is the sum of their slopes, weighted by these amounts, and it agrees with the gradient
only if each of them is right (errors that cancel have probability 0). Where it does not agree, the
entries are moved one by one, and nothing is lost but the time.

All of the difference that is found is laid to each entry's charge, in turn. An entry that passes so
passes by the tolerance that it would have to meet alone.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress

import numpy as np

from scratchvae.checks.gradients.finite_differences import (
    STEPS,
    SlopePair,
    central,
    extrapolate,
    scales,
)
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# So many entries are moved at once, of arrays with more entries than these: the rounding of a slope
# and what curvature makes of it grow with the first, and small arrays take no time.
_TOGETHER, _FEW = 16, 64
# After so many moves that all disagree, no more are tried: something is wrong with all of it.
_HOPELESS = 4
# How much of the tolerance a slope may differ by, and slopes that count as this small beside the
# largest of the array are judged by that.
_STRICT, _SMALLEST = 0.1, 1e-3


def agreeing_together(
    value: Callable[[], float],
    array: FloatArray,
    gradient: FloatArray,
    tolerance: float,
    places: Sequence[int],
) -> dict[int, SlopePair]:
    """Return the slopes of those entries, by their flat index, that agree with the gradient.

    Parameters
    ----------
    value
        The function, at what ``array`` holds at that moment.
    array
        Moved, and put back.
    gradient
        What is to be compared, of the array's shape.
    tolerance
        The largest relative error that passes.
    places
        The entries in question.
    """
    found: dict[int, SlopePair] = {}
    if len(places) <= _FEW:
        return found
    rng = np.random.default_rng(0)
    order = rng.permutation(np.asarray(places))
    floor = _SMALLEST * float(np.abs(gradient).max())
    for number, group in enumerate(np.array_split(order, -(-len(order) // _TOGETHER))):
        if number == _HOPELESS and not found:
            break
        amounts = rng.choice([-1.0, 1.0], len(group)) * rng.uniform(0.5, 1.0, len(group))
        amounts /= np.sqrt(len(group))
        move = np.zeros(array.shape)
        move.flat[group] = amounts
        expected = gradient.flat[group]
        allowed = _STRICT * tolerance * np.maximum(np.abs(expected), floor) * np.abs(amounts)
        scale = scales(array, move)[0]
        slopes = _agreeing(value, array, move, scale, float(expected @ amounts), allowed.min())
        if slopes is not None:
            gaps = (slopes.numeric - slopes.analytic) / amounts
            found |= {
                int(place): SlopePair(float(slope), float(slope + gap), slopes.step)
                for place, slope, gap in zip(group, expected, gaps, strict=True)
            }
    return found


def _agreeing(
    value: Callable[[], float],
    array: FloatArray,
    move: FloatArray,
    scale: float,
    analytic: float,
    allowed: float,
) -> SlopePair | None:
    """Return the slopes along ``move`` if they are within ``allowed`` of each other."""
    with suppress(InputError):  # the function may not be defined there
        for step in STEPS[:2]:
            narrow = central(value, array, move, step * scale)
            if abs(narrow - analytic) <= allowed:  # the function is linear, or nearly
                return SlopePair(analytic, narrow, step * scale)
            numeric = extrapolate(narrow, central(value, array, move, 2 * step * scale))
            if abs(numeric - analytic) <= allowed:
                return SlopePair(analytic, numeric, step * scale)
    return None
