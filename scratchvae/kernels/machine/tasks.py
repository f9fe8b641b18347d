"""Tasks: calls of compiled kernels as data, to be run once or, in a plan, many times.

Every fast kernel works in two steps. ``…_tasks`` looks at shapes and types, finds memory, decides
how the work is cut into chunks, and returns the calls to make; `run` makes them. A plan keeps the
tasks: as long as arrays stay where they are, only their contents change from step to step.

A kernel's chunks are disjoint pieces of its result, and no sum is split between two of them: the
bits of a result do not depend on the number of threads. The threading layer of Numba that is always
available aborts the process when two Python threads enter it at once, so a lock admits one; a
thread that finds it taken runs its tasks serially.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numba
import numpy as np

from scratchvae.kernels.machine.backoff import Backoff, backs_off
from scratchvae.kernels.machine.chunks import ALL, Kernel, start_threads
from scratchvae.kernels.machine.memory import Memory, thread_memory
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED, MOST_THREADS
from scratchvae.kernels.machine.threads import get_threads, threads_were_chosen
from scratchvae.validation import FloatArray


class Task(NamedTuple):
    """One call of a compiled kernel: ``kernel(chunk, chunks, *arguments)`` for each chunk of it."""

    kernel: Kernel
    nanoseconds: float  # about how long all of it takes on one thread
    arguments: tuple[Any, ...]


class Resources(NamedTuple):
    """What tasks are built for: a number of threads, and memory to work in."""

    threads: int
    memory: Memory


def present_resources() -> Resources:
    """Return the number of threads in force, and the memory of the present Python thread."""
    return Resources(get_threads(), thread_memory())


# Below this a kernel runs on one thread. Waking a second takes a tenth of it; but where another
# process has the core, waiting for that thread takes a hundred times it.
_WORTH_NANOSECONDS = 100_000.0

_entrance = threading.Lock()
_backoff = Backoff()
_called: set[Kernel] = set()
_observer: Callable[[Kernel, float], None] | None = None


def run(tasks: Iterable[Task], threads: int) -> None:
    """Run tasks one after the other, each on up to ``threads`` threads where that pays.

    They must have been built for that number: there is scratch memory for that many chunks.
    """
    if _observer is None:
        return _share(tasks, threads)
    for task in tasks:
        start = time.perf_counter()
        _share((task,), threads)
        _observer(task.kernel, time.perf_counter() - start)


def compute(
    build: Callable[..., list[Task]], arrays: Sequence[FloatArray], out: FloatArray, *settings: Any
) -> FloatArray:
    """Return ``out`` after one run of the tasks of ``build(resources, *arrays, out, *settings)``.

    The arrays that are read may be in any memory order.
    """
    resources = present_resources()
    run(build(resources, *map(np.ascontiguousarray, arrays), out, *settings), resources.threads)
    return out


def _share(tasks: Iterable[Task], threads: int) -> None:
    if threads == 1 or JIT_DISABLED or not _entrance.acquire(blocking=False):
        for kernel, _, arguments in tasks:
            kernel(0, 1, *arguments)
        return
    try:
        started = may_back_off = False
        for kernel, nanoseconds, arguments in tasks:
            if nanoseconds < _WORTH_NANOSECONDS:
                kernel(0, 1, *arguments)
                continue
            if not started:
                start_threads()
                numba.set_num_threads(min(threads, MOST_THREADS))
                started, may_back_off = True, backs_off() and not threads_were_chosen()
            start = time.perf_counter_ns()
            if may_back_off and _backoff.until > start:
                kernel(0, 1, *arguments)
                continue
            kernel(ALL, threads, *arguments)
            if kernel in _called:
                _backoff.note(start, time.perf_counter_ns(), nanoseconds)
            else:
                _called.add(kernel)  # it may just have been compiled: its time means nothing
    finally:
        _entrance.release()


@contextmanager
def observing(note: Callable[[Kernel, float], None]) -> Iterator[None]:
    """Within this, have ``note(kernel, seconds)`` called after each task."""
    global _observer
    _observer = note
    try:
        yield
    finally:
        _observer = None
