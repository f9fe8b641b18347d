"""Working memory of kernels: allocated once, and used again by the next call.

Memory from the system has to be found and cleared page by page, which can cost as much as the
arithmetic done in it.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_ALIGNMENT = 64  # a vector that starts on a cache line is read from one line alone


class Memory:
    """Flat arrays by purpose and type."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, np.dtype[Any]], NDArray[Any]] = {}

    def scratch(self, purpose: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
        """Return a flat array of at least ``size`` numbers, whatever they hold.

        The next request for the same purpose and type gets the same memory, unless it is for more.
        Arrays that are in use at the same time need different purposes.
        """
        key = (purpose, np.dtype(dtype))
        array = self._arrays.get(key)
        if array is None or array.size < size:
            array = self._arrays[key] = aligned(size, key[1])
        return array


class _OfThread(threading.local):
    """Each Python thread's own memory, for kernels that are called by themselves."""

    def __init__(self) -> None:
        self.memory = Memory()


_of_thread = _OfThread()


def thread_memory() -> Memory:
    """Return the present Python thread's own memory."""
    return _of_thread.memory


def aligned(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a flat array of ``size`` numbers, whatever they hold, that begins on a cache line."""
    kind = np.dtype(dtype)
    memory = np.empty(size * kind.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size * kind.itemsize].view(kind)


def scratch(purpose: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return memory of the present Python thread: see `Memory.scratch`."""
    return thread_memory().scratch(purpose, size, dtype)
