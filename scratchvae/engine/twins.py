"""Twins of layers: the same parameters and running statistics, but passes of their own.

Two passes through one layer at a time, as of a model that trains and of a thread that looks at it,
would leave what they remember in the same attributes.
"""

from collections.abc import Iterator, Mapping
from copy import copy, deepcopy
from typing import Any

from scratchvae.layers import Layer, Sequential

_ATTEMPTS = 10


def twin(layer: Layer) -> Layer:
    """Return a layer that computes what this one does, and shares nothing else with it."""
    other = copy(layer)
    if type(layer) is Sequential:
        vars(other)["layers"] = [twin(inner) for inner in layer.layers]
    elif not type(layer).__module__.startswith("scratchvae.layers."):
        # Somebody else's may keep a pass in a list, in layers inside, or in a generator of noise.
        shared = {id(array): array for array in _learned(layer)} | {id(layer): other}
        for name, value in list(vars(other).items()):
            vars(other)[name] = _copied(value, shared)
    return other


def _learned(layer: Layer) -> Iterator[Any]:
    for held in (layer.parameters, layer.buffers):
        if isinstance(held, Mapping):  # else it will be refused
            yield from held.values()


def _copied(value: Any, shared: dict[int, Any]) -> Any:
    """Return a deep copy but for what is shared, or the value itself if it cannot be copied."""
    for _ in range(_ATTEMPTS):
        try:
            return deepcopy(value, shared)
        except RuntimeError:  # another thread has added to a dictionary meanwhile
            continue
        except Exception:  # a lock, an open file, …
            break
    return value
