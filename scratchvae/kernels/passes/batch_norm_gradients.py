"""Batch normalisation backwards: a pass that sums, and one that fills the input's gradient.

An activation that follows is undone in the same passes over memory. With x̂ = (x − μ) · inverse_std,
the gradients for M values per channel are (Ioffe and Szegedy, 2015)

    ∂/∂scale = Σ dy x̂    ∂/∂shift = Σ dy    dx = scale · inverse_std · (dy − (Σ dy + x̂ Σ dy x̂) / M)

where the last bracket is only dy if μ and σ² are not the moments of this x.
"""

from typing import Any

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.kernels.passes.activation import BACKWARD
from scratchvae.kernels.passes.batch_norm import as_channels
from scratchvae.kernels.passes.elementwise import NANOSECONDS, Function, check_alike, specialised
from scratchvae.kernels.passes.rows import (
    add_blocks,
    add_up,
    as_lines,
    block_bounds,
    block_sum,
    number_of_blocks,
    repeat,
    repeat_first,
    scratch_lines,
)
from scratchvae.validation import Array, FloatArray


def batch_norm_backward(
    dy: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    inverse_std: FloatArray,
    scale: FloatArray,
    training: bool,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return dx, ∂/∂scale and ∂/∂shift. Definition: ``reference.batch_norm_backward``."""
    name = "batch_norm_backward"
    check_alike(f"dy and x of {name}", dy, x)
    channels = as_channels(name, x, mean=mean, inverse_std=inverse_std, scale=scale)
    dy, x = np.ascontiguousarray(dy), np.ascontiguousarray(x)
    d_scale, d_shift = np.zeros((2, x.shape[-1]), x.dtype)
    out, resources = np.empty(x.shape, x.dtype), present_resources()
    arrays: tuple[Any, ...] = (dy, x, x, *channels, d_scale, d_shift, None, out)
    tasks = batch_norm_backward_tasks(resources, *arrays, training=training, activation="identity")
    run(tasks, resources.threads)
    return out, d_scale, d_shift


def batch_norm_backward_tasks(
    resources: Resources,
    dy: FloatArray,
    x: FloatArray,
    y: FloatArray,
    mean: FloatArray,
    inverse_std: FloatArray,
    scale: FloatArray,
    scale_grad: FloatArray,
    shift_grad: FloatArray,
    bias_grad: FloatArray | None,
    out: FloatArray,
    *,
    training: bool,
    activation: str,
    alpha: float = 1.0,
) -> list[Task]:
    """Return the tasks that go back through an activation and a batch norm to ``out``, ∂loss/∂x.

    They add to ``scale_grad``, ``shift_grad`` and, unless it is None, ``bias_grad``, the gradient
    of a bias before the norm, which is the sum of the rows of ``out``. ``x`` and ``y`` are the
    input and the output of the forward pass; without an activation ``y`` is not used.
    """
    channels, scalar = x.shape[-1], x.dtype.type
    arrays, work = (as_lines(dy), as_lines(y), as_lines(x)), x.size * NANOSECONDS
    sums = scratch_lines(resources, "gradients", (3, number_of_blocks(arrays[2])), arrays[2])
    lines = scratch_lines(resources, "lines", (4,), arrays[2])
    count = scalar(max(x.size // max(channels, 1), 1) if training else np.inf)
    finish = (sums, mean, inverse_std, scale, scale_grad, shift_grad, lines, count)
    outs = (as_lines(out), sums[0], channels, scalar(alpha))
    function = BACKWARD[activation]
    tasks = [
        Task(_reduce_gradients(function), work, (*arrays, mean, sums, scalar(alpha))),
        Task(_finish_gradients, 0, finish),
        Task(_input_gradient(function), work, (*arrays, lines, *outs)),
    ]
    return tasks if bias_grad is None else [*tasks, Task(add_blocks, 0, (sums[0], bias_grad))]


@specialised
def _reduce_gradients(function: Function) -> Kernel:
    def code(
        chunk: int,
        chunks: int,
        dy: Array,
        y: Array,
        x: Array,
        mean: Array,
        sums: Array,
        alpha: float,
    ) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first_block, last_block = bounds(chunk, chunks, sums.shape[1])
        for block in range(first_block, last_block):
            first, last = block_bounds(block, x)
            total, product, centre = sums[0, block], sums[1, block], sums[2, block]
            total[:] = 0
            product[:] = 0
            repeat(mean, centre)
            for row in range(first, last):
                for c in range(x.shape[1]):
                    d = function(dy[row, c], y[row, c], alpha)
                    total[c] += d
                    product[c] += d * (x[row, c] - centre[c])
            add_up(product, len(mean))
            add_up(total, len(mean))

    return code


@kernel()
def _finish_gradients(
    chunk: int,
    chunks: int,
    sums: Array,
    mean: Array,
    inverse_std: Array,
    scale: Array,
    scale_grad: Array,
    shift_grad: Array,
    lines: Array,
    count: float,
) -> None:
    """Add to the gradients of scale and shift, and fill the lines that `_input_gradient` reads."""
    if chunk == ALL:
        return run_all(chunks)
    channels, scalar = len(mean), scale.dtype.type
    for c in range(channels):
        d_shift = scalar(block_sum(sums[0], c))
        d_scale = scalar(block_sum(sums[1], c) * inverse_std[c])
        shift_grad[c] += d_shift
        scale_grad[c] += d_scale
        lines[0, c], lines[1, c] = mean[c], inverse_std[c] * scale[c]
        lines[2, c], lines[3, c] = d_shift / count, d_scale * inverse_std[c] / count
    for i in range(4):
        repeat_first(lines[i], channels)


@specialised
def _input_gradient(function: Function) -> Kernel:
    def code(
        chunk: int,
        chunks: int,
        dy: Array,
        y: Array,
        x: Array,
        lines: Array,
        dx: Array,
        sums: Array,
        channels: int,
        alpha: float,
    ) -> None:
        if chunk == ALL:
            return run_all(chunks)
        mean, slope, constant, per_x = lines[0], lines[1], lines[2], lines[3]
        first_block, last_block = bounds(chunk, chunks, len(sums))
        for block in range(first_block, last_block):
            first, last = block_bounds(block, x)
            total = sums[block]
            total[:] = 0
            for row in range(first, last):
                for c in range(x.shape[1]):
                    d = function(dy[row, c], y[row, c], alpha)
                    through_moments = constant[c] + (x[row, c] - mean[c]) * per_x[c]
                    d = (d - through_moments) * slope[c]
                    dx[row, c] = d
                    total[c] += d
            add_up(total, channels)

    return code
