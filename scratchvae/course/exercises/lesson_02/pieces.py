"""What lesson 2 adds to the reader's own program: layers, a loss, and slopes to check them by."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import ELU, Dense, Sequential, Tanh, slopes, squared_error
from scratchvae.validation import FloatArray

# In a stub the methods return None: what is missing is then said to be missing.


def _used_dense(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, weight: FloatArray, bias: FloatArray, dy: FloatArray) -> Any:
        layer = kind(len(weight), len(bias), np.random.default_rng(0))
        layer.parameters["weight"][...] = weight
        layer.parameters["bias"][...] = bias
        if (y := layer.forward(x)) is None:
            return None
        dx, gradients = layer.backward(dy), layer.gradients
        return y, dx, gradients.get("weight"), gradients.get("bias")

    return run


class _MeanTwice(Dense):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx = super().backward(dy)
        self.gradients = {name: array / len(dy) for name, array in self.gradients.items()}
        return dx


class _MeanOfBias(Dense):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx = super().backward(dy)
        self.gradients["bias"] = self.gradients["bias"] / len(dy)
        return dx


class _WithoutBias(Dense):
    def forward(self, x: FloatArray) -> FloatArray:
        return super().forward(x) - self.parameters["bias"]


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
        "once, by the loss": _MeanTwice,
        "the bias's gradient is a sum over the examples, not their mean": _MeanOfBias,
        "forwards, the bias is missing": _WithoutBias,
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


class _OnlySlope(Tanh):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = 1 - self.y**2
        return dx


def _draw_pair(random: np.random.Generator) -> tuple[FloatArray, ...]:
    x, dy = random.standard_normal((2, *unequal_sizes(random, 2)))
    return x, dy


TANH_LAYER = Exercise(
    name="tanh-layer",
    piece="Tanh",
    answer=Tanh,
    use=_used_tanh,
    draw=_draw_pair,
    mistakes={
        "the slope is 1 − y² with the output y, not with x": _SlopeOfX,
        "the slope of tanh is 1 − y², with a square": _SlopeUnsquared,
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
        layer = kind(alpha)
        y = layer.forward(x)
        return None if y is None else (y, layer.backward(dy))

    return run


class _AlwaysOne(ELU):
    def forward(self, x: FloatArray) -> FloatArray:
        self.y = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
        return self.y


class _Linear(ELU):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * np.where(self.y > 0, 1, self.alpha)
        return dx


ELU_LAYER = Exercise(
    name="elu-layer",
    piece="ELU",
    answer=ELU,
    use=_used_elu,
    draw=lambda random: (*_draw_pair(random), float(random.uniform(1.2, 2.0))),
    mistakes={
        "alpha is missing forwards: on the left y is alpha (eˣ − 1)": _AlwaysOne,
        "on the left the slope is y + alpha, not alpha": _Linear,
    },
    hints=(
        "np.where(x > 0, x, …) chooses entry by entry.",
        "backward is the function of the exercise before.",
    ),
    returns=("y", "dx"),
)


class _Affine:
    """A layer that does not commute with another of its kind, so that their order shows."""

    def __init__(self, factor: FloatArray, shift: FloatArray) -> None:
        self.parameters = {"factor": factor, "shift": shift}
        self.gradients: dict[str, FloatArray] = {}

    def forward(self, x: FloatArray) -> FloatArray:
        self.x = x
        return x * self.parameters["factor"] + self.parameters["shift"]

    def backward(self, dy: FloatArray) -> FloatArray:
        self.gradients = {"factor": (dy * self.x).sum(axis=0), "shift": dy.sum(axis=0)}
        return dy * self.parameters["factor"] + self.parameters["shift"]


def _used_sequential(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, dy: FloatArray, factors: FloatArray, shifts: FloatArray) -> Any:
        layers = [_Affine(a, b) for a, b in zip(factors, shifts, strict=True)]
        network = kind(*layers)
        if (y := network.forward(x)) is None:
            return None
        if (dx := network.backward(dy)) is None:
            return y, None, None, None
        named = network.parameters, network.gradients
        return y, dx, *(None if its is None else _in_order(its) for its in named)

    return run


def _in_order(arrays: Any) -> FloatArray:
    """Return the arrays in a row, by the names that they should have."""
    return np.concatenate([arrays[f"{k}.{name}"] for k in range(3) for name in ("factor", "shift")])


class _ForwardsBothWays(Sequential):
    def backward(self, dy: FloatArray) -> FloatArray:
        for layer in self.layers:
            dy = layer.backward(dy)
        return dy


def _draw_chain(random: np.random.Generator) -> tuple[FloatArray, ...]:
    count, features = unequal_sizes(random, 2)
    x, dy = random.standard_normal((2, count, features))
    factors, shifts = random.uniform(0.5, 2, (2, 3, features))
    return x, dy, factors, shifts


SEQUENTIAL = Exercise(
    name="sequential",
    piece="Sequential",
    answer=Sequential,
    use=_used_sequential,
    draw=_draw_chain,
    mistakes={"back means the last layer first: go through them in reverse": _ForwardsBothWays},
    hints=(
        "Each layer's output is the next one's input; backwards, each layer's dx is the dy of the "
        "one before it.",
        "for layer in reversed(self.layers): dy = layer.backward(dy)",
        'parameters and gradients are dictionaries with names like "0.weight": the place of the '
        "layer, a dot, and its own name.",
    ),
    returns=("y", "dx", "the parameters", "the gradients"),
)


SQUARED_ERROR = Exercise(
    name="squared-error",
    piece="squared_error",
    answer=squared_error,
    draw=_draw_pair,
    mistakes={
        "the sum over outputs is right, but over examples the loss is a mean: divide by N": (
            lambda y, t: (0.5 * ((y - t) ** 2).sum(), y - t)
        ),
        "you took the mean over outputs as well; the sum over them belongs to each example": (
            lambda y, t: (0.5 * ((y - t) ** 2).mean(), (y - t) / y.size)
        ),
        "the half is missing: the loss is half the squared error": (
            lambda y, t: (((y - t) ** 2).sum() / len(y), 2 * (y - t) / len(y))
        ),
        "the loss is right, and its gradient lacks the 1/N": (
            lambda y, t: (0.5 * ((y - t) ** 2).sum() / len(y), y - t)
        ),
        "dy has the wrong sign: it points to where the loss rises": (
            lambda y, t: (0.5 * ((y - t) ** 2).sum() / len(y), (t - y) / len(y))
        ),
    },
    hints=("Both halves of (2.10), in this order.", "len(y) is N."),
    returns=("loss", "dy"),
)


def _used_slopes(function: Any) -> Callable[..., Any]:
    def run(array: FloatArray, weights: FloatArray, step: float) -> Any:
        moved = array.copy()
        # A cube, so that a one-sided difference is seen.
        found = function(lambda: float((weights * moved**3).sum()), moved, step)
        return None if found is None else (found, moved)

    return run


def _one_sided(loss: Callable[[], float], array: FloatArray, step: float = 1e-5) -> FloatArray:
    found, before = np.empty_like(array), loss()
    for place in np.ndindex(array.shape):
        start = array[place]
        array[place] = start + step
        found[place] = (loss() - before) / step
        array[place] = start
    return found


def _not_put_back(loss: Callable[[], float], array: FloatArray, step: float = 1e-5) -> FloatArray:
    found = np.empty_like(array)
    for place in np.ndindex(array.shape):
        array[place] += step
        right = loss()
        array[place] -= 2 * step
        found[place] = (right - loss()) / (2 * step)
    return found


SLOPES = Exercise(
    name="slopes",
    piece="slopes",
    answer=slopes,
    use=_used_slopes,
    draw=lambda random: (*_draw_pair(random), float(random.uniform(0.01, 0.05))),
    mistakes={
        "that is the one-sided difference; the central one, (2.12), is far more accurate": (
            _one_sided
        ),
        "the array is not as it was before: put each entry back": _not_put_back,
        "the two points are 2h apart, so divide by 2h": lambda loss, array, step=1e-5: (
            2 * slopes(loss, array, step)
        ),
    },
    hints=(
        "np.ndindex(array.shape) goes through all places of an array of any shape.",
        "Remember the entry, set it to start + step, call loss(), set it to start − step, call "
        "loss() again, put it back.",
    ),
    returns=("the slopes", "the array after the call"),
)
