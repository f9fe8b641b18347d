"""Kinks and jumps, found by themselves: where a function has two slopes, or none.

The second difference f(x + h) − 2 f(x) + f(x − h) shrinks as h² where f is smooth, and as h across
a kink. The first, f(x + h) − f(x − h), shrinks as h, and across a jump not at all. So both are
looked at for more than one h. Rounding looks like neither: it does not shrink, nor stay the same.
"""

from collections.abc import Callable

import numpy as np

from scratchvae.checks.gradients.finite_differences import scales
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# Steps far above the rounding and far below the distance at which curvature counts. At a kink the
# second difference falls to a tenth from one to the next (and to a third at that of a square
# root), elsewhere to a hundredth.
_STEPS = (1e-4, 1e-5, 1e-6)
_LEAST_FALL, _LARGEST_FALL = 2.5, 25.0
# Slopes on the two sides that differ by less fit any tolerance.
_LEAST_BEND = 1e-6
_LARGEST_CHANGE_OF_A_JUMP = 0.1


def is_kink(value: Callable[[], float], array: FloatArray, move: FloatArray) -> bool:
    """Return whether ``value`` has a kink or a jump where ``array`` is, seen along ``move``.

    ``array`` is put back.
    """
    return all(_is_kink(value, array, move, scale) for scale in scales(array, move))


def _is_kink(value: Callable[[], float], array: FloatArray, move: FloatArray, scale: float) -> bool:
    start = array.copy()

    def at(distance: float) -> float:
        array[...] = start + distance * scale * move
        with np.errstate(all="ignore"):  # a step may leave the function's domain
            return value()

    try:
        middle = at(0.0)
        if at(0.0) != middle:
            return False  # noise
        above, below = np.array([(at(h) - middle, at(-h) - middle) for h in _STEPS]).T
    except InputError:  # nor may the function be defined beyond
        return False
    finally:
        array[...] = start
    bends, rises = np.abs(above + below), np.abs(above - below)
    larger = np.maximum(np.abs(above), np.abs(below))
    bent = bends[1] > _LEAST_BEND * larger[1]
    falls = _LEAST_FALL * bends[1] < bends[0] < _LARGEST_FALL * bends[1]
    jump = rises.min() > (1 - _LARGEST_CHANGE_OF_A_JUMP) * rises.max() > 0
    return bool((bent and falls) or jump)
