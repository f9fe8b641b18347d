"""The zeros of a convolution whose output has ⌈H / s⌉ rows, whatever the window.

Dimensions: N images, H and W rows and columns, C channels; k the side of the window, s the stride.
"""

from math import ceil
from typing import Any

import numpy as np

from scratchvae.errors import InputError, shown
from scratchvae.validation import FloatArray, check_count

Zeros = tuple[tuple[int, int], tuple[int, int]]


def check_padding(value: Any, name: str) -> int | str:
    """Return ``value``; ``InputError`` unless it is ``"same"`` or a count of rows."""
    if isinstance(value, str) and value != "same":
        raise InputError(f'{name} must be a whole number or "same", not {shown(value)}')
    return value if isinstance(value, str) else check_count(value, name, minimum=0)


def same_zeros(size: tuple[int, ...], k: int, s: int) -> Zeros:
    """Return how many rows of zeros come before and after an image of this size, and columns.

    ⌈H / s⌉ windows begin s rows apart, and the last ends (⌈H / s⌉ − 1) s + k rows after the first
    begins. What is missing to that is split evenly; if it is odd, there is one more behind.
    """
    missing = [max((ceil(side / s) - 1) * s + k - side, 0) for side in size]
    rows, columns = ((total // 2, total - total // 2) for total in missing)
    return rows, columns


def fixed_padding(padding: int | str, k: int, s: int) -> int | None:
    """Return the padding that images of every size get on all sides, or ``None`` if none is."""
    if isinstance(padding, int):
        return padding
    return k // 2 if s == 1 and k % 2 else None


def framed(x: FloatArray, zeros: Zeros) -> FloatArray:
    """Return images (N, H, W, C) within these zeros."""
    return np.pad(x, ((0, 0), *zeros, (0, 0)))


def unframed(dx: FloatArray, zeros: Zeros) -> FloatArray:
    """Return what of a gradient of framed images is that of the images."""
    (top, bottom), (left, right) = zeros
    rows, columns = slice(top, dx.shape[1] - bottom), slice(left, dx.shape[2] - right)
    return np.ascontiguousarray(dx[:, rows, columns])
