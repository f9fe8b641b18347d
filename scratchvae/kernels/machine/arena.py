"""Memory that one training step after another uses again.

A step of a convolutional network writes a hundred megabytes of intermediate results. Allocated
anew each time they cost as much as some of the arithmetic, for the system has to find and clear
every page. So a trainer keeps an ``Arena``: inside it, ``empty`` returns the array that the same
owner got for the same purpose last time.

Outside an arena ``empty`` is ``np.empty``, so what ``layer.forward`` returns to a user is theirs to
keep.
"""

import threading
from math import prod
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae.validation import FloatArray

_ALIGNMENT = 64  # a vector that starts on a cache line is read from one line alone

_here = threading.local()


class Arena:
    """The arrays of one trainer; ``with arena:`` puts it in force for the present thread."""

    def __init__(self) -> None:
        # The owner is kept with its array: while it lives, no other object has its identity.
        self._arrays: dict[tuple[int, str, np.dtype[Any]], tuple[object, FloatArray]] = {}
        self._outer: list[Arena | None] = []

    def __enter__(self) -> "Arena":
        self._outer.append(getattr(_here, "arena", None))
        _here.arena = self
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _here.arena = self._outer.pop()

    def empty(
        self, owner: object, purpose: str, shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> FloatArray:
        """Return an array of ``shape``, a part of the largest that was asked for so far."""
        key, size = (id(owner), purpose, dtype), prod(shape)
        kept = self._arrays.get(key)
        if kept is None or kept[1].size < size:
            kept = self._arrays[key] = (owner, aligned(size, dtype))
        return kept[1][:size].reshape(shape)


def empty(owner: object, purpose: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FloatArray:
    """Return an array to be written to, used again in the next step if an arena is in force.

    Parameters
    ----------
    owner, purpose
        Whose array it is, and which of its arrays.
    shape, dtype
        As for ``np.empty``.
    """
    arena: Arena | None = getattr(_here, "arena", None)
    if arena is None:
        return np.empty(shape, dtype)
    return arena.empty(owner, purpose, shape, dtype)


def aligned(size: int, dtype: DTypeLike) -> NDArray[Any]:
    """Return a flat array of `size` numbers, whatever they hold, that begins on a cache line."""
    kind = np.dtype(dtype)
    memory = np.empty(size * kind.itemsize + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size * kind.itemsize].view(kind)
