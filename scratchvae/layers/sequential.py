"""Layers applied one after another: the chain rule, one factor per layer."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from inspect import signature
from types import MappingProxyType
from typing import Any

import numpy as np

from scratchvae.errors import InputError, shown
from scratchvae.held import Setting
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter
from scratchvae.validation import FloatArray, check_floats

_HELD: dict[str, type] = {"parameters": Parameter, "buffers": np.ndarray}


class Sequential(Layer):
    """Layers applied one after another: ``y = lₙ(… l₂(l₁(x)))``.

    Attributes
    ----------
    layers
        The layers, in a list that may be changed except between a forward pass and its backward
        pass: what is in it is what runs and what is learned.
    parameters, buffers
        Those of the layers, named ``"0.weight"``, ``"0.bias"``, ``"2.weight"``, … by the layer's
        place: the same objects, in a read-only mapping that is made anew at each access.
    smooth
        Whether all layers are.

    Raises
    ------
    InputError
        If an entry is not a ``Layer``, or if the same layer occurs twice (nested ones included): a
        layer remembers only its last forward pass, so its first use would be differentiated at the
        wrong x.
    """

    layers = Setting(lambda layers, name: _checked_list(layers))

    def __init__(self, *layers: Layer) -> None:
        # No super().__init__(): dtype, parameters and buffers are properties here.
        self.layers = list(layers)

    @property
    def smooth(self) -> bool:  # type: ignore[override]
        """Whether every layer is smooth."""
        return all(layer.smooth for layer in self.layers)

    @property
    def dtype(self) -> np.dtype[np.floating]:  # type: ignore[override]
        """That of the first layer with parameters; the others take float32 and float64 alike."""
        deciding = [layer for layer in self.layers if layer.parameters] or self.layers
        return deciding[0].dtype if deciding else np.dtype(np.float32)

    @property
    def parameters(self) -> MappingProxyType[str, Parameter]:  # type: ignore[override]
        """All that is learned."""
        return named("parameters", enumerate(self.layers))

    @property
    def buffers(self) -> MappingProxyType[str, FloatArray]:  # type: ignore[override]
        """All that is kept from batch to batch."""
        return named("buffers", enumerate(self.layers))

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the last layer's output."""
        check_each_once(self.layers)
        for layer in self.layers:
            x = passed_on(layer, "forward", layer.forward(x, training))
        return x

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂loss/∂x, going through the layers in reverse."""
        for layer in reversed(self.layers):
            dy = passed_on(layer, "backward", layer.backward(dy))
        return dy

    def __repr__(self) -> str:
        lines = "".join(f"  {layer!r}\n" for layer in self.layers)
        return f"Sequential(\n{lines})"


def named(kind: str, layers: Iterable[tuple[object, Layer]]) -> MappingProxyType[str, Any]:
    """Return the parameters or buffers of all ``layers``, each named by its layer's place first."""
    return MappingProxyType(
        {
            f"{place}.{name}": value
            for place, layer in layers
            for name, value in _held(layer, kind).items()
        }
    )


def owner_of(name: str) -> str:
    """Return the name of the layer that has the parameter or buffer of this name."""
    return name.rpartition(".")[0]


def _checked_list(layers: Any) -> list[Layer]:
    """Return ``layers`` as a list, the same if it is one."""
    if not isinstance(layers, Sequence):
        raise InputError(f"layers must be a list of layers, not {shown(layers)}")
    checked: list[Layer] = layers if isinstance(layers, list) else list(layers)
    check_each_once(checked)
    return checked


def check_each_once(layers: list[Layer]) -> None:
    """Raise ``InputError`` unless all are layers, each in one place only."""
    seen: set[int] = set()
    for layer in (inner for outer in layers for inner in each_layer(outer)):
        if not isinstance(layer, Layer):
            raise InputError(
                f"a layer must be a scratchvae.layers.Layer, not {shown(layer)}: derive from "
                "Layer, with a forward and a backward of its own"
            )
        check_made(layer)
        if id(layer) in seen:
            raise InputError(
                f"the same {type(layer).__name__} appears twice: create two, because a layer "
                "remembers only its last forward pass"
            )
        seen.add(id(layer))


def check_made(layer: Layer) -> None:
    """Raise ``InputError`` if a class of the reader's own forgot what makes it a ``Layer``."""
    kind = type(layer).__name__
    if not ("layers" in vars(layer) or hasattr(layer, "parameters")):  # those of its layers
        raise InputError(
            f"{kind} has no parameters, not even an empty set of them: call super().__init__() "
            f"first in {kind}.__init__"
        )
    kind_of: Any = type(layer)
    if fault := _signature_fault(kind_of):
        raise InputError(fault)
    for name in _HELD if "layers" not in vars(layer) else ():
        _held(layer, name)


def _held(layer: Layer, name: str) -> Mapping[str, Any]:
    """Return a layer's parameters or buffers; ``InputError`` unless they are such by name."""
    held: Any = getattr(layer, name)
    what = f"{type(layer).__name__}.{name}"
    if not isinstance(held, Mapping):
        raise InputError(f"{what} must be a dictionary by name, not {shown(held)}")
    for key, value in held.items():
        if not isinstance(value, _HELD[name]):
            kind = _HELD[name].__name__
            raise InputError(f"{what}[{key!r}] must be a {kind}, not {shown(value)}: make it one")
    return held


@cache
def _signature_fault(kind: Any) -> str:
    """Return what is wrong with the arguments of a class's passes, if anything is."""
    for name, arguments in (("forward", "(self, x, training=False)"), ("backward", "(self, dy)")):
        try:
            signature(getattr(kind, name)).bind(*arguments.split(","))
        except TypeError:
            return f"{kind.__name__}.{name} must take {arguments}: give it these arguments"
    return ""


def passed_on(layer: Layer, method: str, y: Any) -> Any:
    """Return what a layer's pass gave; ``InputError`` unless it is an array of floats."""
    return check_floats(y, f"what {type(layer).__name__}.{method} returns")


def each_layer(layer: Layer) -> Iterator[Layer]:
    """Yield a layer and all that are in it, as those of a ``Sequential`` are, first to last."""
    yield layer
    for inner in getattr(layer, "layers", ()):
        yield from each_layer(inner)
