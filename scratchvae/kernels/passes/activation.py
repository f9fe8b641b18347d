"""Activation functions and their derivatives, a single pass over memory each.

Every derivative is written with the output y, which is there already. Comparisons are arranged so
that NaN comes out as NaN: a network that has gone wrong must not look right.

The functions of one number at the end are also what loops that do more are compiled with.
"""

from collections.abc import Callable
from functools import WRAPPER_ASSIGNMENTS, wraps
from typing import Any, TypeVar, cast

import numpy as np

from scratchvae.kernels import reference
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import exp, expm1, log1p_of_share
from scratchvae.kernels.machine.tasks import Resources, Task, compute
from scratchvae.kernels.passes.elementwise import (
    Function,
    check_alike,
    each_number_task,
    each_pair_task,
    number,
)
from scratchvae.validation import FloatArray, check_same_dtype

Public = TypeVar("Public", bound=Callable[..., FloatArray])

_COPIED = [name for name in WRAPPER_ASSIGNMENTS if name != "__module__"]


def _forward(definition: Public) -> Public:
    """Return the compiled kernel of an activation, which takes an array of any shape."""
    name = definition.__name__

    @wraps(definition, assigned=_COPIED)
    def activate(x: FloatArray, alpha: float = 1.0) -> FloatArray:
        check_same_dtype(f"x of {name}", x)
        return compute(activation_tasks, (x,), np.empty(x.shape, x.dtype), name, alpha)

    return cast(Public, activate)


def _backward(definition: Public) -> Public:
    """Return the compiled kernel of a derivative, which takes two arrays of the same shape."""
    name = definition.__name__

    @wraps(definition, assigned=_COPIED)
    def activate_backward(dy: FloatArray, y: FloatArray, alpha: float = 1.0) -> FloatArray:
        check_alike(f"dy and y of {name}", dy, y)
        activation = name.removesuffix("_backward")
        out = np.empty(y.shape, y.dtype)
        return compute(activation_backward_tasks, (dy, y), out, activation, alpha)

    return cast(Public, activate_backward)


relu, relu_backward = _forward(reference.relu), _backward(reference.relu_backward)
elu, elu_backward = _forward(reference.elu), _backward(reference.elu_backward)
tanh, tanh_backward = _forward(reference.tanh), _backward(reference.tanh_backward)
sigmoid, sigmoid_backward = _forward(reference.sigmoid), _backward(reference.sigmoid_backward)
softplus, softplus_backward = _forward(reference.softplus), _backward(reference.softplus_backward)


def activation_tasks(
    resources: Resources, x: FloatArray, out: FloatArray, activation: str, alpha: float = 1.0
) -> list[Task]:
    """Return the tasks of an activation of `FORWARD`; ``out`` may be ``x``."""
    return [each_number_task(FORWARD[activation], x, out, alpha)]


def activation_backward_tasks(
    resources: Resources,
    dy: FloatArray,
    y: FloatArray,
    out: FloatArray,
    activation: str,
    alpha: float = 1.0,
) -> list[Task]:
    """Return the tasks of an activation's derivative; ``out`` may be ``dy``."""
    return [each_pair_task(BACKWARD[activation], dy, y, out, alpha)]


_ZERO, _ONE, _TWENTY = number(0.0), number(1.0), number(20.0)


@kernel(inside=True)
def _identity(x: Any, alpha: Any) -> Any:
    return x


@kernel(inside=True)
def _relu(x: Any, alpha: Any) -> Any:
    return _ZERO if x < _ZERO else x


@kernel(inside=True)
def _elu(x: Any, alpha: Any) -> Any:
    below = alpha * expm1(x if x < _ZERO else _ZERO)
    return below if x < _ZERO else x


@kernel(inside=True)
def _tanh(x: Any, alpha: Any) -> Any:
    small = _TWENTY if x > _TWENTY else x  # from 20 up, tanh is 1 to the last digit
    e = expm1(small + small)  # e²ˣ − 1: accurate near 0, where e²ˣ itself is not
    return e / (e + (_ONE + _ONE))


@kernel(inside=True)
def _sigmoid(x: Any, alpha: Any) -> Any:
    decay = exp(-abs(x))
    return (decay if x < _ZERO else _ONE) / (_ONE + decay)


@kernel(inside=True)
def _softplus(x: Any, alpha: Any) -> Any:
    positive = _ZERO if x < _ZERO else x
    return positive + log1p_of_share(exp(-abs(x)))


@kernel(inside=True)
def _identity_backward(dy: Any, y: Any, alpha: Any) -> Any:
    return dy


@kernel(inside=True)
def _relu_backward(dy: Any, y: Any, alpha: Any) -> Any:
    return dy if y > _ZERO else _ZERO


@kernel(inside=True)
def _elu_backward(dy: Any, y: Any, alpha: Any) -> Any:
    return dy * (_ONE if y > _ZERO else y + alpha)


@kernel(inside=True)
def _tanh_backward(dy: Any, y: Any, alpha: Any) -> Any:
    return dy * (_ONE - y * y)


@kernel(inside=True)
def _sigmoid_backward(dy: Any, y: Any, alpha: Any) -> Any:
    return dy * (y * (_ONE - y))


@kernel(inside=True)
def _softplus_backward(dy: Any, y: Any, alpha: Any) -> Any:
    return dy * -expm1(-y)


FORWARD: dict[str, Function] = {
    "identity": _identity,
    "relu": _relu,
    "elu": _elu,
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
}
BACKWARD: dict[str, Function] = {
    "identity": _identity_backward,
    "relu": _relu_backward,
    "elu": _elu_backward,
    "tanh": _tanh_backward,
    "sigmoid": _sigmoid_backward,
    "softplus": _softplus_backward,
}
