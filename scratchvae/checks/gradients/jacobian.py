"""How each output depends on each entry of an array: what backward says, and what is so.

A gradient check weighs all outputs by dy and adds them up. To say what is wrong with a gradient it
helps to take the outputs one by one: a row of ∂output/∂entry for each, from a backward pass whose
dy is 1 there and 0 elsewhere, beside the same from finite differences.
"""

import numpy as np

from scratchvae.checks.diagnosis import Jacobian
from scratchvae.checks.gradients.finite_differences import STEPS, extrapolate, unit_move
from scratchvae.checks.gradients.target import Target
from scratchvae.validation import FloatArray

# What a diagnosis may cost: passes in which one number is moved.
_MOST_OUTPUTS, _MOST_ENTRIES = 160, 160


def jacobian_of(target: Target, name: str) -> Jacobian | None:
    """Return both Jacobians with respect to one of a target's arrays; ``None`` if they are large.

    There is none either where backward returns something else than an array of that shape.
    """
    array, y = target.arrays[name], target.forward()
    if array.size > _MOST_ENTRIES or y.size > _MOST_OUTPUTS:
        return None
    given = np.empty((y.size, array.size))
    for place in range(y.size):
        target.forward()
        gradient = target.differentiate(unit_move(y.shape, place))[name]
        if gradient.shape != array.shape or gradient.dtype == object:
            return None
        given[place] = gradient.ravel()
    if not np.isfinite(given).all():
        return None
    return Jacobian(given, _measured(target, array, y), y.shape, array.shape)


def _measured(target: Target, array: FloatArray, y: FloatArray) -> FloatArray:
    """Return the outputs' slopes along each entry; a column of NaN where there is a kink."""
    expected = np.empty((y.size, array.size))
    start = array.copy()
    for place in range(array.size):
        step = STEPS[1] * max(1.0, abs(float(start.flat[place])))
        moved = {}
        try:
            for steps in (-2, -1, 1, 2):
                array.flat[place] = start.flat[place] + steps * step
                moved[steps] = target.forward().ravel()
        finally:
            array[...] = start
        narrow = (moved[1] - moved[-1]) / (2 * step)
        wide = (moved[2] - moved[-2]) / (4 * step)
        expected[:, place] = [extrapolate(*pair) for pair in zip(narrow, wide, strict=True)]
    target.forward()
    return expected
