"""The ceilings of a roofline, measured: how fast this machine multiplies, and fetches.

With Numba, arithmetic is timed on a tile whose numbers stay in the first-level cache; without it,
by NumPy's product of two matrices. What is fetched is read, scaled and written back elsewhere, in
arrays larger than most caches.
"""

from typing import NamedTuple

import numpy as np

from scratchvae.course.ladder.available import COMPILED
from scratchvae.course.ladder.stopwatch import Work
from scratchvae.validation import Array

_SIZE = 512
_STEPS, _TIMES = 128, 300  # of a tile with 22 KB of numbers
_LARGE = 1 << 23  # numbers of 4 bytes: 32 MB


class Ceiling(NamedTuple):
    """A piece of work that runs at a ceiling.

    ``amount`` is how much it does: floating-point operations, or bytes read and written.
    """

    work: Work
    amount: float


def ceilings() -> dict[str, Ceiling]:
    """Return what measures "arithmetic" and "memory"."""
    x, y = np.ones(_LARGE, np.float32), np.zeros(_LARGE, np.float32)
    found = {"memory": Ceiling(lambda: np.multiply(x, np.float32(0.5), out=y), 8.0 * _LARGE)}
    if not COMPILED:
        a = np.ones((_SIZE, _SIZE), np.float32)
        c = np.empty_like(a)
        found["arithmetic"] = Ceiling(lambda: np.dot(a, a, out=c), 2.0 * _SIZE**3)
        return found
    from scratchvae.course.ladder.machine_loops import multiply_again
    from scratchvae.course.ladder.panels import WIDTH
    from scratchvae.course.ladder.tile import HEIGHT

    left, right = _ones(HEIGHT, _STEPS), _ones(_STEPS, WIDTH)
    tile = _ones(HEIGHT, WIDTH)
    flops = 2.0 * HEIGHT * _STEPS * WIDTH * _TIMES
    found["arithmetic"] = Ceiling(lambda: multiply_again(left, right, tile, _TIMES), flops)
    return found


def attainable(intensity: float, arithmetic: float, bandwidth: float) -> float:
    """Return the roofline's FLOP/s at an intensity in FLOP per byte: eq. 17.3.

    The intensity of a product is that of eq. 17.2; ``arithmetic`` is in FLOP/s, ``bandwidth`` in
    bytes per second.
    """
    return min(arithmetic, bandwidth * intensity)


def _ones(*shape: int) -> Array:
    return np.ones(shape, np.float32)
