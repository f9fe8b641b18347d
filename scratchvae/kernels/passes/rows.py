"""Arrays whose last axis counts channels, as the rows that a pass over memory walks along.

Images have few channels, and a loop over 32 numbers spends as long on its beginning and end as on
its middle. So several rows that are neighbours in memory are walked as one *line*, and what there
is one of per channel is repeated to be as long.

A sum over rows is made of sums over blocks of lines, added up in order at the end. How many rows
make a line, and how many lines a block, depends on the shape alone, never on the number of threads,
and so has the result the same bits.
"""

import numpy as np

from scratchvae.kernels.machine.arguments import Array, require_shape
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.memory import scratch
from scratchvae.validation import FloatArray

NANOSECONDS = 0.5  # a number, roughly: what a pass over memory costs

_LINE = 256  # numbers, at most, unless one row is longer
_BLOCK_BYTES = 1 << 17  # of lines: small enough to stay in a core's own cache for a second look


def lines(x: FloatArray) -> FloatArray:
    """Return ``x`` (…, C) as lines of several rows each: (rows / k, k·C)."""
    channels = x.shape[-1]
    rows = x.size // max(channels, 1)
    together = 1
    while rows and rows % (2 * together) == 0 and 2 * together * channels <= _LINE:
        together *= 2
    return np.ascontiguousarray(x).reshape(rows // together, together * channels)


def require_per_channel(name: str, x: FloatArray, **values: FloatArray) -> None:
    """Raise an `InputError` unless each of ``values`` is of one number per channel of ``x``."""
    for what, array in values.items():
        require_shape(name, what, array, x.shape[-1:])


def repeat(values: FloatArray, like: FloatArray) -> FloatArray:
    """Return the numbers ``values`` (C,), one per channel, as long as a line of ``like``."""
    return np.tile(values, like.shape[1] // max(len(values), 1))


def block_room(purpose: str, like: FloatArray) -> FloatArray:
    """Return room for a line of each block of the lines ``like``."""
    blocks, length = -(-len(like) // block_lines(like)), like.shape[1]
    room = scratch(purpose, blocks * length, like.dtype)
    return room[: blocks * length].reshape(blocks, length)


def add_blocks(sums: FloatArray, channels: int) -> FloatArray:
    """Return the sums (C,) over all blocks, in ``float64``, of what ``add_up`` left of each."""
    total = np.zeros(channels, np.float64)
    _add_blocks(sums, total)
    return total


@kernel()
def _add_blocks(sums: Array, total: Array) -> None:
    for block in range(len(sums)):
        for c in range(len(total)):
            total[c] += sums[block, c]


@kernel()
def block_lines(x: Array) -> int:
    """Return how many lines a block has."""
    line_bytes: int = x.shape[1] * x.itemsize
    return max(_BLOCK_BYTES // max(line_bytes, 1), 1)


@kernel(inside=True)
def block_bounds(block: int, x: Array) -> tuple[int, int]:
    """Return the first line of a block, and the one after its last."""
    size = block_lines(x)
    return block * size, min((block + 1) * size, len(x))


@kernel(inside=True)
def add_up(line: Array, channels: int) -> None:
    """Add to the first row of a line all the others."""
    for start in range(channels, len(line), channels):
        for c in range(channels):
            line[c] += line[start + c]
