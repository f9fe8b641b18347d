"""Loops that keep a machine at its ceilings: arithmetic in registers, and the first-level cache."""

import numpy as np

from scratchvae.course.ladder.panels import WIDTH
from scratchvae.course.ladder.tiled_product import fill
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array


@kernel()
def multiply_again(a: Array, b: Array, c: Array, times: int) -> None:
    """Compute one tile of a product so many times, all of it in the first-level cache."""
    panels = b.reshape(1, len(b), WIDTH)
    for _ in range(times):
        fill(a, panels, c)


@kernel()
def scale_again(x: Array, y: Array, times: int) -> None:
    """Read x and write its half to y, so many times, each a little different from the last."""
    for turn in range(times):
        factor = np.float32(0.5) + np.float32(turn) * np.float32(1e-6)
        for i in range(len(x)):
            y[i] = factor * x[i]
