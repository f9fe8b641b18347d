"""Mean and variance of each channel, in two passes over blocks that stay in the cache."""

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.kernels.passes.elementwise import NANOSECONDS
from scratchvae.kernels.passes.rows import (
    add_up,
    as_lines,
    block_bounds,
    block_lines,
    block_sum,
    number_of_blocks,
    repeat_first,
    scratch_lines,
)
from scratchvae.validation import Array, FloatArray, check_same_dtype


def channel_moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and biased variance, (C,) both. Definition: ``reference.channel_moments``."""
    check_same_dtype("x of channel_moments", x)
    mean, variance = np.empty((2, x.shape[-1]), x.dtype)
    resources = present_resources()
    run(moments_tasks(resources, np.ascontiguousarray(x), mean, variance), resources.threads)
    return mean, variance


def moments_tasks(
    resources: Resources, x: FloatArray, mean: FloatArray, variance: FloatArray
) -> list[Task]:
    """Return the tasks that fill ``mean`` and ``variance`` (C,)."""
    lines, channels = as_lines(x), x.shape[-1]
    moments = scratch_lines(resources, "moments", (3, number_of_blocks(lines)), lines)
    rows, rows_a_line = x.size // max(channels, 1), lines.shape[1] // max(channels, 1)
    finish = (moments, rows, block_lines(lines) * rows_a_line, mean, variance)
    return [
        Task(_block_moments, x.size * NANOSECONDS, (lines, moments, channels)),
        Task(_finish_moments, 0, finish),
    ]


@kernel()
def _block_moments(chunk: int, chunks: int, x: Array, moments: Array, channels: int) -> None:
    """Find the mean of each block, the sum of squares around it, and what rounding left of it."""
    if chunk == ALL:
        return run_all(chunks)
    first_block, last_block = bounds(chunk, chunks, moments.shape[1])
    for block in range(first_block, last_block):
        first, last = block_bounds(block, x)
        mean, square, residual = moments[0, block], moments[1, block], moments[2, block]
        mean[:] = 0
        square[:] = 0
        residual[:] = 0
        count = x.dtype.type((last - first) * (x.shape[1] // channels))
        for row in range(first, last):
            for c in range(x.shape[1]):
                mean[c] += x[row, c]
        add_up(mean, channels)
        for c in range(channels):
            mean[c] /= count
        repeat_first(mean, channels)
        # The block is still in the cache: differences from its own mean lose no digits, and what
        # their sum falls short of 0 is the rounding of that mean.
        for row in range(first, last):
            for c in range(x.shape[1]):
                difference = x[row, c] - mean[c]
                residual[c] += difference
                square[c] += difference * difference
        add_up(residual, channels)
        add_up(square, channels)
        for c in range(channels):
            residual[c] /= count
            square[c] -= residual[c] * residual[c] * count


@kernel()
def _finish_moments(
    chunk: int,
    chunks: int,
    moments: Array,
    rows: int,
    block_rows: int,
    means: Array,
    variances: Array,
) -> None:
    """Fill mean and variance of each channel from those of the blocks (Chan et al., 1979).

    To the squares of the blocks are added those of their means around the mean of all.
    """
    if chunk == ALL:
        return run_all(chunks)
    blocks = moments.shape[1]
    for c in range(len(means)):
        mean, squares, between = np.float64(0), block_sum(moments[1], c), np.float64(0)
        for block in range(blocks):
            count = min(block_rows, rows - block * block_rows)
            mean += count * (np.float64(moments[0, block, c]) + moments[2, block, c])
        mean /= max(rows, 1)
        for block in range(blocks):
            count = min(block_rows, rows - block * block_rows)
            difference = np.float64(moments[0, block, c]) + moments[2, block, c] - mean
            between += count * difference * difference
        means[c], variances[c] = mean, (squares + between) / max(rows, 1)
