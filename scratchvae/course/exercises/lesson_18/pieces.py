"""The small layers that lesson 18 adds to the reader's own program."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import ReLU, Reshape, Sigmoid
from scratchvae.validation import FloatArray


def _used_reshape(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, dy: FloatArray) -> Any:
        layer = kind(*dy.shape[1:])
        y = layer.forward(x)
        return None if y is None else (y, layer.backward(dy))

    return run


def _draw_shapes(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count, rows, columns, channels = unequal_sizes(random, 4, 2, 6)
    x = random.standard_normal((count, rows * columns * channels))
    return x, random.standard_normal((count, rows, columns, channels))


class _ChannelsFirst(Reshape):
    def forward(self, x: FloatArray) -> FloatArray:
        self.before = x.shape
        rows, columns, channels = self.shape
        return x.reshape(len(x), channels, rows, columns).transpose(0, 2, 3, 1)

    def backward(self, dy: FloatArray) -> FloatArray:
        return dy.transpose(0, 3, 1, 2).reshape(self.before)


class _NotBack(Reshape):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy


RESHAPE = Exercise(
    name="reshape-layer",
    piece="Reshape",
    answer=Reshape,
    use=_used_reshape,
    draw=_draw_shapes,
    mistakes={
        "channels come last: read the numbers as (rows, columns, channels), nothing else": (
            _ChannelsFirst
        ),
        "backwards, dx must have the shape that x had": _NotBack,
    },
    hints=(
        "x.reshape(len(x), *self.shape): the batch stays as it is.",
        "Keep x.shape in forward; backward gives dy that shape.",
    ),
    returns=("y", "dx"),
)


def _used_activation(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, dy: FloatArray) -> Any:
        layer = kind()
        y = layer.forward(x)
        return None if y is None else (y, layer.backward(dy))

    return run


def _draw_pair(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    x, dy = random.standard_normal((2, *unequal_sizes(random, 4, 2, 6)))
    return x, dy


class _SlopeOne(ReLU):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy


class _SlopeOfTheOutput(ReLU):
    def forward(self, x: FloatArray) -> FloatArray:
        self.y: FloatArray = super().forward(x)
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * self.y


class _PositiveGradients(ReLU):
    def backward(self, dy: FloatArray) -> FloatArray:
        return np.maximum(dy, 0)


RELU_LAYER = Exercise(
    name="relu-layer",
    piece="ReLU",
    answer=ReLU,
    use=_used_activation,
    draw=_draw_pair,
    mistakes={
        "where the output is 0 the slope is 0, and nothing comes back": _SlopeOne,
        "where the output is positive the slope is 1, not the output": _SlopeOfTheOutput,
        "a gradient may be negative: it is the output's sign that decides": _PositiveGradients,
    },
    hints=(
        "np.maximum(x, 0), and keep what backward needs.",
        "dy where y > 0, and 0 elsewhere.",
    ),
    returns=("y", "dx"),
)


class _SlopeOfX(Sigmoid):
    def forward(self, x: FloatArray) -> FloatArray:
        y = super().forward(x)
        self.x = x
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = dy * self.x * (1 - self.x)
        return dx


class _OnlySlope(Sigmoid):
    def backward(self, dy: FloatArray) -> FloatArray:
        dx: FloatArray = self.y * (1 - self.y)
        return dx


SIGMOID_LAYER = Exercise(
    name="sigmoid-layer",
    piece="Sigmoid",
    answer=Sigmoid,
    use=_used_activation,
    draw=_draw_pair,
    mistakes={
        "the slope is y (1 − y) with the output y, not with x": _SlopeOfX,
        "that is only the slope; the chain rule multiplies it by dy": _OnlySlope,
    },
    hints=(
        "½ (1 + tanh(x/2)) is the same function, and never overflows.",
        "backward: dy times y (1 − y).",
    ),
    returns=("y", "dx"),
)
