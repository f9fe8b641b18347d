"""Layers, a loss and a check of their gradients: what lesson 2 writes.

A layer is anything with ``forward(x)``, ``backward(dy)``, a dictionary ``parameters`` of arrays,
and a dictionary ``gradients`` with an array of the same shape for each, which ``backward`` fills.

Dimensions: N examples, I inputs, O outputs.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.validation import FloatArray

Arrays = dict[str, FloatArray]


class Layer(Protocol):
    """What a network is made of."""

    parameters: Arrays
    gradients: Arrays

    def forward(self, x: FloatArray) -> FloatArray:
        """Return the output for a batch ``x``."""

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂L/∂x, with dy = ∂L/∂y (eq. 2.2), and fill ``gradients``."""


class Dense:
    """y = x W + b: eq. 2.1, and backwards eq. 2.4 to 2.6."""

    def __init__(
        self, inputs: int, outputs: int, rng: np.random.Generator, dtype: DTypeLike = np.float64
    ) -> None:
        bound = 1 / np.sqrt(inputs)
        self.parameters: Arrays = {
            "weight": rng.uniform(-bound, bound, (inputs, outputs)).astype(dtype),
            "bias": rng.uniform(-bound, bound, outputs).astype(dtype),
        }
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, (N, O), for x, (N, I)."""
        self.x = x
        return x @ self.parameters["weight"] + self.parameters["bias"]

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, (N, I), and fill ``gradients``."""
        self.gradients = {"weight": self.x.T @ dy, "bias": dy.sum(axis=0)}
        return dy @ self.parameters["weight"].T


class Tanh:
    """y = tanh x, number by number; the slope is 1 − y²: eq. 2.7."""

    def __init__(self) -> None:
        self.parameters: Arrays = {}
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, of x's shape."""
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, of dy's shape."""
        dx: FloatArray = dy * (1 - self.y**2)
        return dx


class ELU:
    """y = x where x > 0, else α (eˣ − 1); its slope on the left is y + α: eq. 2.8."""

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = alpha
        self.parameters: Arrays = {}
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, of x's shape."""
        self.y: FloatArray = np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, of dy's shape."""
        dx: FloatArray = dy * np.where(self.y > 0, 1, self.y + self.alpha)
        return dx


class Sequential:
    """Layers one after the other, as eq. 2.9: the chain rule, one factor a layer."""

    def __init__(self, *layers: Any) -> None:
        self.layers = layers

    def forward(self, x: FloatArray) -> FloatArray:
        """Return the last layer's output."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂L/∂x, going through the layers in reverse."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    @property
    def parameters(self) -> Arrays:
        """The layers' own arrays, named "0.weight", "0.bias", "2.weight", … by their places."""
        return _named((k, layer.parameters) for k, layer in enumerate(self.layers))

    @property
    def gradients(self) -> Arrays:
        """Their gradients, by the same names."""
        return _named((k, layer.gradients) for k, layer in enumerate(self.layers))


def _named(arrays: Iterable[tuple[int, Arrays]]) -> Arrays:
    return {f"{place}.{name}": array for place, own in arrays for name, array in own.items()}


def squared_error(y: FloatArray, target: FloatArray) -> tuple[float, FloatArray]:
    """Return half the squared error, a mean over examples, and its gradient dy: eq. 2.10."""
    difference = y - target
    loss = 0.5 * (difference**2).sum() / len(y)
    return float(loss), difference / len(y)


def slopes(loss: Callable[[], float], array: FloatArray, step: float = 1e-5) -> FloatArray:
    """Return the slope of ``loss()`` along each entry of ``array``, moved in place: eq. 2.12."""
    found = np.empty_like(array)
    for place in np.ndindex(array.shape):
        start = array[place]
        array[place] = start + step
        right = loss()
        array[place] = start - step
        found[place] = (right - loss()) / (2 * step)
        array[place] = start
    return found
