"""Arrays as text, for a page: 32-bit floats, or whole numbers with a scale for each column.

A column is what the last axis counts. Its whole numbers of b bits are multiples of its largest
number over 2ᵇ⁻¹ − 1, and each is off by at most half of that: with 16 bits 1.5e-5 of the largest,
with 24 bits 6e-8, no more than a 32-bit float rounds. (A 16-bit float would be off by up to 2.4e-4
of itself, which for the larger weights of a column, those that matter, is ten times as much.)
"""

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray

Packed = dict[str, Any]
"""What JSON keeps of an array: its shape, its numbers in base 64, and how those are to be read."""


def pack(array: NDArray[Any], width: int = 4) -> Packed:
    """Return an array, (…, columns), with so many bytes for each number.

    ``width`` is 4 for 32-bit floats, and 2 or 3 for whole numbers and a scale for each column.
    """
    shape = {"shape": list(array.shape)}
    if width == 4:
        return shape | {"numbers": _text(array.astype("<f4"))}
    most = 2 ** (8 * width - 1) - 1
    largest = np.abs(array).max(axis=tuple(range(array.ndim - 1)), initial=0)
    scale = (np.where(largest > 0, largest, 1) / most).astype("<f4")
    whole = np.clip(np.rint(array.astype(np.float64) / scale), -most, most).astype("<i4")
    kept = whole[..., None].view(np.uint8)[..., :width]  # the lower bytes, which come first
    return shape | {"numbers": _text(kept), "width": width, "scale": pack(scale)}


def unpack(packed: Packed) -> FloatArray:
    """Return the array that a page has, in 32-bit floats, as the browser does."""
    content = np.frombuffer(base64.b64decode(packed["numbers"]), np.uint8)
    if "scale" not in packed:
        return content.view("<f4").reshape(packed["shape"])
    upper = np.zeros((content.size // packed["width"], 4), np.uint8)
    upper[:, 4 - packed["width"] :] = content.reshape(-1, packed["width"])
    whole = upper.view("<i4").reshape(packed["shape"]) >> (32 - 8 * packed["width"])
    numbers: FloatArray = (whole * unpack(packed["scale"]).astype(np.float64)).astype(np.float32)
    return numbers


def _text(array: NDArray[Any]) -> str:
    return base64.b64encode(array.tobytes()).decode()
