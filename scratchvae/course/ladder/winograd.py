"""The top rung of the convolution: fewer multiplications, by Winograd's transforms.

An image is cut into grids of n×n pixels, n = 4 + T − 1, one for each 4×4 pixels of y. Between the
transforms, every position of the grid is a matrix product of its own (its rows are the grids), and
a transform is a product with a small matrix: the register tile does all of it, an image at a time,
so that everything between stays in the second-level cache. How many multiplications that saves says
eq. 17.10.

Dimensions: as in ``convolution_loop``; G grids an image.
"""

from functools import cache
from typing import Any

import numpy as np

from scratchvae.course.ladder.grids import gather, scatter, transform
from scratchvae.course.ladder.panels import WIDTH
from scratchvae.course.ladder.tap_panels import transformed_taps
from scratchvae.course.ladder.tile import HEIGHT
from scratchvae.course.ladder.tiled_product import fill
from scratchvae.kernels.convolution.cook_toom import RESULTS
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.validation import Array


@cache
def sliding(points: int) -> Any:
    """Return the kernel for grids of points×points pixels."""
    to_points, to_results = transform(points), transform(RESULTS)

    @kernel()
    def slide(x: Array, panels: Array, matrices: Any, work: Any, y: Array) -> None:
        """Put the convolution with taps (n, n, P, C, W), transformed already, into y: eq. 17.9."""
        (to, back), (grids, half, products, half_results, results) = matrices, work
        for n in range(len(x)):
            gather(x[n], grids)
            to_points(to, grids, half)
            for a in range(points):
                to_points(to, half[a], grids[a])
                for b in range(points):
                    fill(grids[a, b], panels[a, b], products[a, b])
            to_results(back, products, half_results)
            for k in range(RESULTS):
                to_results(back, half_results[k], results[k])
            scatter(results, y[n])

    return slide


def convolve(x: Array, w: Array) -> Array:
    """Return y (N, H − T + 1, W − T + 1, O) for x (N, H, W, C) and w (T, T, C, O)."""
    points, (high, wide) = len(w) + RESULTS - 1, (size - len(w) + 1 for size in x.shape[1:3])
    panels, to, back = transformed_taps(w)
    extra = [(0, -high % RESULTS), (0, -wide % RESULTS), (0, panels.shape[3] - x.shape[3])]
    padded = np.pad(x, ((0, 0), *extra)) if np.any(extra) else x
    y = np.empty((len(x), high + extra[0][1], wide + extra[1][1], panels.shape[2] * WIDTH), x.dtype)
    grids = max(HEIGHT, y.shape[1] * y.shape[2] // RESULTS**2)
    sizes = [(points, points, padded.shape[3])] * 2 + [(points, points, y.shape[3])]
    sizes += [(RESULTS, points, y.shape[3]), (RESULTS, RESULTS, y.shape[3])]
    work = tuple(np.zeros((a, b, grids, channels), x.dtype) for a, b, channels in sizes)
    sliding(points)(padded, panels, (to, back), work, y)
    return y[:, :high, :wide, : w.shape[3]]
