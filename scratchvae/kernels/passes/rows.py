"""Arrays whose last axis counts channels, as the rows that a pass over memory walks along.

Images have few channels, and a loop over 32 numbers spends as long on its beginning and end as on
its middle. So several rows that are neighbours in memory are walked as one *line*, and a value per
channel is repeated along a line as well.

A sum over rows is made of sums over blocks of lines, added up in order at the end. How many rows
make a line, and how many lines a block, depends only on the shape, never on the number of threads,
so the result has the same bits on any number of them.
"""

from math import prod

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources
from scratchvae.validation import Array, FloatArray

_LINE = 256  # numbers at most, unless one row is longer
# Where nothing is summed, lines may be so long that the rest after whole vectors costs nothing.
LONG_LINE = 2560
_BLOCK_BYTES = 1 << 17  # of lines: small enough to stay in a core's own cache for a second look


def as_lines(x: FloatArray, longest: int = _LINE) -> FloatArray:
    """Return ``x`` (…, C), in C order, as lines of k rows each: (rows / k, k·C)."""
    channels = x.shape[-1]
    rows = x.size // max(channels, 1)
    together = 1
    while rows and rows % (2 * together) == 0 and 2 * together * channels <= longest:
        together *= 2
    return x.reshape(rows // together, together * channels)


def scratch_lines(
    resources: Resources, purpose: str, number: tuple[int, ...], lines: FloatArray
) -> FloatArray:
    """Return scratch memory for a ``number`` of lines like those of ``lines``."""
    size = prod(number) * lines.shape[1]
    memory = resources.memory.scratch(purpose, size, lines.dtype)[:size]
    return memory.reshape(*number, lines.shape[1])


def number_of_blocks(lines: FloatArray) -> int:
    """Return how many blocks of lines there are."""
    return -(-len(lines) // block_lines(lines))


@kernel()
def add_blocks(chunk: int, chunks: int, sums: Array, total: Array) -> None:
    """Add the sums of all blocks (blocks, line), as ``add_up`` left them, to ``total`` (C,)."""
    if chunk == ALL:
        return run_all(chunks)
    for c in range(len(total)):
        total[c] += block_sum(sums, c)


@kernel(inside=True)
def block_sum(sums: Array, channel: int) -> np.float64:
    """Return the sum over all blocks of one channel, in ``float64``."""
    total = np.float64(0)
    for block in range(len(sums)):
        total += sums[block, channel]
    return total


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
    """Add all other rows of a line to its first."""
    for start in range(channels, len(line), channels):
        for c in range(channels):
            line[c] += line[start + c]


@kernel(inside=True)
def repeat(values: Array, line: Array) -> None:
    """Fill a line with repetitions of ``values`` (C,)."""
    for c in range(len(values)):
        line[c] = values[c]
    repeat_first(line, len(values))


@kernel(inside=True)
def repeat_first(line: Array, channels: int) -> None:
    """Copy the first row of a line to all others, doubling what is filled each time."""
    filled = channels
    while filled < len(line):
        more = min(filled, len(line) - filled)
        for c in range(more):
            line[filled + c] = line[c]
        filled += more
