"""Arrays as text, for a page: 32-bit floats, or 16-bit whole numbers with a scale per column.

A column is what the last axis counts. Its numbers are multiples of its largest over 32,767, so each
is off by at most half of that, 1.5e-5 of the largest. A 16-bit float, as short, is off by up to
2.4e-4 of itself, which for the larger weights of a column, those that matter, is ten times as much.
"""

import base64
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray

_MOST = 32_767

Packed = dict[str, Any]
"""What JSON keeps of an array: its shape, its numbers in base 64, and the scale of each column."""


def pack(array: NDArray[Any]) -> Packed:
    """Return an array as 32-bit floats."""
    return {"shape": list(array.shape), "numbers": _text(array.astype("<f4"))}


def pack_rounded(array: NDArray[Any]) -> Packed:
    """Return an array, (…, columns), as 16-bit whole numbers, and a scale for each column."""
    largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)), initial=0)
    scale = (np.where(largest > 0, largest, 1) / _MOST).astype("<f4")
    whole = np.clip(np.rint(array / scale), -_MOST, _MOST).astype("<i2")
    return {"shape": list(array.shape), "numbers": _text(whole), "scale": pack(scale)}


def unpack(packed: Packed) -> FloatArray:
    """Return the array that a page has, in 32-bit floats, as the browser does."""
    content = base64.b64decode(packed["numbers"])
    if "scale" not in packed:
        return np.frombuffer(content, "<f4").reshape(packed["shape"])
    whole = np.frombuffer(content, "<i2").reshape(packed["shape"])
    numbers: FloatArray = whole.astype(np.float32) * unpack(packed["scale"])
    return numbers


def size(shape: tuple[int, ...], bytes_each: int) -> int:
    """Return how many characters the numbers of an array take."""
    return -(-prod(shape) * bytes_each // 3) * 4


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()
