"""The Gaussian likelihood of a fixed variance: its squares and its gradient, a pass each."""

from math import prod

import numpy as np

from scratchvae.kernels.machine.arguments import Array, require_shape, result
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.memory import scratch
from scratchvae.kernels.machine.threads import get_threads, run_parts
from scratchvae.validation import FloatArray

_NANOSECONDS = 0.3  # a number, roughly: what a pass over memory costs
_LANES = 64  # sums kept side by side: one alone would wait for each addition to end


def squared_distances(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the sum of ``(x − y)²`` over all axes but the first: (N, …) to (N,).

    Raises
    ------
    InputError
        If the two are not of one shape.
    """
    require_shape("squared_distances", "y", y, x.shape)
    out = np.empty(len(x), x.dtype)
    shape = (len(x), prod(x.shape[1:]))
    rows = [np.ascontiguousarray(array).reshape(shape) for array in (x, y)]
    threads = get_threads()
    sums = scratch("squares", threads * _LANES, x.dtype)
    run_parts(_squares, x.size * _NANOSECONDS, *rows, sums, out, threads=threads)
    return out


def gaussian_gradient(
    x: FloatArray, mean: FloatArray, variance: float, out: FloatArray | None = None
) -> FloatArray:
    """Return ``(mean − x) / variance``, the derivative of ``(x − mean)² / (2 variance)``.

    Raises
    ------
    InputError
        If ``x`` and ``mean`` are not of one shape.
    """
    require_shape("gaussian_gradient", "mean", mean, x.shape)
    out = result("gaussian_gradient", x.shape, x.dtype, out, False)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in (x, mean)]
    arguments = (*flat, x.dtype.type(variance), out.reshape(-1))
    run_parts(_gradient, x.size * _NANOSECONDS, *arguments)
    return out


@kernel()
def _squares(part: int, parts: int, x: Array, y: Array, sums: Array, out: Array) -> None:
    if part == ALL:
        return run_all(parts)
    first, last = bounds(part, parts, len(x))
    whole = x.shape[1] // _LANES * _LANES
    sums = sums[part * _LANES : (part + 1) * _LANES]
    for row in range(first, last):
        sums[:] = 0
        for start in range(0, whole, _LANES):
            for lane in range(_LANES):
                difference = x[row, start + lane] - y[row, start + lane]
                sums[lane] += difference * difference
        for lane in range(x.shape[1] - whole):
            difference = x[row, whole + lane] - y[row, whole + lane]
            sums[lane] += difference * difference
        half = _LANES // 2
        while half > 0:
            for lane in range(half):
                sums[lane] += sums[lane + half]
            half //= 2
        out[row] = sums[0]


@kernel()
def _gradient(
    part: int, parts: int, x: Array, mean: Array, variance: float, gradient: Array
) -> None:
    if part == ALL:
        return run_all(parts)
    first, last = bounds(part, parts, x.size)
    x, mean, gradient = x[first:last], mean[first:last], gradient[first:last]
    for i in range(x.size):
        gradient[i] = (mean[i] - x[i]) / variance
