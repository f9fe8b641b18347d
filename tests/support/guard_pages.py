"""Memory that ends, or begins, at a page that may not be touched."""

import ctypes
import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np
from kernel_cases import Array, Place


def walls() -> Iterator[Place]:
    """Yield two ways to place an array against a page that may not be touched.

    One lets it end where the page begins, the other begin where the page ends: a read or a write
    beyond it, even one whose result is thrown away, ends the process.
    """
    protect = ctypes.CDLL(None, use_errno=True).mprotect
    kept: list[Any] = []

    def place(array: Array, at_end: bool) -> Array:
        page = mmap.PAGESIZE
        room = -(-max(1, array.nbytes) // page) * page
        memory = mmap.mmap(-1, room + page)
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        wall = start + room if at_end else start
        if protect(ctypes.c_void_p(wall), ctypes.c_size_t(page), 0) != 0:
            raise OSError(ctypes.get_errno(), "the page cannot be protected")
        offset = room - array.nbytes if at_end else page
        placed = np.frombuffer(memory, array.dtype, array.size, offset).reshape(array.shape)
        kept.append(memory)
        placed[...] = array
        return placed

    yield lambda array: place(array, at_end=True)
    yield lambda array: place(array, at_end=False)
