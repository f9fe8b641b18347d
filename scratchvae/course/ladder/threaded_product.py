"""The product on several threads: each takes some of the tiles.

No sum is split between two threads. A tile is computed by one of them, with the same operations in
the same order as if it were alone, so the bits do not depend on how many there are.

Dimensions: M rows, K steps, N columns.
"""

import numpy as np

from scratchvae.course.ladder.panels import WIDTH, pack
from scratchvae.course.ladder.tile import HEIGHT
from scratchvae.course.ladder.tiled_product import fill
from scratchvae.kernels import get_threads
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Task, run
from scratchvae.validation import Array

MUCH = 1e9
"""Nanoseconds, as if the work took so long: then it is shared, however little it is."""


@kernel()
def share(chunk: int, chunks: int, a: Array, panels: Array, c: Array) -> None:
    """Compute one chunk of the rows; the last rows of a chunk may be the next one's first ones."""
    if chunk == ALL:
        return run_all(chunks)
    tiles = (len(a) + HEIGHT - 1) // HEIGHT
    first, last = bounds(chunk, chunks, tiles)
    if first < last:
        top = min(first * HEIGHT, len(a) - HEIGHT)
        bottom = min(last * HEIGHT, len(a))
        fill(a[top:bottom], panels, c[top:bottom])


def multiply(a: Array, b: Array, threads: int | None = None) -> Array:
    """Return a b, (M, N), on so many threads, or on as many as the package uses."""
    missing = max(0, HEIGHT - len(a))
    tall = np.pad(a, ((0, missing), (0, 0))) if missing else a
    panels = pack(b, WIDTH)
    c = np.empty((len(tall), len(panels) * WIDTH), a.dtype)
    run([Task(share, MUCH, (tall, panels, c))], get_threads() if threads is None else threads)
    return c[: len(a), : b.shape[1]]
