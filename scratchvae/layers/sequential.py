"""Layers applied one after another: the chain rule, one factor a layer."""

from collections.abc import Iterator
from copy import copy
from types import MappingProxyType

import numpy as np

from scratchvae.errors import InputError
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter
from scratchvae.validation import FloatArray


class Sequential(Layer):
    """Layers applied one after another: ``y = lₙ(… l₂(l₁(x)))``.

    Attributes
    ----------
    layers
        The layers, in a list that may be changed: what is in it is what runs and what is learned.
    parameters, buffers
        Those of the layers, named ``"0.weight"``, ``"0.bias"``, ``"2.weight"``, … by the layer's
        place. They are the same objects, not copies, in a mapping that cannot be assigned to.

    Raises
    ------
    InputError
        If something is no ``Layer``, or one layer stands in two places, within inner ones as well:
        it remembers only its last forward pass, and would go back through that one twice.
    """

    def __init__(self, *layers: Layer) -> None:
        self.layers = list(layers)
        check_each_once(self.layers)

    @property
    def dtype(self) -> np.dtype[np.floating]:  # type: ignore[override]
        """The dtype of the layers that learn: one that learns nothing takes either."""
        deciding = [layer for layer in self.layers if layer.parameters] or self.layers
        return deciding[0].dtype if deciding else np.dtype(np.float32)

    @property
    def parameters(self) -> MappingProxyType[str, Parameter]:  # type: ignore[override]
        """All that is learned."""
        return MappingProxyType(
            {
                f"{place}.{name}": parameter
                for place, layer in enumerate(self.layers)
                for name, parameter in layer.parameters.items()
            }
        )

    @property
    def buffers(self) -> MappingProxyType[str, FloatArray]:  # type: ignore[override]
        """All that is kept from batch to batch."""
        return MappingProxyType(
            {
                f"{place}.{name}": buffer
                for place, layer in enumerate(self.layers)
                for name, buffer in layer.buffers.items()
            }
        )

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the last layer's output."""
        check_each_once(self.layers)
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂loss/∂x, going through the layers in reverse."""
        for layer in reversed(self.layers):
            dy = layer.backward(dy)
        return dy

    def __repr__(self) -> str:
        lines = "".join(f"  {layer!r}\n" for layer in self.layers)
        return f"Sequential(\n{lines})"


def check_each_once(layers: list[Layer]) -> None:
    """Raise ``InputError`` unless all are layers, each in one place only."""
    seen: set[int] = set()
    for layer in (inner for outer in layers for inner in each_layer(outer)):
        if not isinstance(layer, Layer):
            raise InputError(
                f"a layer must be a scratchvae.layers.Layer, not {layer!r}: derive from Layer, "
                "with a forward and a backward of its own"
            )
        if id(layer) in seen:
            raise InputError(
                f"the same {type(layer).__name__} appears twice: create two, because a layer "
                "remembers only its last forward pass"
            )
        seen.add(id(layer))


def twin(layer: Layer) -> Layer:
    """Return a layer with the same parameters that remembers forward passes of its own."""
    other = copy(layer)
    if isinstance(layer, Sequential):
        other.layers = [twin(inner) for inner in layer.layers]  # type: ignore[attr-defined]
    return other


def each_layer(layer: Layer) -> Iterator[Layer]:
    """Yield a layer and all that are in it, as those of a ``Sequential`` are, first to last."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from each_layer(inner)
