"""The Bernoulli likelihood from logits: its terms and its gradient, a pass over memory each."""

import numpy as np

from scratchvae.kernels.machine.arena import empty
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import exp, log1p_of_share
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.validation import Array, FloatArray, check_same_dtype, check_same_shape

_NANOSECONDS = 0.5  # rough cost of a number


def bernoulli_cross_entropy(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return ``−x log p − (1 − x) log(1 − p)`` with p = sigmoid(logits), entry by entry.

    It is ``softplus(logits) − x·logits``, in an order that subtracts the large parts first: they
    cancel exactly where x is 0 or 1, and what is left keeps all its digits. An `InputError` is
    raised unless ``x`` and ``logits`` are of one shape and dtype.
    Definition: ``reference.bernoulli_cross_entropy``.
    """
    out, resources = _checked("bernoulli_cross_entropy", x, logits), present_resources()
    arrays = (np.ascontiguousarray(x), np.ascontiguousarray(logits), out)
    run(bernoulli_cross_entropy_tasks(resources, *arrays), resources.threads)
    return out


def bernoulli_gradient(x: FloatArray, logits: FloatArray) -> FloatArray:
    """Return ``sigmoid(logits) − x``, the derivative of the cross-entropy in the logits.

    It raises what ``bernoulli_cross_entropy`` does. Definition: ``reference.bernoulli_gradient``.
    """
    out, resources = _checked("bernoulli_gradient", x, logits), present_resources()
    arrays = (np.ascontiguousarray(x), np.ascontiguousarray(logits), out)
    run(bernoulli_gradient_tasks(resources, *arrays), resources.threads)
    return out


def _checked(name: str, x: FloatArray, logits: FloatArray) -> FloatArray:
    check_same_dtype(f"x and logits of {name}", x, logits)
    check_same_shape(x, logits, f"x and logits of {name}")
    return empty(x.shape, x.dtype)


def bernoulli_cross_entropy_tasks(
    resources: Resources, x: FloatArray, logits: FloatArray, out: FloatArray
) -> list[Task]:
    """Return the tasks of ``bernoulli_cross_entropy``."""
    arrays = (x.reshape(-1), logits.reshape(-1), out.reshape(-1))
    return [Task(_cross_entropy, x.size * _NANOSECONDS, arrays)]


def bernoulli_gradient_tasks(
    resources: Resources, x: FloatArray, logits: FloatArray, out: FloatArray
) -> list[Task]:
    """Return the tasks of ``bernoulli_gradient``."""
    arrays = (x.reshape(-1), logits.reshape(-1), out.reshape(-1))
    return [Task(_gradient, x.size * _NANOSECONDS, arrays)]


@kernel()
def _cross_entropy(chunk: int, chunks: int, x: Array, logits: Array, terms: Array) -> None:
    if chunk == ALL:
        return run_all(chunks)
    zero = x.dtype.type(0)
    first, last = bounds(chunk, chunks, x.size)
    x, logits, terms = x[first:last], logits[first:last], terms[first:last]
    for i in range(x.size):
        a = logits[i]
        positive = zero if a < zero else a
        terms[i] = (positive - x[i] * a) + log1p_of_share(exp(-abs(a)))


@kernel()
def _gradient(chunk: int, chunks: int, x: Array, logits: Array, gradient: Array) -> None:
    if chunk == ALL:
        return run_all(chunks)
    zero, one = x.dtype.type(0), x.dtype.type(1)
    first, last = bounds(chunk, chunks, x.size)
    x, logits, gradient = x[first:last], logits[first:last], gradient[first:last]
    for i in range(x.size):
        a = logits[i]
        decay = exp(-abs(a))
        gradient[i] = (decay if a < zero else one) / (one + decay) - x[i]
