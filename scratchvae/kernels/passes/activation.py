"""Activation functions and their derivatives, a single pass over memory each.

Every derivative is written with the output y, which is there already. In the loops, comparisons
are arranged so that NaN comes out as NaN: a network that has gone wrong must not look right.
"""

import numpy as np

from scratchvae.errors import InputError
from scratchvae.kernels.machine.arguments import Array, require_shape, result
from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import exp, expm1, log1p_of_share
from scratchvae.kernels.machine.threads import run_parts
from scratchvae.validation import FloatArray

KINDS = {"relu": 0, "elu": 1, "tanh": 2, "sigmoid": 3, "softplus": 4}
_RELU, _ELU, _TANH, _SIGMOID = KINDS["relu"], KINDS["elu"], KINDS["tanh"], KINDS["sigmoid"]
_NANOSECONDS = 0.5  # a number, roughly: what a pass over memory costs


def activation_forward(
    kind: str, x: FloatArray, alpha: float = 1.0, out: FloatArray | None = None
) -> FloatArray:
    """Return the function ``kind`` of each number of ``x``.

    Parameters
    ----------
    kind
        ``"relu"``, ``"elu"``, ``"tanh"``, ``"sigmoid"`` or ``"softplus"``.
    x
        Any shape, float32 or float64.
    alpha
        Of ``"elu"``.
    out
        Where to put the result; it may be ``x`` itself.
    """
    return _run(_forward, "activation_forward", kind, alpha, (x,), out)


def activation_backward(
    kind: str, dy: FloatArray, y: FloatArray, alpha: float = 1.0, out: FloatArray | None = None
) -> FloatArray:
    """Return ``dy`` times the derivative of ``kind`` where its output is ``y``.

    ``out`` may be ``dy`` itself. See ``activation_forward``.

    Raises
    ------
    InputError
        If ``dy`` is not of the shape of ``y``.
    """
    require_shape("activation_backward", "dy", dy, y.shape)
    return _run(_backward, "activation_backward", kind, alpha, (dy, y), out)


def _run(
    one_part: Kernel,
    name: str,
    kind: str,
    alpha: float,
    inputs: tuple[FloatArray, ...],
    out: FloatArray | None,
) -> FloatArray:
    if kind not in KINDS:
        raise InputError(f"{name} expected one of {', '.join(KINDS)}, got {kind!r}")
    first = inputs[0]
    out = result(name, first.shape, first.dtype, out, False)
    flat = [np.ascontiguousarray(array).reshape(-1) for array in inputs]
    work = first.size * _NANOSECONDS
    run_parts(one_part, work, KINDS[kind], first.dtype.type(alpha), *flat, out.reshape(-1))
    return out


@kernel()
def _forward(part: int, parts: int, kind: int, alpha: float, x: Array, y: Array) -> None:
    if part == ALL:
        return run_all(parts)
    zero, one, limit = x.dtype.type(0), x.dtype.type(1), x.dtype.type(20)
    first, last = bounds(part, parts, x.size)
    x, y = x[first:last], y[first:last]
    if kind == _RELU:
        for i in range(y.size):
            y[i] = zero if x[i] < zero else x[i]
    elif kind == _ELU:
        for i in range(y.size):
            negative = x[i] if x[i] < zero else zero
            below = alpha * expm1(negative)
            y[i] = below if x[i] < zero else x[i]
    elif kind == _TANH:
        for i in range(y.size):
            small = limit if x[i] > limit else x[i]  # from 20 up, tanh is 1 to the last digit
            e = expm1(small + small)  # e²ˣ − 1: accurate near 0, where e²ˣ itself is not
            y[i] = e / (e + (one + one))
    elif kind == _SIGMOID:
        for i in range(y.size):
            decay = exp(-abs(x[i]))
            y[i] = (decay if x[i] < zero else one) / (one + decay)
    else:
        for i in range(y.size):
            positive = zero if x[i] < zero else x[i]
            y[i] = positive + log1p_of_share(exp(-abs(x[i])))


@kernel()
def _backward(
    part: int, parts: int, kind: int, alpha: float, dy: Array, y: Array, dx: Array
) -> None:
    if part == ALL:
        return run_all(parts)
    zero, one = y.dtype.type(0), y.dtype.type(1)
    first, last = bounds(part, parts, y.size)
    dy, y, dx = dy[first:last], y[first:last], dx[first:last]
    if kind == _RELU:
        for i in range(y.size):
            dx[i] = dy[i] if y[i] > zero else zero
    elif kind == _ELU:
        for i in range(y.size):
            dx[i] = dy[i] * (one if y[i] > zero else y[i] + alpha)
    elif kind == _TANH:
        for i in range(y.size):
            dx[i] = dy[i] * (one - y[i] * y[i])
    elif kind == _SIGMOID:
        for i in range(y.size):
            dx[i] = dy[i] * (y[i] * (one - y[i]))
    else:
        for i in range(y.size):
            dx[i] = dy[i] * -expm1(-y[i])
