"""The Gaussian likelihood of a fixed variance: its squares and its gradient, a pass each."""

from typing import Any

import numpy as np

from scratchvae.kernels.machine.arena import empty
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, compute
from scratchvae.kernels.passes.elementwise import NANOSECONDS, check_alike, each_pair_task
from scratchvae.validation import Array, FloatArray

_LANES = 64  # sums kept side by side: one alone would wait for each addition to end


def squared_distances(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return Σ (x − y)², (N,). Definition: ``reference.squared_distances``."""
    check_alike("x and y of squared_distances", x, y)
    return compute(squared_distances_tasks, (x, y), np.empty(len(x), x.dtype))


def gaussian_gradient(x: FloatArray, mean: FloatArray, variance: float) -> FloatArray:
    """Return (mean − x) / variance. Definition: ``reference.gaussian_gradient``."""
    check_alike("x and mean of gaussian_gradient", x, mean)
    return compute(gaussian_gradient_tasks, (x, mean), empty(x.shape, x.dtype), variance)


def squared_distances_tasks(
    resources: Resources, x: FloatArray, y: FloatArray, out: FloatArray
) -> list[Task]:
    """Return the tasks of ``squared_distances``."""
    sums = resources.memory.scratch("squares", resources.threads * _LANES, x.dtype)
    rows = [array.reshape(len(x), x.size // max(len(x), 1)) for array in (x, y)]
    return [Task(_squares, x.size * NANOSECONDS, (*rows, sums, out))]


def gaussian_gradient_tasks(
    resources: Resources, x: FloatArray, mean: FloatArray, out: FloatArray, variance: float
) -> list[Task]:
    """Return the tasks of ``gaussian_gradient``."""
    return [each_pair_task(_gaussian_gradient, x, mean, out, variance)]


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


@kernel(inside=True)
def _gaussian_gradient(x: Any, mean: Any, variance: Any) -> Any:
    return (mean - x) / variance
