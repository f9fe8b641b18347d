"""How many threads the kernels use, and how a kernel is given to them.

A kernel's work is cut into parts that own disjoint pieces of the result, and no sum is cut: the
bits of a result do not depend on the number of parts. Numba's always available threading layer
aborts the process when two Python threads enter it at once, so a lock lets one in, and who finds it
taken runs the parts alone.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba

from scratchvae.errors import InputError
from scratchvae.kernels.machine.chunks import ALL, Kernel, start_threads
from scratchvae.kernels.machine.compilation import JIT_DISABLED

_VARIABLE = "SCRATCHVAE_THREADS"
_entrance = threading.Lock()
_chosen: int | None = None
_called: set[Kernel] = set()
_observer: Callable[[Kernel, float], None] | None = None


@cache
def available_threads() -> int:
    """Return how many threads can run at once: the cores this process may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(cores or 1, int(numba.config.NUMBA_NUM_THREADS)))


def set_threads(number: int | None) -> None:
    """Choose how many threads the kernels use.

    Parameters
    ----------
    number : int or None
        At least 1; more than the machine has cores counts as all of them. None returns to the
        default: the variable ``SCRATCHVAE_THREADS``, else all cores.

    Raises
    ------
    InputError
        If the number is not a positive integer.
    """
    global _chosen
    if number is not None:
        _require_positive(number, "threads")
    _chosen = number


def get_threads() -> int:
    """Return how many threads the kernels use."""
    wanted = _chosen if _chosen is not None else _from_environment()
    return available_threads() if wanted is None else min(wanted, available_threads())


@contextmanager
def using_threads(number: int | None) -> Iterator[int]:
    """Within this, use so many threads, as ``set_threads`` takes them; yield how many that is.

    Afterwards all is as it was, and a default is a default again: only where nobody asked for a
    number do the kernels make way for other processes.
    """
    before = _chosen
    set_threads(number)
    try:
        yield get_threads()
    finally:
        set_threads(before)


@cache
def _from_environment() -> int | None:
    text = os.environ.get(_VARIABLE)
    if not text:
        return None
    if not text.strip().isdecimal():
        raise InputError(f"expected {_VARIABLE} to be a positive integer, got {text!r}")
    _require_positive(int(text), _VARIABLE)
    return int(text)


def _require_positive(number: int, name: str) -> None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InputError(f"expected {name} to be a positive integer, got {number!r}")


@contextmanager
def observing(note: Callable[[Kernel, float], None]) -> Iterator[None]:
    """Within this, have ``note(kernel, seconds)`` called after each kernel that threads share."""
    global _observer
    _observer = note
    try:
        yield
    finally:
        _observer = None


def run_parts(one_part: Kernel, work: float, *arguments: Any, threads: int | None = None) -> None:
    """Run a kernel in as many parts as threads, or alone where threads would not pay.

    Parameters
    ----------
    one_part : kernel
        Called as ``one_part(part, parts, *arguments)``; see ``parts``.
    work : float
        About how many nanoseconds the whole takes on one thread.
    arguments
        The rest of the kernel's arguments.
    threads
        What ``get_threads`` said when room was made for the parts: another Python thread may have
        chosen another number since. None asks now.
    """
    if _observer is None:
        _run_parts(one_part, work, arguments, threads)
        return
    start = time.perf_counter()
    _run_parts(one_part, work, arguments, threads)
    _observer(one_part, time.perf_counter() - start)


def _run_parts(
    one_part: Kernel, work: float, arguments: tuple[Any, ...], threads: int | None
) -> None:
    if work < _WORTH_NANOSECONDS or JIT_DISABLED:
        threads = 1
    elif threads is None:
        threads = get_threads()
    if threads == 1 or not _entrance.acquire(blocking=False):
        one_part(0, 1, *arguments)
        return
    try:
        start = time.perf_counter_ns()
        asked_for = _chosen is not None or _from_environment() is not None
        if _crowded.alone_until > start and not asked_for:
            one_part(0, 1, *arguments)
            return
        start_threads()
        numba.set_num_threads(threads)
        one_part(ALL, threads, *arguments)
        end = time.perf_counter_ns()
        if one_part not in _called:
            _called.add(one_part)  # it may have been compiled just now: its time tells nothing
        else:
            _crowded.note(end, end - start > 4 * work + 2e6)
    finally:
        _entrance.release()


class _Crowd:
    """Whether other processes hold the cores, so that a thread waits for its turn on one.

    Each wait lasts milliseconds, and a training step has a dozen: with a core taken, two threads
    can be ten times slower than one. So after a wait the kernels run alone for a while, and for
    twice as long after the next. The bits do not depend on it. A number of threads that was asked
    for is kept to.
    """

    def __init__(self) -> None:
        self.alone_until = 0
        self._pause = _SHORTEST_PAUSE

    def note(self, now: int, waited: bool) -> None:
        """Take note of a call that ended at ``now``, in nanoseconds, and whether it waited."""
        if waited:
            self.alone_until = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)
        else:
            self._pause = max(self._pause - self._pause // 64, _SHORTEST_PAUSE)


_SHORTEST_PAUSE, _LONGEST_PAUSE = 50_000_000, 3_000_000_000  # nanoseconds
_crowded = _Crowd()


# Below this a kernel runs alone. Waking a thread takes a tenth of it; but where another process has
# the core, waiting for that thread takes a hundred times it.
_WORTH_NANOSECONDS = 100_000.0
