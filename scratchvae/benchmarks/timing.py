"""Timing on a machine whose speed changes while one measures it.

Other programs, heat and the clock make the same loop run at half its speed a minute later, so two
times measured apart cannot be compared. What is compared here runs in turn, round after round, and
the result is the median over the rounds of the ratio within a round.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from math import ceil
from statistics import median

import numpy as np

from scratchvae.errors import InputError
from scratchvae.kernels import get_threads

Work = Callable[[], object]

_WARM_UP = 0.02  # seconds
_IDLE_SLICE = 0.004  # seconds
_IDLE_SLICES = 50


@dataclass(frozen=True)
class Effort:
    """How much time a measurement may take.

    Each piece of work is timed ``rounds`` times, and repeated for at least ``seconds`` each time.
    """

    rounds: int
    seconds: float


class Timings:
    """Seconds per run of several pieces of work, one number each round."""

    def __init__(self, seconds: dict[str, list[float]]) -> None:
        self.seconds = seconds

    def median(self, name: str) -> float:
        """Return the median time of one piece of work, in seconds."""
        return median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """Return the median over the rounds of the time of one over the time of the other."""
        pairs = zip(self.seconds[name], self.seconds[other], strict=True)
        return median(mine / theirs for mine, theirs in pairs)


class Ceiling:
    """The fastest arithmetic available: NumPy's product of two large float32 matrices.

    Both have ``size`` rows and columns. ``seconds`` has every measured time of the product.
    """

    def __init__(self, size: int = 1024) -> None:
        rng = np.random.default_rng(0)
        self.multiply_adds = size**3
        self.seconds: list[float] = []
        self._a, self._b = rng.random((2, size, size), dtype=np.float32)
        self._out = np.empty_like(self._a)

    def __call__(self) -> None:
        """Multiply once."""
        np.dot(self._a, self._b, out=self._out)

    def gflops(self) -> float:
        """Return its median rate in GFLOP/s, a multiply-add counting as two operations."""
        return rate(self.multiply_adds, median(self.seconds))

    def share(self, timings: Timings, name: str, multiply_adds: int) -> float:
        """Return the rate of a piece of work over the rate of the ceiling in the same rounds."""
        return multiply_adds / self.multiply_adds / timings.ratio(name, "ceiling")

    def compare(self, work: dict[str, Work], effort: Effort) -> Timings:
        """Time pieces of work in turn with each other and with the ceiling."""
        timings = take_turns({**work, "ceiling": self}, effort)
        self.seconds += timings.seconds["ceiling"]
        return timings


def rate(multiply_adds: int, seconds: float) -> float:
    """Return GFLOP/s, a multiply-add counting as two operations."""
    return 2e-9 * multiply_adds / seconds


def take_turns(work: dict[str, Work], effort: Effort) -> Timings:
    """Time pieces of work in turn, each round beginning with another one.

    Each is run once before the first round, so that nothing is compiled or allocated in it.
    """
    names = list(work)
    repeats, warm_ups = {}, {}
    for name in names:
        work[name]()
        once = max(_time(work[name], 1), 1e-9)
        repeats[name] = max(1, ceil(effort.seconds / once))
        warm_ups[name] = ceil(_WARM_UP / once) if once < 3 * _WARM_UP else 0
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(effort.rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            wait_until_idle()
            # Caches fill, and sleeping threads spread over the cores. Long work needs no warm-up.
            _time(work[name], warm_ups[name])
            seconds[name].append(_time(work[name], repeats[name]))
    return Timings(seconds)


def wait_until_idle() -> None:
    """Sleep until the threads of the library that ran last sleep too.

    OpenBLAS's spin for some 50 milliseconds waiting for more work, on the cores that are measured
    next.
    """
    for _ in range(_IDLE_SLICES):
        before = time.process_time()
        time.sleep(_IDLE_SLICE)
        if time.process_time() - before < _IDLE_SLICE / 4:
            return


@contextmanager
def limited_threads(threads: int | None) -> Iterator[int]:
    """Give our kernels and NumPy's BLAS the same number of threads, and yield that number.

    ``None`` is what our kernels use anyway; more than there are cores means all of them.

    Raises
    ------
    InputError
        If the package that sets the threads of a BLAS is not installed.
    """
    try:
        limits = import_module("threadpoolctl").threadpool_limits
    except ImportError:
        raise InputError(
            "the benchmark needs threadpoolctl, which is not installed: pip install threadpoolctl"
        ) from None
    from scratchvae.kernels.machine.threads import using_threads

    # A number is always set: with a default, kernels would make way for other processes.
    wanted = threads if threads is not None else get_threads()
    with using_threads(wanted) as count, limits(limits=count, user_api="blas"):
        yield count


def _time(work: Work, repeats: int) -> float:
    start = time.perf_counter()
    for _ in range(repeats):
        work()
    return (time.perf_counter() - start) / max(1, repeats)
