"""Working memory for kernels: allocated once, and used again by the next call.

The system has to find and clear new memory page by page, which can cost as much as the arithmetic
that is done in it.
"""

import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

_ALIGNMENT = 64  # a vector that starts on a cache line is read from one line only


class Memory:
    """Flat arrays, by purpose and type."""

    def __init__(self) -> None:
        self._arrays: dict[tuple[str, np.dtype[Any]], NDArray[Any]] = {}

    def scratch(self, purpose: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
        """Return a flat, uninitialised array of at least ``size`` numbers.

        The next request for the same purpose and type gets the same memory, unless it is larger.
        Arrays in use at the same time need different purposes.
        """
        key = (purpose, np.dtype(dtype))
        array = self._arrays.get(key)
        if array is None or array.size < size:
            array = self._arrays[key] = aligned(size, key[1])
        return array


class _PerThread(threading.local):
    """Each Python thread's own memory, for kernels that are called by themselves."""

    def __init__(self) -> None:
        self.memory = Memory()


_per_thread = _PerThread()


def thread_memory() -> Memory:
    """Return the memory of the present Python thread."""
    return _per_thread.memory


def aligned(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a flat, uninitialised array of ``size`` numbers that starts on a cache line."""
    number = np.dtype(dtype)
    memory = np.empty(size * number.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size * number.itemsize].view(number)
