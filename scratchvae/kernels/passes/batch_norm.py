"""Batch normalisation: the moments of each channel, the normalising pass, and the two backward.

An activation that follows is applied, and undone, in the same passes over memory. Between the
passes, one thread works out the values per channel.

With x̂ = (x − μ) · inverse_std and inverse_std = 1/√(σ² + ε), the output is scale · x̂ + shift, and
for M values per channel the gradients are (Ioffe and Szegedy, 2015)

    ∂/∂scale = Σ dy x̂    ∂/∂shift = Σ dy    dx = scale · inverse_std · (dy − (Σ dy + x̂ Σ dy x̂) / M)

where the last bracket is only dy if μ and σ² are not the moments of this x.
"""

import math
from typing import Any

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.kernels.passes.activation import BACKWARD, FORWARD
from scratchvae.kernels.passes.elementwise import NANOSECONDS, Function, check_alike, specialised
from scratchvae.kernels.passes.rows import (
    LONG_LINE,
    add_blocks,
    add_up,
    as_lines,
    block_bounds,
    block_lines,
    block_sum,
    number_of_blocks,
    repeat,
    repeat_first,
    scratch_lines,
)
from scratchvae.validation import Array, FloatArray, check_same_dtype, check_shape


def channel_moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and biased variance, (C,) both. Definition: ``reference.channel_moments``."""
    check_same_dtype("x of channel_moments", x)
    mean, variance = np.empty((2, x.shape[-1]), x.dtype)
    resources = present_resources()
    run(_moments_tasks(resources, np.ascontiguousarray(x), mean, variance), resources.threads)
    return mean, variance


def batch_norm_forward(
    x: FloatArray, mean: FloatArray, inverse_std: FloatArray, scale: FloatArray, shift: FloatArray
) -> FloatArray:
    """Return scale · x̂ + shift. Definition: ``reference.batch_norm_forward``."""
    values = _per_channel(
        "batch_norm_forward", x, mean=mean, inverse_std=inverse_std, scale=scale, shift=shift
    )
    out, resources = np.empty(x.shape, x.dtype), present_resources()
    task, lines = _normalise_task(resources, np.ascontiguousarray(x), out, "identity", 1.0)
    run([Task(_fill_lines, 0, (*values, lines)), task], resources.threads)
    return out


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
    channels = _per_channel(name, x, mean=mean, inverse_std=inverse_std, scale=scale)
    dy, x = np.ascontiguousarray(dy), np.ascontiguousarray(x)
    d_scale, d_shift = np.zeros((2, x.shape[-1]), x.dtype)
    out, resources = np.empty(x.shape, x.dtype), present_resources()
    arrays: tuple[Any, ...] = (dy, x, x, *channels, d_scale, d_shift, None, out)
    tasks = batch_norm_backward_tasks(resources, *arrays, training=training, activation="identity")
    run(tasks, resources.threads)
    return out, d_scale, d_shift


def _per_channel(name: str, x: FloatArray, **values: FloatArray) -> list[FloatArray]:
    """Check that each of ``values`` has one number per channel; return them in C order."""
    check_same_dtype(f"x, {', '.join(values)} of {name}", x, *values.values())
    for value, array in values.items():
        check_shape(array, f"{value} of {name}", x.shape[-1:])
    return [np.ascontiguousarray(array) for array in values.values()]


def batch_norm_forward_tasks(
    resources: Resources,
    x: FloatArray,
    bias: FloatArray | None,
    scale: FloatArray,
    shift: FloatArray,
    running_mean: FloatArray,
    running_variance: FloatArray,
    mean: FloatArray,
    inverse_std: FloatArray,
    out: FloatArray,
    *,
    training: bool,
    momentum: float,
    epsilon: float,
    activation: str,
    alpha: float = 1.0,
) -> list[Task]:
    """Return the tasks of a batch norm and an activation.

    ``x`` and ``out`` are (…, C), the other arrays (C,). In training the tasks put the moments of
    ``x`` into ``mean`` and ``inverse_std``, and the running statistics follow; otherwise ``mean``
    and ``inverse_std`` come from the running statistics.

    ``bias`` is a bias of the layer before that was never added to ``x``, or None: since
    x + b − (μ + b) = x − μ, only the running mean needs it.
    """
    normalise, lines = _normalise_task(resources, x, out, activation, alpha)
    scalar, rows = x.dtype.type, x.size // max(x.shape[-1], 1)
    statistics = (
        np.empty(0, x.dtype) if bias is None else bias,
        *(scale, shift, running_mean, running_variance, mean, inverse_std, lines),
        *(scalar(momentum), scalar(rows / max(rows - 1, 1)), scalar(epsilon)),
        training,
    )
    moments = _moments_tasks(resources, x, mean, inverse_std) if training else []
    return [*moments, Task(_statistics, 0, statistics), normalise]


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


def _moments_tasks(
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


def _normalise_task(
    resources: Resources, x: FloatArray, out: FloatArray, activation: str, alpha: float
) -> tuple[Task, FloatArray]:
    """Return the task of the normalising pass, and the three lines that it reads."""
    x_lines = as_lines(x, LONG_LINE)
    lines = scratch_lines(resources, "lines", (3,), x_lines)
    arguments = (x_lines, lines, as_lines(out, LONG_LINE), x.dtype.type(alpha))
    return Task(_normalise(FORWARD[activation]), x.size * NANOSECONDS, arguments), lines


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


@kernel()
def _statistics(
    chunk: int,
    chunks: int,
    bias: Array,
    scale: Array,
    shift: Array,
    running_mean: Array,
    running_variance: Array,
    mean: Array,
    inverse_std: Array,
    lines: Array,
    momentum: float,
    unbiased: float,
    epsilon: float,
    training: bool,
) -> None:
    """Fill mean, inverse_std and lines; in training, have the running statistics follow.

    In training, mean and inverse_std come in as the mean and the variance of the batch.
    """
    if chunk == ALL:
        return run_all(chunks)
    scalar = mean.dtype.type
    for c in range(len(mean)):
        b = bias[c] if len(bias) > 0 else scalar(0)
        variance = inverse_std[c] if training else running_variance[c]
        if training:
            running_mean[c] += momentum * (mean[c] + b - running_mean[c])
            running_variance[c] += momentum * (variance * unbiased - running_variance[c])
        else:
            mean[c] = running_mean[c] - b
        inverse_std[c] = scalar(1) / math.sqrt(variance + epsilon)
    _fill_lines(0, 1, mean, inverse_std, scale, shift, lines)


@kernel()
def _fill_lines(
    chunk: int,
    chunks: int,
    mean: Array,
    inverse_std: Array,
    scale: Array,
    shift: Array,
    lines: Array,
) -> None:
    """Fill the lines that `_normalise` reads: mean, slope and shift."""
    if chunk == ALL:
        return run_all(chunks)
    channels = len(mean)
    for c in range(channels):
        lines[0, c], lines[1, c], lines[2, c] = mean[c], inverse_std[c] * scale[c], shift[c]
    for i in range(3):
        repeat_first(lines[i], channels)


@specialised
def _normalise(function: Function) -> Kernel:
    def code(chunk: int, chunks: int, x: Array, lines: Array, y: Array, alpha: float) -> None:
        if chunk == ALL:
            return run_all(chunks)
        mean, slope, shift = lines[0], lines[1], lines[2]
        first, last = bounds(chunk, chunks, len(x))
        for row in range(first, last):
            for c in range(x.shape[1]):
                y[row, c] = function((x[row, c] - mean[c]) * slope[c] + shift[c], alpha)

    return code


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
