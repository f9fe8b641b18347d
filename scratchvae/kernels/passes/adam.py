"""Adam's step in one pass over memory: four arrays are read, three written."""

import math
from functools import lru_cache
from typing import Any

import numpy as np

from scratchvae.kernels.machine.arguments import Array, require_c_order, require_shape
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.threads import run_parts
from scratchvae.validation import FloatArray

_NANOSECONDS = 1.0  # a number, roughly


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

    All arrays have one shape, and those that are changed are in C order. See
    ``scratchvae.training.Adam`` for the formula.

    Raises
    ------
    InputError
        If they are not.
    """
    for what, array in (("value", value), ("first", first), ("second", second)):
        require_shape("adam_step", what, array, grad.shape)
        # A flat view of another order would be a copy, and the step would be lost in it.
        require_c_order("adam_step", what, array)
    scalar = value.dtype.type
    rate = scalar(learning_rate / (1 - beta_1**step))
    correction = scalar(1 / math.sqrt(1 - beta_2**step))
    arrays = [array.reshape(-1) for array in (value, grad, first, second)]
    factors = _factors(value.dtype, beta_1, beta_2, epsilon)
    work = value.size * _NANOSECONDS
    run_parts(_step, work, *arrays, *factors, rate, correction)


@lru_cache(maxsize=64)
def _factors(dtype: np.dtype[Any], beta_1: float, beta_2: float, epsilon: float) -> tuple[Any, ...]:
    """Return what stays the same from step to step, in the type of the arrays."""
    numbers = (beta_1, 1 - beta_1, beta_2, 1 - beta_2, epsilon)
    return tuple(dtype.type(number) for number in numbers)


@kernel()
def _step(
    part: int,
    parts: int,
    value: Array,
    grad: Array,
    first: Array,
    second: Array,
    keep_1: float,
    take_1: float,
    keep_2: float,
    take_2: float,
    epsilon: float,
    rate: float,
    correction: float,
) -> None:
    if part == ALL:
        return run_all(parts)
    start, end = bounds(part, parts, value.size)
    value, grad = value[start:end], grad[start:end]
    first, second = first[start:end], second[start:end]
    for i in range(value.size):
        first[i] = keep_1 * first[i] + take_1 * grad[i]
        second[i] = keep_2 * second[i] + take_2 * (grad[i] * grad[i])
        value[i] -= rate * first[i] / (math.sqrt(second[i]) * correction + epsilon)
