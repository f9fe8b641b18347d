"""The Bernoulli likelihood from logits: its terms and its gradient, a pass over memory each."""

import numpy as np

from scratchvae.kernels.machine.arguments import Array, require_shape, result
from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import exp, log1p_of_share
from scratchvae.kernels.machine.threads import run_parts
from scratchvae.validation import FloatArray

_NANOSECONDS = 0.5  # a number, roughly


def bernoulli_cross_entropy(
    x: FloatArray, logits: FloatArray, out: FloatArray | None = None
) -> FloatArray:
    """Return ``−x log p − (1 − x) log(1 − p)`` with p = sigmoid(logits), entry by entry.

    It is ``softplus(logits) − x·logits``, in an order that subtracts the large parts first: they
    cancel exactly where x is 0 or 1, and what is left keeps all its digits.

    Raises
    ------
    InputError
        If ``x`` is not of the shape of ``logits``.
    """
    return _run(_terms, "bernoulli_cross_entropy", x, logits, out)


def bernoulli_gradient(
    x: FloatArray, logits: FloatArray, out: FloatArray | None = None
) -> FloatArray:
    """Return ``sigmoid(logits) − x``, the derivative of the cross-entropy in the logits.

    It raises what ``bernoulli_cross_entropy`` does.
    """
    return _run(_gradient, "bernoulli_gradient", x, logits, out)


def _run(
    one_part: Kernel, name: str, x: FloatArray, logits: FloatArray, out: FloatArray | None
) -> FloatArray:
    require_shape(name, "x", x, logits.shape)
    out = result(name, logits.shape, logits.dtype, out, False)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in (x, logits)]
    run_parts(one_part, x.size * _NANOSECONDS, *flat, out.reshape(-1))
    return out


@kernel()
def _terms(part: int, parts: int, x: Array, logits: Array, terms: Array) -> None:
    if part == ALL:
        return run_all(parts)
    zero = x.dtype.type(0)
    first, last = bounds(part, parts, x.size)
    x, logits, terms = x[first:last], logits[first:last], terms[first:last]
    for i in range(x.size):
        a = logits[i]
        positive = zero if a < zero else a
        terms[i] = (positive - x[i] * a) + log1p_of_share(exp(-abs(a)))


@kernel()
def _gradient(part: int, parts: int, x: Array, logits: Array, gradient: Array) -> None:
    if part == ALL:
        return run_all(parts)
    zero, one = x.dtype.type(0), x.dtype.type(1)
    first, last = bounds(part, parts, x.size)
    x, logits, gradient = x[first:last], logits[first:last], gradient[first:last]
    for i in range(x.size):
        a = logits[i]
        decay = exp(-abs(a))
        gradient[i] = (decay if a < zero else one) / (one + decay) - x[i]
