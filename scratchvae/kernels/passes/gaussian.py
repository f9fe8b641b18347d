"""The Gaussian likelihood of a fixed variance: its squares and its gradient, a pass each."""

from typing import Any

import numpy as np

from scratchvae.kernels.machine.arena import empty
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, compute
from scratchvae.kernels.passes.elementwise import check_alike, each_pair_task, sum_of_pairs_task
from scratchvae.validation import FloatArray


def squared_distances(x: FloatArray, y: FloatArray, weight: float = 1.0) -> FloatArray:
    """Return weight · Σ (x − y)², (N,). Definition: ``reference.squared_distances``."""
    check_alike("x and y of squared_distances", x, y)
    return compute(squared_distances_tasks, (x, y), np.empty(len(x), x.dtype), weight)


def gaussian_gradient(x: FloatArray, mean: FloatArray, variance: float) -> FloatArray:
    """Return (mean − x) / variance. Definition: ``reference.gaussian_gradient``."""
    check_alike("x and mean of gaussian_gradient", x, mean)
    return compute(gaussian_gradient_tasks, (x, mean), empty(x.shape, x.dtype), variance)


def squared_distances_tasks(
    resources: Resources, x: FloatArray, y: FloatArray, out: FloatArray, weight: float = 1.0
) -> list[Task]:
    """Return the tasks of ``squared_distances``."""
    return [sum_of_pairs_task(resources, _squared_difference, x, y, out, weight)]


def gaussian_gradient_tasks(
    resources: Resources, x: FloatArray, mean: FloatArray, out: FloatArray, variance: float
) -> list[Task]:
    """Return the tasks of ``gaussian_gradient``."""
    return [each_pair_task(_gaussian_gradient, x, mean, out, variance)]


@kernel(inside=True)
def _squared_difference(x: Any, y: Any, weight: Any) -> Any:
    return (x - y) * (x - y) * weight


@kernel(inside=True)
def _gaussian_gradient(x: Any, mean: Any, variance: Any) -> Any:
    return (mean - x) / variance
