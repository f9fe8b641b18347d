"""Biases, one per channel of the last axis, and their gradients.

Where an activation follows, it is applied, and undone, in the same pass: memory is slower than
arithmetic.
"""

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, compute
from scratchvae.kernels.passes.activation import BACKWARD, FORWARD
from scratchvae.kernels.passes.elementwise import NANOSECONDS, Function, specialised
from scratchvae.kernels.passes.rows import (
    LONG_LINE,
    add_blocks,
    add_up,
    as_lines,
    block_bounds,
    number_of_blocks,
    repeat,
    scratch_lines,
)
from scratchvae.validation import Array, FloatArray, check_same_dtype


def sum_rows(x: FloatArray) -> FloatArray:
    """Return the sum over all axes but the last, (C,). Definition: ``reference.sum_rows``."""
    check_same_dtype("x of sum_rows", x)
    return compute(sum_rows_tasks, (x,), np.zeros(x.shape[-1], x.dtype))


def sum_rows_tasks(resources: Resources, x: FloatArray, total: FloatArray) -> list[Task]:
    """Return the tasks that add the sum of all rows of ``x`` (…, C) to ``total`` (C,)."""
    lines = as_lines(x)
    sums = scratch_lines(resources, "sums", (number_of_blocks(lines),), lines)
    return [
        Task(_sum_blocks, x.size * NANOSECONDS, (lines, sums, len(total))),
        Task(add_blocks, 0, (sums, total)),
    ]


def bias_activation_tasks(
    resources: Resources, y: FloatArray, bias: FloatArray, activation: str, alpha: float = 1.0
) -> list[Task]:
    """Return the tasks of y ← f(y + bias), in place, for ``y`` (…, C) and ``bias`` (C,)."""
    lines = as_lines(y, LONG_LINE)
    buffer = scratch_lines(resources, "biases", (resources.threads,), lines)
    arguments = (lines, bias, buffer, y.dtype.type(alpha))
    return [Task(_add_bias(FORWARD[activation]), y.size * NANOSECONDS, arguments)]


def activation_backward_bias_tasks(
    resources: Resources,
    dy: FloatArray,
    y: FloatArray,
    out: FloatArray,
    bias_grad: FloatArray,
    activation: str,
    alpha: float = 1.0,
) -> list[Task]:
    """Return the tasks of out = dy · f′(y), whose sum of rows they add to ``bias_grad`` (C,).

    With ``"identity"`` only ``bias_grad`` is written: ``out`` is taken to be ``dy``.
    """
    if activation == "identity":
        return sum_rows_tasks(resources, dy, bias_grad)
    arrays = tuple(as_lines(array) for array in (dy, y, out))
    sums = scratch_lines(resources, "sums", (number_of_blocks(arrays[0]),), arrays[0])
    arguments = (*arrays, sums, len(bias_grad), y.dtype.type(alpha))
    return [
        Task(_backward_and_sum(BACKWARD[activation]), y.size * NANOSECONDS, arguments),
        Task(add_blocks, 0, (sums, bias_grad)),
    ]


@specialised
def _add_bias(function: Function) -> Kernel:
    def code(chunk: int, chunks: int, y: Array, bias: Array, buffer: Array, alpha: float) -> None:
        if chunk == ALL:
            return run_all(chunks)
        line = buffer[chunk]
        repeat(bias, line)
        first, last = bounds(chunk, chunks, len(y))
        for row in range(first, last):
            for c in range(y.shape[1]):
                y[row, c] = function(y[row, c] + line[c], alpha)

    return code


@specialised
def _backward_and_sum(function: Function) -> Kernel:
    def code(
        chunk: int,
        chunks: int,
        dy: Array,
        y: Array,
        dx: Array,
        sums: Array,
        channels: int,
        alpha: float,
    ) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first_block, last_block = bounds(chunk, chunks, len(sums))
        for block in range(first_block, last_block):
            first, last = block_bounds(block, y)
            total = sums[block]
            total[:] = 0
            for row in range(first, last):
                for c in range(y.shape[1]):
                    d = function(dy[row, c], y[row, c], alpha)
                    dx[row, c] = d
                    total[c] += d
            add_up(total, channels)

    return code


@kernel()
def _sum_blocks(chunk: int, chunks: int, x: Array, sums: Array, channels: int) -> None:
    if chunk == ALL:
        return run_all(chunks)
    first_block, last_block = bounds(chunk, chunks, len(sums))
    for block in range(first_block, last_block):
        first, last = block_bounds(block, x)
        total = sums[block]
        total[:] = 0
        for row in range(first, last):
            for c in range(x.shape[1]):
                total[c] += x[row, c]
        add_up(total, channels)
