"""Batch normalisation forwards: the values of each channel, and the normalising pass.

An activation that follows is applied in the same pass over memory. Between the passes, one thread
works out the values per channel. With inverse_std = 1/√(σ² + ε), the output is
scale · (x − μ) · inverse_std + shift (Ioffe and Szegedy, 2015).
"""

import math

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.kernels.passes.activation import FORWARD
from scratchvae.kernels.passes.elementwise import NANOSECONDS, Function, specialised
from scratchvae.kernels.passes.moments import moments_tasks
from scratchvae.kernels.passes.rows import LONG_LINE, as_lines, repeat_first, scratch_lines
from scratchvae.validation import Array, FloatArray, check_same_dtype, check_shape


def batch_norm_forward(
    x: FloatArray, mean: FloatArray, inverse_std: FloatArray, scale: FloatArray, shift: FloatArray
) -> FloatArray:
    """Return scale · x̂ + shift. Definition: ``reference.batch_norm_forward``."""
    values = as_channels(
        "batch_norm_forward", x, mean=mean, inverse_std=inverse_std, scale=scale, shift=shift
    )
    out, resources = np.empty(x.shape, x.dtype), present_resources()
    task, lines = _normalise_task(resources, np.ascontiguousarray(x), out, "identity", 1.0)
    run([Task(_fill_lines, 0, (*values, lines)), task], resources.threads)
    return out


def as_channels(name: str, x: FloatArray, **values: FloatArray) -> list[FloatArray]:
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
    none = np.empty(0, x.dtype)
    arrays = (none if bias is None else bias, scale, shift, running_mean, running_variance)
    found = (mean, inverse_std, lines)
    if not training:
        rest = Task(_running_statistics, 0, (*arrays, *found, scalar(epsilon)))
        return [rest, normalise]
    numbers = scalar(momentum), scalar(rows / max(rows - 1, 1)), scalar(epsilon)
    moments = moments_tasks(resources, x, mean, inverse_std)
    return [*moments, Task(_batch_statistics, 0, (*arrays, *found, *numbers)), normalise]


def _normalise_task(
    resources: Resources, x: FloatArray, out: FloatArray, activation: str, alpha: float
) -> tuple[Task, FloatArray]:
    """Return the task of the normalising pass, and the three lines that it reads."""
    x_lines = as_lines(x, LONG_LINE)
    lines = scratch_lines(resources, "lines", (3,), x_lines)
    arguments = (x_lines, lines, as_lines(out, LONG_LINE), x.dtype.type(alpha))
    return Task(_normalise(FORWARD[activation]), x.size * NANOSECONDS, arguments), lines


@kernel()
def _batch_statistics(
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
) -> None:
    """Fill inverse_std, where the batch's variance is, and lines; the running statistics follow."""
    if chunk == ALL:
        return run_all(chunks)
    scalar = mean.dtype.type
    for c in range(len(mean)):
        b = bias[c] if len(bias) > 0 else scalar(0)
        variance = inverse_std[c]
        running_mean[c] += momentum * (mean[c] + b - running_mean[c])
        running_variance[c] += momentum * (variance * unbiased - running_variance[c])
        inverse_std[c] = scalar(1) / math.sqrt(variance + epsilon)
    _fill_lines(0, 1, mean, inverse_std, scale, shift, lines)


@kernel()
def _running_statistics(
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
    epsilon: float,
) -> None:
    """Fill mean, inverse_std and lines from the running statistics, which may be read-only."""
    if chunk == ALL:
        return run_all(chunks)
    scalar = mean.dtype.type
    for c in range(len(mean)):
        mean[c] = running_mean[c] - (bias[c] if len(bias) > 0 else scalar(0))
        inverse_std[c] = scalar(1) / math.sqrt(running_variance[c] + epsilon)
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
