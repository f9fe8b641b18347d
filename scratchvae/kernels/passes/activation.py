"""Activation functions and their derivatives, a single pass over memory each.

Every derivative is written with the output y, which is there already. Comparisons are arranged so
that NaN comes out as NaN: a network that has gone wrong must not look right.

The functions of one number at the end are what every fused loop is compiled with, too (see
`specialised`): a loop that asked at each number which activation is meant would take twice as long.
"""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import exp, expm1, log1p_of_share
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED
from scratchvae.kernels.machine.tasks import Resources, Task, present_resources, run
from scratchvae.validation import Array, FloatArray, check_same_dtype, check_same_shape

_NANOSECONDS = 0.5  # rough cost of a pass over memory, per number

Function = Callable[..., Any]


def relu(x: FloatArray) -> FloatArray:
    """Return max(x, 0). Definition: ``reference.relu``.

    Like the other activations it takes any shape, and raises an `InputError` unless ``x`` holds
    float32 or float64.
    """
    return _forward("relu", x)


def relu_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return ``dy`` times the derivative of ReLU where its output is ``y``.

    Like the other derivatives it raises an `InputError` unless ``dy`` and ``y`` are of one shape
    and dtype. Definition: ``reference.relu_backward``.
    """
    return _backward("relu", dy, y)


def elu(x: FloatArray, alpha: float = 1.0) -> FloatArray:
    """Return x where it is above 0, else α (eˣ − 1). Definition: ``reference.elu``."""
    return _forward("elu", x, alpha)


def elu_backward(dy: FloatArray, y: FloatArray, alpha: float = 1.0) -> FloatArray:
    """Return ``dy`` times ELU's derivative. Definition: ``reference.elu_backward``."""
    return _backward("elu", dy, y, alpha)


def tanh(x: FloatArray) -> FloatArray:
    """Return tanh(x). Definition: ``reference.tanh``."""
    return _forward("tanh", x)


def tanh_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return ``dy`` (1 − y²). Definition: ``reference.tanh_backward``."""
    return _backward("tanh", dy, y)


def sigmoid(x: FloatArray) -> FloatArray:
    """Return 1 / (1 + e⁻ˣ). Definition: ``reference.sigmoid``."""
    return _forward("sigmoid", x)


def sigmoid_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return ``dy`` y (1 − y). Definition: ``reference.sigmoid_backward``."""
    return _backward("sigmoid", dy, y)


def softplus(x: FloatArray) -> FloatArray:
    """Return log(1 + eˣ). Definition: ``reference.softplus``."""
    return _forward("softplus", x)


def softplus_backward(dy: FloatArray, y: FloatArray) -> FloatArray:
    """Return ``dy`` (1 − e⁻ʸ). Definition: ``reference.softplus_backward``."""
    return _backward("softplus", dy, y)


def activation_tasks(
    resources: Resources, x: FloatArray, out: FloatArray, activation: str, alpha: float = 1.0
) -> list[Task]:
    """Return the tasks of an activation of `ACTIVATIONS`; ``out`` may be ``x``."""
    arguments = (x.reshape(-1), out.reshape(-1), x.dtype.type(alpha))
    return [Task(_activate(activation), x.size * _NANOSECONDS, arguments)]


def activation_backward_tasks(
    resources: Resources,
    dy: FloatArray,
    y: FloatArray,
    out: FloatArray,
    activation: str,
    alpha: float = 1.0,
) -> list[Task]:
    """Return the tasks of an activation's derivative; ``out`` may be ``dy``."""
    arguments = (dy.reshape(-1), y.reshape(-1), out.reshape(-1), y.dtype.type(alpha))
    return [Task(_activate_backward(activation), y.size * _NANOSECONDS, arguments)]


def _forward(activation: str, x: FloatArray, alpha: float = 1.0) -> FloatArray:
    check_same_dtype(f"x of {activation}", x)
    out, resources = np.empty(x.shape, x.dtype), present_resources()
    tasks = activation_tasks(resources, np.ascontiguousarray(x), out, activation, alpha)
    run(tasks, resources.threads)
    return out


def _backward(activation: str, dy: FloatArray, y: FloatArray, alpha: float = 1.0) -> FloatArray:
    names = f"dy and y of {activation}_backward"
    check_same_dtype(names, dy, y)
    check_same_shape(dy, y, names)
    out, resources = np.empty(y.shape, y.dtype), present_resources()
    arrays = (np.ascontiguousarray(dy), np.ascontiguousarray(y), out)
    run(activation_backward_tasks(resources, *arrays, activation, alpha), resources.threads)
    return out


def _constant(number: float) -> Any:
    """Return a number that takes the type of what it meets.

    Numba takes the wider type of two; without a compiler, Python's own numbers adapt to NumPy's.
    """
    return number if JIT_DISABLED else np.float32(number)


_ZERO, _ONE, _TWENTY = _constant(0.0), _constant(1.0), _constant(20.0)


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
ACTIVATIONS = tuple(FORWARD)


def specialised(
    functions: Mapping[str, Function],
) -> Callable[[Callable[[Function], Kernel]], Callable[[str], Kernel]]:
    """Compile a kernel once for each activation that it is asked for.

    What is decorated makes the kernel's code from a function of one number of ``functions``. It
    becomes a function that returns the kernel of an activation's name.
    """

    def decorate(make: Callable[[Function], Kernel]) -> Callable[[str], Kernel]:
        @cache
        def specialise(activation: str) -> Kernel:
            code = make(functions[activation])
            # The name under which the machine code is kept on disk.
            code.__name__ = code.__qualname__ = f"{make.__name__}.{activation}"
            return kernel()(code)

        return specialise

    return decorate


@specialised(FORWARD)
def _activate(function: Function) -> Kernel:
    def code(chunk: int, chunks: int, x: Array, y: Array, alpha: float) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first, last = bounds(chunk, chunks, x.size)
        x, y = x[first:last], y[first:last]
        for i in range(y.size):
            y[i] = function(x[i], alpha)

    return code


@specialised(BACKWARD)
def _activate_backward(function: Function) -> Kernel:
    def code(chunk: int, chunks: int, dy: Array, y: Array, dx: Array, alpha: float) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first, last = bounds(chunk, chunks, y.size)
        dy, y, dx = dy[first:last], y[first:last], dx[first:last]
        for i in range(y.size):
            dx[i] = function(dy[i], y[i], alpha)

    return code
