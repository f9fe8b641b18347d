"""The Gaussian likelihood of a fixed variance: its squares and its gradient, a pass each."""

import numpy as np

from scratchvae.kernels.machine.arena import empty
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.validation import Array, FloatArray, check_same_dtype, check_same_shape

_NANOSECONDS = 0.3  # rough cost of a number
_LANES = 64  # sums kept side by side: one alone would wait for each addition to end


def squared_distances(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return the sum of ``(x − y)²`` over all axes but the first: (N, …) to (N,).

    Raises an `InputError` unless ``x`` and ``y`` are of one shape and dtype.
    Definition: ``reference.squared_distances``.
    """
    check_same_dtype("x and y of squared_distances", x, y)
    check_same_shape(x, y, "x and y of squared_distances")
    out, resources = np.empty(len(x), x.dtype), present_resources()
    arrays = (np.ascontiguousarray(x), np.ascontiguousarray(y), out)
    run(squared_distances_tasks(resources, *arrays), resources.threads)
    return out


def gaussian_gradient(x: FloatArray, mean: FloatArray, variance: float) -> FloatArray:
    """Return ``(mean − x) / variance``, the derivative of ``(x − mean)² / (2 variance)``.

    Raises an `InputError` unless ``x`` and ``mean`` are of one shape and dtype.
    Definition: ``reference.gaussian_gradient``.
    """
    check_same_dtype("x and mean of gaussian_gradient", x, mean)
    check_same_shape(x, mean, "x and mean of gaussian_gradient")
    out, resources = empty(x.shape, x.dtype), present_resources()
    arrays = (np.ascontiguousarray(x), np.ascontiguousarray(mean))
    run(gaussian_gradient_tasks(resources, *arrays, variance, out), resources.threads)
    return out


def squared_distances_tasks(
    resources: Resources, x: FloatArray, y: FloatArray, out: FloatArray
) -> list[Task]:
    """Return the tasks of ``squared_distances``."""
    sums = resources.memory.scratch("squares", resources.threads * _LANES, x.dtype)
    rows = [array.reshape(len(x), x.size // max(len(x), 1)) for array in (x, y)]
    return [Task(_squares, x.size * _NANOSECONDS, (*rows, sums, out))]


def gaussian_gradient_tasks(
    resources: Resources, x: FloatArray, mean: FloatArray, variance: float, out: FloatArray
) -> list[Task]:
    """Return the tasks of ``gaussian_gradient``."""
    arguments = (x.reshape(-1), mean.reshape(-1), x.dtype.type(variance), out.reshape(-1))
    return [Task(_gradient, x.size * _NANOSECONDS, arguments)]


@kernel()
def _squares(chunk: int, chunks: int, x: Array, y: Array, sums: Array, out: Array) -> None:
    if chunk == ALL:
        return run_all(chunks)
    first, last = bounds(chunk, chunks, len(x))
    whole = x.shape[1] // _LANES * _LANES
    sums = sums[chunk * _LANES : (chunk + 1) * _LANES]
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
    chunk: int, chunks: int, x: Array, mean: Array, variance: float, gradient: Array
) -> None:
    if chunk == ALL:
        return run_all(chunks)
    first, last = bounds(chunk, chunks, x.size)
    x, mean, gradient = x[first:last], mean[first:last], gradient[first:last]
    for i in range(x.size):
        gradient[i] = (mean[i] - x[i]) / variance
