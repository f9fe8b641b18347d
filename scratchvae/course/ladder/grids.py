"""Winograd's steps around the products: cutting an image into grids, transforms, pasting back.

Dimensions: G grids of n×n pixels, C channels, a multiple of a panel's width.
"""

from functools import cache
from typing import Any

from scratchvae.course.ladder.panels import WIDTH
from scratchvae.course.ladder.tile import tile
from scratchvae.kernels.convolution.cook_toom import RESULTS
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array


@kernel()
def gather(image: Array, grids: Array) -> None:
    """Cut an image (H, W, C) into grids (n, n, G, C), each RESULTS pixels from the one before."""
    points, overlap = grids.shape[0], grids.shape[0] - RESULTS
    across = (image.shape[1] - overlap) // RESULTS
    for g in range((image.shape[0] - overlap) // RESULTS * across):
        top, left = g // across * RESULTS, g % across * RESULTS
        for i in range(points):
            for j in range(points):
                to, pixel = grids[i, j, g], image[top + i, left + j]
                for c in range(len(pixel)):
                    to[c] = pixel[c]


@kernel()
def scatter(results: Array, y: Array) -> None:
    """Paste results (RESULTS, RESULTS, G, O) side by side into y (H, W, O)."""
    across = y.shape[1] // RESULTS
    for g in range(y.shape[0] // RESULTS * across):
        top, left = g // across * RESULTS, g % across * RESULTS
        for i in range(RESULTS):
            for j in range(RESULTS):
                to, result = y[top + i, left + j], results[i, j, g]
                for o in range(len(to)):
                    to[o] = result[o]


@cache
def transform(rows: int) -> Any:
    """Return the kernel of a product from the left with a small matrix of so many rows."""
    block = tile(rows)

    @kernel()
    def apply(matrix: Array, x: Array, to: Array) -> None:
        """Put matrix (rows, n) times x (n, …) into to (rows, …): all that follows are columns."""
        steps, columns = len(x), x[0].size
        for left in range(0, columns, WIDTH):
            block(matrix, x, to, (0, left, left), (steps, 0, columns, columns), (1, steps))

    return apply
