"""Smaller images: the means of square blocks.

Dimensions: N images of H rows, W columns and C channels.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.validation import as_array, check_count


def shrink(images: NDArray[Any], side: int) -> NDArray[Any]:
    """Return square images averaged down, (N, H, H, C) to (N, side, side, C).

    Where H is no multiple of ``side``, black is added around them first: 28 rows become 32, and
    8 × 8 means of blocks of 4 × 4. 8-bit pixels stay 8-bit, rounded.

    Raises
    ------
    InputError
        If the images are not square, or smaller than ``side``.
    """
    images, side = as_array(images, "images"), check_count(side, "side")
    if images.ndim != 4 or images.shape[1] != images.shape[2] or images.shape[1] < side:
        raise InputError(
            f"images must be square, of shape (N, H, H, C) with H of {side} or more, not "
            f"{images.shape}"
        )
    block = -(-images.shape[1] // side)
    missing = block * side - images.shape[1]
    around = (missing // 2, missing - missing // 2)
    images = np.pad(images, ((0, 0), around, around, (0, 0)))
    blocks = images.reshape(len(images), side, block, side, block, images.shape[-1])
    means: NDArray[Any] = blocks.mean(axis=(2, 4))
    if images.dtype == np.uint8:
        means = np.rint(means)
    kept = images.dtype.kind == "f" or images.dtype == np.uint8
    return means.astype(images.dtype if kept else np.float64)
