"""Memory that one training step after another uses again.

A step of a convolutional network writes a hundred megabytes of intermediate results. If they are
allocated each time, they cost as much as some of the arithmetic, since the system has to find and
clear every page. But a step asks for the same arrays in the same order as the step before it, so
counting the requests is enough to give each the memory that it had.

Outside an arena ``empty`` is ``np.empty``: what a kernel returns to a user is theirs to keep.
"""

import threading
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from scratchvae.kernels.machine.memory import aligned
from scratchvae.validation import FloatArray

_here = threading.local()


class Arena:
    """The arrays of one round of work; ``with arena:`` puts it in force for the present thread."""

    def __init__(self) -> None:
        self._memory: list[FloatArray] = []
        self._next = 0
        self._outer: list[Arena | None] = []

    def rewind(self) -> None:
        """Begin a new round: the first request gets the memory of the last round's first."""
        self._next = 0

    def empty(self, shape: Sequence[int], dtype: Any) -> FloatArray:
        """Return an uninitialised array that shares no memory with the others of the round."""
        size, place = prod(shape), self._next
        self._next += 1
        if place == len(self._memory):
            self._memory.append(aligned(size, dtype))
        elif self._memory[place].size < size or self._memory[place].dtype != dtype:
            self._memory[place] = aligned(size, dtype)
        return self._memory[place][:size].reshape(shape)

    def lent(self, array: FloatArray) -> bool:
        """Tell whether an array is, or looks at, memory of this arena."""
        owner = array.base
        if owner is not None:
            for memory in self._memory:
                if memory.base is owner:
                    return True
        return False

    def __enter__(self) -> "Arena":
        self._outer.append(getattr(_here, "arena", None))
        _here.arena = self
        return self

    def __exit__(self, *error: object) -> None:
        _here.arena = self._outer.pop()


def empty(shape: Sequence[int], dtype: Any) -> FloatArray:
    """Return an array to be written to, from the arena that is in force, if one is."""
    arena: Arena | None = getattr(_here, "arena", None)
    return np.empty(shape, dtype) if arena is None else arena.empty(shape, dtype)
