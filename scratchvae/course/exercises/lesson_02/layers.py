"""What lesson 2 adds to the reader's own program: layers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.mistaken_layers import (
    accumulating,
    first_batch,
    mean_of_bias,
    mean_twice,
    without_bias,
)
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import ELU, Dense, Tanh
from scratchvae.validation import FloatArray

# In a stub the methods return None: what is missing is then said to be missing.


def _used_dense(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, weight: FloatArray, bias: FloatArray, dy: FloatArray) -> Any:
        layer = kind(len(weight), len(bias), np.random.default_rng(0), np.float64)
        _check_start(layer, kind(2, 3, np.random.default_rng(0), np.float32))
        layer.parameters["weight"][...] = weight
        layer.parameters["bias"][...] = bias
        # Another batch goes first: what is kept of it must not show in the next.
        if layer.forward(1 - x[::-1]) is None or layer.backward(dy[::-1].copy()) is None:
            return None
        y = layer.forward(x)
        dx, gradients = layer.backward(dy), layer.gradients
        return y, dx, gradients.get("weight"), gradients.get("bias")

    return run


def _check_start(layer: Any, single: Any) -> None:
    """Refuse a layer that cannot learn, or not in the precision that was asked for."""
    if not np.ptp(layer.parameters["weight"]):
        raise UnusableError(
            "start",
            "all weights are equal at the start, and would stay so: draw them with rng.uniform",
        )
    found = {array.dtype.name for array in single.parameters.values()}
    if found != {"float32"}:
        raise UnusableError(
            "dtype", f"with dtype=np.float32 its parameters must be float32, not {found.pop()}"
        )


def _draw_dense(random: np.random.Generator) -> tuple[FloatArray, ...]:
    count, inputs, outputs = unequal_sizes(random, 3)
    shapes = (count, inputs), (inputs, outputs), (outputs,), (count, outputs)
    return tuple(random.standard_normal(shape) for shape in shapes)


DENSE_LAYER = Exercise(
    name="dense-layer",
    piece="Dense",
    answer=Dense,
    use=_used_dense,
    draw=_draw_dense,
    mistakes={
        "the gradients of weight and bias are divided by the number of examples; the mean is taken "
        "once, by the loss": mean_twice(Dense),
        "the bias's gradient is a sum over the examples, not their mean": mean_of_bias(Dense),
        "forwards, the bias is missing": without_bias(Dense),
        "the gradients of one batch are added to those of the batch before: backward must fill "
        "them anew, with = and not +=": accumulating(Dense),
        "backward uses the x of an earlier batch: forward must keep its x in every call": (
            first_batch(Dense)
        ),
    },
    hints=(
        "forward is (2.1). backward needs x again: keep it in forward, as self.x.",
        "backward fills self.gradients by (2.5) and (2.6), and returns (2.4).",
        'self.gradients = {"weight": …, "bias": …}, then return dy @ … .T',
    ),
    returns=("y", "dx", "the weight's gradient", "the bias's gradient"),
)


def _used_tanh(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, dy: FloatArray) -> Any:
        layer = kind()
        y = layer.forward(x)
        return None if y is None else (y, layer.backward(dy))

    return run


class _SlopeOfX(Tanh):
    def forward(self, x: FloatArray) -> FloatArray:
        y = super().forward(x)
        self.x = x
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * (1 - self.x**2)
        return dx


class _SlopeUnsquared(Tanh):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * (1 - self.y)
        return dx


class _TanhTwice(Tanh):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * (1 - np.tanh(self.y) ** 2)
        return dx


class _OnlySlope(Tanh):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = 1 - self.y**2
        return dx


def draw_pair(random: np.random.Generator) -> tuple[FloatArray, ...]:
    """Return two arrays of the same shape."""
    x, dy = random.standard_normal((2, *unequal_sizes(random, 2)))
    return x, dy


TANH_LAYER = Exercise(
    name="tanh-layer",
    piece="Tanh",
    answer=Tanh,
    use=_used_tanh,
    draw=draw_pair,
    mistakes={
        "the slope is 1 − y² with the output y, not with x": _SlopeOfX,
        "the slope of tanh is 1 − y², with a square": _SlopeUnsquared,
        "y is the tanh already: the slope is 1 − y², without another tanh": _TanhTwice,
        "that is only the slope; the chain rule multiplies it by dy": _OnlySlope,
    },
    hints=(
        "forward keeps what backward needs, which is the output y.",
        "backward is (2.7) with 1 − y² for the slope.",
    ),
    returns=("y", "dx"),
)


def _used_elu(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, dy: FloatArray, alpha: float) -> Any:
        layer, usual = kind(alpha), kind()
        y = layer.forward(x)
        return None if y is None else (y, layer.backward(dy), usual.forward(x))

    return run


class _AlwaysOne(ELU):
    def forward(self, x: FloatArray) -> FloatArray:
        self.y = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        return self.y


class _ExponentialOfY(ELU):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * np.where(self.y > 0, 1, self.alpha * np.exp(np.minimum(self.y, 0)))
        return dx


class _PlusOne(ELU):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * np.where(self.y > 0, 1, self.y + 1)
        return dx


class _Linear(ELU):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * np.where(self.y > 0, 1, self.alpha)
        return dx


ELU_LAYER = Exercise(
    name="elu-layer",
    piece="ELU",
    answer=ELU,
    use=_used_elu,
    draw=lambda random: (*draw_pair(random), float(random.uniform(1.2, 2.0))),
    mistakes={
        "alpha is missing forwards: on the left y is alpha (eˣ − 1)": _AlwaysOne,
        "on the left the slope is y + alpha, not alpha": _Linear,
        "on the left the slope is y + alpha; y + 1 is right for alpha = 1 only": _PlusOne,
        "on the left the slope is alpha eˣ, and you took the exponential of y": _ExponentialOfY,
    },
    hints=(
        "np.where(x > 0, x, …) chooses entry by entry.",
        "backward is elu_backward, with the y that forward keeps as self.y.",
    ),
    returns=("y", "dx", "y with the usual alpha, 1"),
)
