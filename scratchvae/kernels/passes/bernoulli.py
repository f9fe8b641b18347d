"""The Bernoulli likelihood from logits: its terms and its gradient, a pass over memory each."""

from typing import Any

import numpy as np

from scratchvae.kernels.machine.arena import empty
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import exp, log1p_of_share
from scratchvae.kernels.machine.tasks import Resources, Task, compute
from scratchvae.kernels.passes.elementwise import (
    check_alike,
    each_pair_task,
    number,
    sum_of_pairs_task,
)
from scratchvae.validation import FloatArray

_ZERO, _ONE = number(0.0), number(1.0)


def bernoulli_cross_entropy(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return softplus(logits) − x · logits. Definition: ``reference.bernoulli_cross_entropy``.

    The large parts are subtracted first: they cancel exactly where x is 0 or 1, and what is left
    keeps all its digits.
    """
    check_alike("x and logits of bernoulli_cross_entropy", x, logits)
    return compute(bernoulli_cross_entropy_tasks, (x, logits), empty(x.shape, x.dtype))


def bernoulli_cross_entropy_sum(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return its sums, (N,). Definition: ``reference.bernoulli_cross_entropy_sum``."""
    check_alike("x and logits of bernoulli_cross_entropy_sum", x, logits)
    return compute(bernoulli_cross_entropy_sum_tasks, (x, logits), np.empty(len(x), x.dtype))


def bernoulli_gradient(x: FloatArray, logits: FloatArray, weight: float = 1.0) -> FloatArray:
    """Return weight · (sigmoid(logits) − x). Definition: ``reference.bernoulli_gradient``."""
    check_alike("x and logits of bernoulli_gradient", x, logits)
    return compute(bernoulli_gradient_tasks, (x, logits), empty(x.shape, x.dtype), weight)


def bernoulli_cross_entropy_tasks(
    resources: Resources, x: FloatArray, logits: FloatArray, out: FloatArray
) -> list[Task]:
    """Return the tasks of ``bernoulli_cross_entropy``."""
    return [each_pair_task(_bernoulli_cross_entropy, x, logits, out)]


def bernoulli_cross_entropy_sum_tasks(
    resources: Resources, x: FloatArray, logits: FloatArray, out: FloatArray
) -> list[Task]:
    """Return the tasks of ``bernoulli_cross_entropy_sum``."""
    return [sum_of_pairs_task(resources, _bernoulli_cross_entropy, x, logits, out)]


def bernoulli_gradient_tasks(
    resources: Resources,
    x: FloatArray,
    logits: FloatArray,
    out: FloatArray,
    weight: float = 1.0,
) -> list[Task]:
    """Return the tasks of ``bernoulli_gradient``."""
    return [each_pair_task(_bernoulli_gradient, x, logits, out, weight)]


@kernel(inside=True)
def _bernoulli_cross_entropy(x: Any, logit: Any, unused: Any) -> Any:
    positive = _ZERO if logit < _ZERO else logit
    return (positive - x * logit) + log1p_of_share(exp(-abs(logit)))


@kernel(inside=True)
def _bernoulli_gradient(x: Any, logit: Any, weight: Any) -> Any:
    decay = exp(-abs(logit))
    return ((decay if logit < _ZERO else _ONE) / (_ONE + decay) - x) * weight
