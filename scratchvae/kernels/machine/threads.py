"""How many threads the kernels use.

The NumPy backend keeps the number, but always has one.

A process that was forked computes on one thread. Of its parent's threads it has only the one that
forked, but OpenMP believes the others to be there, and ends the process or waits for them for ever.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from scratchvae.errors import InputError

_VARIABLE = "SCRATCHVAE_THREADS"
_chosen: int | None = None
_started = False  # whether threads were started, here or in the process this was forked from
_forked = False  # whether this process was forked …
_lost = False  # … after that


@cache
def available_threads() -> int:
    """Return how many threads can run at once: the cores that this process may use.

    ``NUMBA_NUM_THREADS``, where it is set, is the most that Numba starts.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limit = os.environ.get("NUMBA_NUM_THREADS", "")
    return max(1, min(cores or 1, int(limit) if limit.isdecimal() else cores or 1))


def set_threads(number: int | None) -> None:
    """Choose how many threads the kernels use.

    More than there are cores means all of them; None returns to the default: the variable
    ``SCRATCHVAE_THREADS``, or else all cores. In a process that was forked, the default is 1.

    Raises
    ------
    InputError
        Unless the number is a positive integer; or if it is above 1 and this process was forked
        after its parent's kernels had run on several threads.
    """
    global _chosen
    if number is not None:
        number = min(_positive(number, "threads"), available_threads())
        if number > 1 and lost_threads():
            raise InputError(
                "this process was forked after its parent had computed on several threads, and "
                'can have one only: start it by `multiprocessing.get_context("spawn")` instead, '
                "or fork it earlier"
            )
    _chosen = number


def get_threads() -> int:
    """Return how many threads the kernels use."""
    if lost_threads() or (_forked and _chosen is None):
        return 1
    return _default_threads() if _chosen is None else _chosen


def note_start() -> None:
    """Take note that threads are about to be started: a fork after this loses them."""
    global _started
    _started = True


def lost_threads() -> bool:
    """Return whether this process was forked after threads were started: it must start none."""
    return _lost


def _note_fork() -> None:
    global _chosen, _forked, _lost
    _chosen, _forked, _lost = None, True, _started


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def threads_were_chosen() -> bool:
    """Return whether someone asked for a number of threads: then it is kept to."""
    return _chosen is not None or bool(os.environ.get(_VARIABLE))


@contextmanager
def using_threads(number: int | None) -> Iterator[int]:
    """Within this, use ``number`` threads, as for ``set_threads``; yields how many that is.

    Afterwards the choice is what it was before, and a default is a default again: kernels make way
    for other processes only where nobody asked for a number.
    """
    global _chosen
    before = _chosen
    set_threads(number)
    try:
        yield get_threads()
    finally:
        _chosen = before


@cache
def _default_threads() -> int:
    text = os.environ.get(_VARIABLE)
    if not text:
        return available_threads()
    number: object = int(text) if text.strip().isdecimal() else text
    return min(_positive(number, _VARIABLE), available_threads())


def _positive(number: object, name: str) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise InputError(f"{name} must be a positive integer, not {number!r}: give 1 or more")
    return number
