"""The weights of a user's model: read by name, moved, and put back."""

import functools
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from scratchvae.checks.doctor.frameworks import Float64, as_numpy, family, is_module
from scratchvae.errors import InputError

_Put = Callable[[Any], None] | None  # puts another value in a place; None where nothing can
_Place = tuple[Any, _Put]  # an array, and what puts another there
_DEEPEST = 6  # levels of containers that are looked through


class Parameters:
    """What the user gave as ``parameters``: a module, containers of arrays, or a function."""

    def __init__(self, given: Any, *, data: Any = None) -> None:
        self._given = _listed(given)
        self._data = data  # an object's own batch is among its arrays, and is no weight

    def leaves(self) -> dict[str, Any]:
        """Return every array of floats, as it is, by its name."""
        return {name: leaf for name, (leaf, _) in self._places().items()}

    def values(self) -> dict[str, Float64]:
        """Return copies of the arrays of floats in NumPy."""
        return {name: as_numpy(leaf) for name, leaf in self.leaves().items()}

    def put(self, values: Mapping[str, Float64]) -> bool:
        """Give the arrays these values; returns whether they have them now."""
        for name, (leaf, replace) in self._places().items():
            if name in values:
                _put(leaf, values[name], replace)
        now = self.values()
        return all(
            name in now and np.allclose(now[name], value, rtol=1e-6, equal_nan=True)
            for name, value in values.items()
        )

    @property
    def movable(self) -> bool:
        """Whether there are arrays, and they can be put back after they have changed."""
        before = self.values()
        if not before:
            return False
        try:
            moved = {name: value + 0.125 for name, value in before.items()}
            return self.put(moved)
        finally:
            self.put(before)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put all of them back after a block."""
        before = self.values()
        counts = {name: leaf.clone() for name, leaf in self._state().items()}
        try:
            yield
        finally:
            if before:
                self.put(before)
            for name, leaf in self._state().items():
                leaf.copy_(counts[name])

    def _state(self) -> dict[str, Any]:
        """Return what a module keeps besides numbers of floating point, as batch norm's counts."""
        if not is_module(self._given):
            return {}
        state = self._given.state_dict().items()
        return {name: leaf for name, leaf in state if not self._is_weight(leaf)}

    def _places(self) -> dict[str, _Place]:
        given = self._given
        if is_module(given):
            state = given.state_dict()
            found: dict[str, _Place] = {name: (leaf, None) for name, leaf in state.items()}
        else:
            own = getattr(given, "parameters", None)
            function = given if _is_function(given) else own if _is_function(own) else None
            found = dict(_walk(given if function is None else _called(function), "", 0, None))
        return {name: place for name, place in found.items() if self._is_weight(place[0])}

    def _is_weight(self, leaf: Any) -> bool:
        return leaf is not self._data and "float" in str(getattr(leaf, "dtype", ""))


def _listed(value: Any) -> Any:
    return list(value) if hasattr(value, "__next__") else value


def _is_function(value: Any) -> bool:
    """Whether something is called to have the weights, and not a layer, which is called with x."""
    return inspect.isroutine(value) or isinstance(value, functools.partial)


def _called(function: Callable[[], Any]) -> Any:
    try:
        return _listed(function())
    except Exception as error:
        text = " ".join(str(error).split())
        raise InputError(
            f"`parameters` raised {type(error).__name__}: {text}",
            "give a function without arguments that returns the weights, or the weights",
        ) from error


def _walk(value: Any, name: str, depth: int, put: _Put) -> Iterator[tuple[str, _Place]]:
    """Yield every array under ``value``, with what puts another in its place.

    ``put`` puts another container in ``value``'s own place.
    """
    if depth > _DEEPEST:
        return
    if family(value):
        yield name or "weights", (value, None)
        return
    if is_module(value):
        yield from ((f"{name}.{key}", (leaf, None)) for key, leaf in value.state_dict().items())
        return
    items: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, Mapping):
        items = iter(list(value.items()))
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    elif hasattr(value, "__dict__") and not isinstance(value, type | ModuleType):
        if _is_function(value):
            return
        value = vars(value)
        items = iter(list(value.items()))
    box = [value]  # where an immutable container is made anew for each of its parts
    for key, part in items:
        inner = f"{name}.{key}" if name else str(key)
        replace = _setter(box, key, put)
        if family(part):
            yield inner, (part, replace)
        else:
            yield from _walk(part, inner, depth + 1, replace)


def _setter(box: list[Any], key: Any, put: _Put) -> _Put:
    """Return what puts a part in a container, or in a new one that takes the container's place."""
    if isinstance(box[0], dict | list):
        return lambda part: box[0].__setitem__(key, part)
    if put is None or not isinstance(box[0], tuple | Mapping):
        return None

    def replace(part: Any) -> None:
        box[0] = _with(box[0], key, part)
        put(box[0])

    return replace


def _with(container: Any, key: Any, part: Any) -> Any:
    """Return an immutable container with another part."""
    if isinstance(container, Mapping):
        kind: Any = type(container)
        return kind({**container, key: part})
    parts = [*container[:key], part, *container[key + 1 :]]
    return container._make(parts) if hasattr(container, "_make") else tuple(parts)


def _put(leaf: Any, value: Float64, replace: Callable[[Any], None] | None) -> None:
    kind = family(leaf)
    if kind == "torch":
        leaf.data.copy_(leaf.data.new_tensor(value))
    elif kind == "numpy" and isinstance(leaf, np.ndarray) and leaf.flags.writeable:
        leaf[...] = value
    elif replace is not None and kind == "jax":
        replace(sys.modules["jax"].numpy.asarray(value, dtype=leaf.dtype))
