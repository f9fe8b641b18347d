"""From an encoder's output to latents and their KL, and back: one pass over small arrays each."""

import math
from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import exp, expm1, log1p_of_share
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.kernels.passes.elementwise import Function, number, specialised
from scratchvae.validation import Array, FloatArray, check_same_dtype, check_shape

_NANOSECONDS = 20.0  # rough cost of a latent: a few exponentials, one at a time

_ZERO, _HALF, _ONE = number(0.0), number(0.5), number(1.0)


def latents_forward(
    hidden: FloatArray, eps: FloatArray, floor: float | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return log-variances, draws and KLs. Definition: ``reference.latents_forward``."""
    _check("latents_forward", hidden, eps=eps)
    log_variance, z = (np.empty(eps.shape, eps.dtype) for _ in range(2))
    out = log_variance, z, np.empty(len(eps), eps.dtype)
    read = np.ascontiguousarray(hidden), np.ascontiguousarray(eps)
    resources = present_resources()
    run(latents_forward_tasks(resources, *read, *out, floor), resources.threads)
    return out


def latents_backward(
    dz: FloatArray,
    hidden: FloatArray,
    log_variance: FloatArray,
    eps: FloatArray,
    kl_weight: float,
    floor: float | None = None,
) -> FloatArray:
    """Return ∂loss/∂hidden. Definition: ``reference.latents_backward``."""
    _check("latents_backward", hidden, eps=eps, dz=dz, log_variance=log_variance)
    d_hidden, weight = np.empty(hidden.shape, hidden.dtype), np.full(1, kl_weight, hidden.dtype)
    dz, hidden = np.ascontiguousarray(dz), np.ascontiguousarray(hidden)
    read = dz, hidden, np.ascontiguousarray(log_variance), np.ascontiguousarray(eps)
    resources = present_resources()
    run(latents_backward_tasks(resources, *read, weight, d_hidden, floor), resources.threads)
    return d_hidden


def latents_forward_tasks(
    resources: Resources,
    hidden: FloatArray,
    eps: FloatArray,
    log_variance: FloatArray,
    z: FloatArray,
    kl: FloatArray,
    floor: float | None,
) -> list[Task]:
    """Return the tasks of ``latents_forward``."""
    arrays = (hidden, eps, log_variance, z, kl)
    function = _forward(_same if floor is None else _log_softplus)
    return [Task(function, eps.size * _NANOSECONDS, (*arrays, hidden.dtype.type(floor or 0)))]


def latents_backward_tasks(
    resources: Resources,
    dz: FloatArray,
    hidden: FloatArray,
    log_variance: FloatArray,
    eps: FloatArray,
    kl_weight: FloatArray,
    d_hidden: FloatArray,
    floor: float | None,
) -> list[Task]:
    """Return the tasks of ``latents_backward``, which find ``kl_weight`` in an array (1,)."""
    arrays = (dz, hidden, log_variance, eps, kl_weight, d_hidden)
    function = _backward(_slope_of_same if floor is None else _slope_of_log_softplus)
    return [Task(function, eps.size * _NANOSECONDS, arrays)]


@specialised
def _forward(head: Function) -> Kernel:
    def code(
        chunk: int,
        chunks: int,
        hidden: Array,
        eps: Array,
        log_variance: Array,
        z: Array,
        kl: Array,
        floor: float,
    ) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first, last = bounds(chunk, chunks, len(eps))
        latents = eps.shape[1]
        for n in range(first, last):
            total = np.float64(0)
            for j in range(latents):
                mean, value = hidden[n, j], head(hidden[n, latents + j], floor)
                log_variance[n, j] = value
                z[n, j] = mean + exp(_HALF * value) * eps[n, j]
                total += (_excess(value) - value) + mean * mean
            kl[n] = 0.5 * total

    return code


@specialised
def _backward(slope: Function) -> Kernel:
    def code(
        chunk: int,
        chunks: int,
        dz: Array,
        hidden: Array,
        log_variance: Array,
        eps: Array,
        kl_weight: Array,
        d_hidden: Array,
    ) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first, last = bounds(chunk, chunks, len(eps))
        latents, weight = eps.shape[1], kl_weight[0]
        for n in range(first, last):
            for j in range(latents):
                value, through_z = log_variance[n, j], dz[n, j]
                d_hidden[n, j] = through_z + weight * hidden[n, j]
                through_z *= exp(_HALF * value) * eps[n, j]
                d_value = _HALF * (through_z + weight * _excess(value))
                d_hidden[n, latents + j] = d_value * slope(hidden[n, latents + j], value)

    return code


@kernel(inside=True)
def _excess(x: Any) -> Any:
    """Return eˣ − 1, infinity where eˣ is: a loss that has become infinite must look so."""
    return exp(x) - _ONE if x > _ONE else expm1(x)


@kernel(inside=True)
def _same(raw: Any, floor: Any) -> Any:
    return raw


@kernel(inside=True)
def _log_softplus(raw: Any, floor: Any) -> Any:
    positive = _ZERO if raw < _ZERO else raw
    return math.log(positive + log1p_of_share(exp(-abs(raw))) + floor)


@kernel(inside=True)
def _slope_of_same(raw: Any, log_variance: Any) -> Any:
    return _ONE


@kernel(inside=True)
def _slope_of_log_softplus(raw: Any, log_variance: Any) -> Any:
    decay = exp(-abs(raw))
    return (decay if raw < _ZERO else _ONE) / (_ONE + decay) * exp(-log_variance)


def _check(name: str, hidden: FloatArray, **arrays: FloatArray) -> None:
    """Raise an `InputError` unless all but ``hidden`` are (N, D), and that is (N, 2D)."""
    check_same_dtype(f"the arrays of {name}", hidden, *arrays.values())
    if arrays["eps"].ndim != 2:
        raise InputError(f"eps of {name} must be of shape (N, D), not {arrays['eps'].shape}")
    images, latents = arrays["eps"].shape
    check_shape(hidden, f"hidden of {name}", (images, 2 * latents))
    for argument, array in arrays.items():
        check_shape(array, f"{argument} of {name}", (images, latents))
