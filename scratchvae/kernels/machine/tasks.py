"""Tasks: calls of compiled kernels as data, to be run once or, in a plan, many times.

Every fast kernel works in two steps. ``…_tasks`` looks at shapes and types, finds memory, decides
how the work is cut into chunks, and returns the calls to make; `run` makes them. A plan keeps the
tasks, as a `Program`: as long as arrays stay where they are, only their contents change from step
to step, and one compiled call does what all the tasks say.

A kernel's chunks are disjoint pieces of its result, and no sum is split between two of them: the
bits of a result do not depend on the number of threads. The threading layer of Numba that is always
available aborts the process when two Python threads enter it at once, so a lock admits one; a
thread that finds it taken runs its tasks serially.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import numba
import numpy as np

from scratchvae.kernels.machine.backoff import Backoff, backs_off, longest
from scratchvae.kernels.machine.chunks import ALL, Kernel, start_threads
from scratchvae.kernels.machine.memory import Memory, thread_memory
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED, MOST_THREADS
from scratchvae.kernels.machine.stored_calls import CLOCK, readers, run_stored_calls, stored_call
from scratchvae.kernels.machine.threads import get_threads, lost_threads, threads_were_chosen
from scratchvae.validation import Array, FloatArray


class Task(NamedTuple):
    """One call of a compiled kernel: ``kernel(chunk, chunks, *arguments)`` for each chunk of it."""

    kernel: Kernel
    nanoseconds: float  # about how long all of it takes on one thread; 0: do not cut it into chunks
    arguments: tuple[Any, ...]


_in_python: set[Kernel] = set()


def in_python(kernel: Kernel) -> Kernel:
    """Mark a function that can be the kernel of a task, and is not compiled."""
    _in_python.add(kernel)
    return kernel


class Resources(NamedTuple):
    """What tasks are built for: a number of threads, and memory to work in."""

    threads: int
    memory: Memory


def present_resources() -> Resources:
    """Return the number of threads in force, and the memory of the present Python thread."""
    return Resources(get_threads(), thread_memory())


# Up to this a kernel runs on one thread. Waking a second takes a tenth of it; but where another
# process has the core, waiting for that thread takes a hundred times it.
_WORTH_NANOSECONDS = 100_000.0

_entrance = threading.Lock()
_backoff = Backoff()
_called: set[Kernel] = set()
_observer: Callable[[Sequence[Task], Sequence[float]], None] | None = None


def _reopen() -> None:
    """In a forked process: the thread that is inside may be one that this process does not have."""
    global _entrance
    _entrance = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reopen)


def run(tasks: Sequence[Task], threads: int) -> None:
    """Run tasks one after the other, each on up to ``threads`` threads where that pays.

    They must have been built for that number: there is scratch memory for that many chunks.
    """
    observer = _observer
    if observer is None:
        return _share(tasks, threads)
    for task in tasks:
        start = time.perf_counter()
        _share((task,), threads)
        observer([task], [time.perf_counter() - start])


def compute(
    build: Callable[..., list[Task]], arrays: Sequence[FloatArray], out: FloatArray, *settings: Any
) -> FloatArray:
    """Return ``out`` after one run of the tasks of ``build(resources, *arrays, out, *settings)``.

    The arrays that are read may be in any memory order.
    """
    resources = present_resources()
    run(build(resources, *map(np.ascontiguousarray, arrays), out, *settings), resources.threads)
    return out


def _share(tasks: Sequence[Task], threads: int) -> None:
    work = max((task.nanoseconds for task in tasks), default=0.0)
    if JIT_DISABLED or not _pays(work, threads) or not _entered():
        for kernel, _, arguments in tasks:
            kernel(0, 1, *arguments)
        return
    with _threads_inside(threads):
        may_back_off = backs_off() and not threads_were_chosen()
        for kernel, nanoseconds, arguments in tasks:
            start = time.perf_counter_ns()
            rests = may_back_off and _backoff.until > start
            if rests or nanoseconds <= _WORTH_NANOSECONDS:
                kernel(0, 1, *arguments)
                continue
            kernel(ALL, threads, *arguments)
            if kernel in _called:
                _backoff.note(start, time.perf_counter_ns(), nanoseconds)
            else:
                _called.add(kernel)  # it may just have been compiled: its time means nothing


def _pays(nanoseconds: float, threads: int) -> bool:
    """Return whether work is shared among threads, by its longest task."""
    return threads > 1 and nanoseconds > _WORTH_NANOSECONDS and not lost_threads()


def _entered() -> bool:
    return _entrance.acquire(blocking=False)


@contextmanager
def _threads_inside(threads: int) -> Iterator[int]:
    """Within this, which `_entered` admits to, so many of Numba's threads take part in the loop.

    It yields the loop's address. Afterwards Numba's number is again what the program has chosen for
    other functions of its own.
    """
    try:
        loop, before = start_threads(), numba.get_num_threads()
        numba.set_num_threads(min(threads, MOST_THREADS))
        try:
            yield loop
        finally:
            numba.set_num_threads(before)
    finally:
        _entrance.release()


class Program:
    """Tasks that are run many times, each on up to ``threads`` threads where that pays.

    The first time they run one by one. Then their calls are stored, once, and from there on a run
    is one compiled call, unless one of the tasks is in Python. The arrays must stay where they are;
    the program keeps them alive.

    ``inputs`` are those of the tasks' arrays, in C order, whose contents come with each run, and
    that the tasks only read.
    """

    def __init__(self, tasks: list[Task], threads: int, inputs: Sequence[FloatArray] = ()) -> None:
        self._tasks, self._threads, self._inputs = tasks, threads, inputs
        self._most = max((task.nanoseconds for task in tasks), default=0.0)
        self._can_store = not (JIT_DISABLED or any(task.kernel in _in_python for task in tasks))
        self._has_run = False
        self._calls: Array | None = None  # as `run_stored_calls` wants them

    def run(self, *given: FloatArray, copies: bool = False) -> tuple[FloatArray, ...]:
        """Run the tasks one after the other, on arrays like ``inputs``.

        Returns the arrays that were read: those given, whose contents must not change while the
        program runs, or ``inputs``, to which they were copied. ``copies`` says that they must be.
        """
        if self._calls is None:
            self._store()
        copies = copies or self._calls is None
        read = tuple([self._place(number, array, copies) for number, array in enumerate(given)])
        if self._calls is None:
            run(self._tasks, self._threads)
            self._has_run = True
        elif _pays(self._most, self._threads) and _entered():
            with _threads_inside(self._threads) as loop:
                self._share(self._calls, loop)
        else:
            self._call(self._calls, 0, loop=0, stops=False)
        return read

    def _place(self, number: int, array: FloatArray, copies: bool) -> FloatArray:
        """Have the tasks read an array, or a copy in their input of this number."""
        own = self._inputs[number]
        if array is not own and (copies or not array.flags.carray):
            np.copyto(own, array)
            array = own
        if self._calls is not None:
            address = array.__array_interface__["data"][0]
            if address != self._read_at[number]:
                self._read_at[number] = 0  # Ctrl-C may come between two words
                for words, place, offset in self._readers[number]:
                    words[place] = address + offset
                self._read_at[number] = address
        return array

    def _store(self) -> None:
        """Store the tasks' calls, unless this is the first run, or another thread is inside."""
        if not self._can_store or not self._has_run or not _entered():
            return
        try:
            stored = [stored_call(task.kernel, task.arguments) for task in self._tasks]
        finally:
            _entrance.release()
        self._arguments = [arguments for _, arguments in stored]
        calls = [
            (entry, arguments.ctypes.data, int(task.nanoseconds), int(longest(task.nanoseconds)))
            for (entry, arguments), task in zip(stored, self._tasks, strict=True)
        ]
        self._times = np.zeros(len(calls), np.int64)
        self._read_at = [array.ctypes.data for array in self._inputs]
        self._readers = [readers(self._arguments, array) for array in self._inputs]
        self._calls = np.array(calls, np.int64).reshape(-1, 4)

    def _share(self, calls: Array, loop: int) -> None:
        """Run the calls on several threads, unless these back off."""
        if not backs_off() or threads_were_chosen():
            self._call(calls, 0, loop, stops=False)
            return
        done = 0
        if _backoff.until <= time.perf_counter_ns():
            done = self._call(calls, 0, loop, stops=True)
            end = time.perf_counter_ns()
            for took, task in zip(self._times[:done].tolist(), self._tasks, strict=False):
                if task.nanoseconds > _WORTH_NANOSECONDS:
                    _backoff.note(end - took, end, task.nanoseconds)
        if done < len(calls):
            self._call(calls, done, loop=0, stops=False)

    def _call(self, calls: Array, first: int, loop: int, stops: bool) -> int:
        """Run the calls from the first on; return how many of all are done."""
        observer = _observer
        clock = CLOCK if stops or observer is not None else 0
        worth = int(_WORTH_NANOSECONDS)
        done = run_stored_calls(calls, self._times, first, self._threads, loop, worth, clock, stops)
        if observer is not None:
            observer(self._tasks[first:done], (1e-9 * self._times[first:done]).tolist())
        return done


@contextmanager
def observing(note: Callable[[Sequence[Task], Sequence[float]], None]) -> Iterator[None]:
    """Within this, have ``note(tasks, seconds)`` called with what has run, and how long each took.

    It is called once for a whole program: to be called for each task would itself take long.
    """
    global _observer
    _observer = note
    try:
        yield
    finally:
        _observer = None
