"""Adam's step in one pass over memory: four arrays are read, three written."""

import math

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.validation import Array, FloatArray, check_in_place, check_same_dtype, check_shape

_NANOSECONDS = 1.0  # rough cost of a number
ADAM_FACTORS = 7  # how many numbers `adam_factors` fills


def adam_step(
    value: FloatArray,
    grad: FloatArray,
    first: FloatArray,
    second: FloatArray,
    *,
    step: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Change ``value`` and the two moments, in place, by the ``step``-th step of Adam.

    Definition: ``reference.adam_step``. An `InputError` is raised unless all arrays have one shape
    and dtype, and those that are changed are writeable and in C order.
    """
    check_same_dtype("the arrays of adam_step", value, grad, first, second)
    for name, array in (("value", value), ("first", first), ("second", second)):
        check_shape(array, f"{name} of adam_step", grad.shape)
        check_in_place(array, f"{name} of adam_step")
    factors, resources = np.empty(ADAM_FACTORS, value.dtype), present_resources()
    adam_factors(factors, step, learning_rate, beta_1, beta_2, epsilon)
    arrays = (value, np.ascontiguousarray(grad), first, second)
    run(adam_tasks(resources, *arrays, factors), resources.threads)


def adam_factors(
    factors: FloatArray,
    step: int,
    learning_rate: float,
    beta_1: float,
    beta_2: float,
    epsilon: float,
) -> None:
    """Fill ``factors``, of `ADAM_FACTORS` numbers, for the ``step``-th step."""
    factors[:] = (
        beta_1,
        1 - beta_1,
        beta_2,
        1 - beta_2,
        epsilon,
        learning_rate / (1 - beta_1**step),
        1 / math.sqrt(1 - beta_2**step),
    )


def adam_tasks(
    resources: Resources,
    value: FloatArray,
    grad: FloatArray,
    first: FloatArray,
    second: FloatArray,
    factors: FloatArray,
) -> list[Task]:
    """Return the tasks of a step of Adam by ``factors``, as `adam_factors` fills them."""
    arrays = tuple(array.reshape(-1) for array in (value, grad, first, second))
    return [Task(_step, value.size * _NANOSECONDS, (*arrays, factors))]


@kernel()
def _step(
    chunk: int, chunks: int, value: Array, grad: Array, first: Array, second: Array, factors: Array
) -> None:
    if chunk == ALL:
        return run_all(chunks)
    keep_1, take_1, keep_2, take_2 = factors[0], factors[1], factors[2], factors[3]
    epsilon, rate, correction = factors[4], factors[5], factors[6]
    start, end = bounds(chunk, chunks, value.size)
    value, grad = value[start:end], grad[start:end]
    first, second = first[start:end], second[start:end]
    for i in range(value.size):
        first[i] = keep_1 * first[i] + take_1 * grad[i]
        second[i] = keep_2 * second[i] + take_2 * (grad[i] * grad[i])
        value[i] -= rate * first[i] / (math.sqrt(second[i]) * correction + epsilon)
