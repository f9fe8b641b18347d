"""Memory that kernels use while they run, allocated once and kept for the next call."""

import threading
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae.memory import aligned


class _Pool(threading.local):
    """Each thread's own arrays, by purpose and type."""

    def __init__(self) -> None:
        self.arrays: dict[tuple[str, np.dtype[Any]], NDArray[Any]] = {}


_pool = _Pool()


def scratch(purpose: str, size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a flat array of at least `size` numbers, whatever they hold.

    The next call for the same purpose and type from the same thread returns the same memory.

    Parameters
    ----------
    purpose : str
        Arrays that are in use at the same time need different purposes.
    size : int
        How many numbers are needed.
    dtype : dtype
        Their type.
    """
    key = (purpose, np.dtype(dtype))
    array = _pool.arrays.get(key)
    if array is None or array.size < size:
        array = _pool.arrays[key] = aligned(size, key[1])
    return array
