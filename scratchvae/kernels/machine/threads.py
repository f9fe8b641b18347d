"""How many threads the kernels use.

The NumPy backend keeps the number, but always has one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from scratchvae.errors import InputError

_VARIABLE = "SCRATCHVAE_THREADS"
_chosen: int | None = None


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
    ``SCRATCHVAE_THREADS``, or else all cores. An `InputError` is raised unless the number is a
    positive integer.
    """
    global _chosen
    if number is not None:
        number = min(_positive(number, "threads"), available_threads())
    _chosen = number


def get_threads() -> int:
    """Return how many threads the kernels use."""
    return _default_threads() if _chosen is None else _chosen


def threads_were_chosen() -> bool:
    """Return whether someone asked for a number of threads: then it is kept to."""
    return _chosen is not None or bool(os.environ.get(_VARIABLE))


@contextmanager
def using_threads(number: int | None) -> Iterator[int]:
    """Within this, use ``number`` threads, as for ``set_threads``; yields how many that is.

    Afterwards the choice is what it was before, and a default is a default again: kernels make way
    for other processes only where nobody asked for a number.
    """
    before = _chosen
    set_threads(number)
    try:
        yield get_threads()
    finally:
        set_threads(before)


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
