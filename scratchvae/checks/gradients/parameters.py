"""What a layer or a model learns, wherever it keeps it: a check moves it and reads its gradient.

Parameters are in a dict ``parameters`` or ``params``, or in a list, or are what a method
``parameters()`` returns: arrays (``plain_arrays``), objects with ``value`` and ``grad``, as those
of this package, or with ``data`` and ``grad``, as those of micrograd and PyTorch.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from scratchvae.checks.arguments import described
from scratchvae.checks.gradients.input import run
from scratchvae.checks.gradients.plain_arrays import (
    Gathered,
    PlainArray,
    attributes_with_gradients,
)
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray


class DataArray(Gathered):
    """An object with ``data`` and ``grad``, seen as one with ``value`` and ``grad``.

    What a pass leaves is cleared when it has been taken, so that it may add to it or set it.
    """

    def __init__(self, held: Any, owner: Any) -> None:
        super().__init__(owner)
        self._object = held

    @property
    def value(self) -> FloatArray:
        """The array, which is the object's own."""
        array: FloatArray = self._object.data
        return array

    @value.setter
    def value(self, array: FloatArray) -> None:
        if self._object.data is not array:
            self._object.data = array

    @property
    def grad(self) -> Any:
        """The gradient; ``None`` if there is none."""
        return super().grad

    @grad.setter
    def grad(self, array: FloatArray) -> None:
        self._sum = array
        self._clear()

    def take(self) -> None:
        """Add what the last backward pass has left."""
        super().take()
        if not self._cleared_by_owner:
            self._clear()

    def _held(self) -> Any:
        return self._object.grad

    def _clear(self) -> None:
        self._object.grad = np.zeros_like(self.value)


def parameters_of(owner: Any) -> dict[str, Any]:
    """Return what a layer or model learns, by name; refuse what a check cannot move and read."""
    place = "params" if getattr(owner, "parameters", None) is None else "parameters"
    place = place if hasattr(owner, place) else "parameters"
    given, title = getattr(owner, place, None), f"{type(owner).__name__}.{place}"
    called = False
    if callable(given) and not isinstance(given, Mapping):
        called = True
        title += "()"
        given = run(title, given)
        given = list(given) if hasattr(given, "__next__") else given
    if isinstance(given, list | tuple) and all(map(_is_held, given)):
        names = [_name_in(owner, held, f"{place}[{n}]") for n, held in enumerate(given)]
        found = dict(zip(names, (_seen(held, owner) for held in given), strict=True))
        return _writeable(found, f"{type(owner).__name__}.{{}}")
    if isinstance(given, list | tuple) and given and _all_arrays(given) and not called:
        return {f"{place}[{n}]": PlainArray(owner, n, place=place) for n in range(len(given))}
    arrays = given.values() if isinstance(given, Mapping) else given
    if called and isinstance(arrays, Iterable) and _all_arrays(arrays):
        return _of_attributes(owner)  # of which the report names those that it does not find
    if not hasattr(owner, place) or (place == "params" and not _is_known(given)):
        return _of_attributes(owner)
    if not isinstance(given, Mapping):
        raise InputError(
            f"gradcheck expects {title} to be a dict of arrays, or of objects with value and grad, "
            f"not {described(given)}: give each a name"
        )
    parameters = {
        name: PlainArray(owner, name, place=place)
        if isinstance(held, np.ndarray)
        else _seen(held, owner)
        for name, held in given.items()
    }
    for name, parameter in parameters.items():
        value = getattr(parameter, "value", None)
        if not isinstance(value, np.ndarray):
            raise InputError(
                f"gradcheck expects {title}[{name!r}] to be a NumPy array, or an object "
                f"whose value is one, not {type(parameter).__name__} with a value of "
                f"{type(value).__name__}: make it one, or wrap it in scratchvae.layers.Parameter"
            )
    return _writeable({str(name): held for name, held in parameters.items()}, f"{title}[{{!r}}]")


def _of_attributes(owner: Any) -> dict[str, Any]:
    title = f"{type(owner).__name__}.{{}}"
    return _writeable(dict(attributes_with_gradients(owner)), title)


def _writeable(parameters: dict[str, Any], title: str) -> dict[str, Any]:
    for name, parameter in parameters.items():
        if not parameter.value.flags.writeable:
            raise InputError(
                f"gradcheck moves {title.format(name)} and puts it back, but it is read-only: "
                "build the layer with a copy made with .copy()"
            )
    return parameters


def _is_known(given: Any) -> bool:
    """Whether ``params``, which may be anything, holds what is learned."""
    if not isinstance(given, Mapping) or not given:
        return False
    return _all_arrays(given.values()) or all(map(_is_held, given.values()))


def _is_held(thing: Any) -> bool:
    """Whether something is an object with an array and its gradient."""
    if isinstance(thing, np.ndarray) or not hasattr(thing, "grad"):
        return False
    return isinstance(getattr(thing, "value", getattr(thing, "data", None)), np.ndarray)


def _seen(held: Any, owner: Any) -> Any:
    """Return an object as one with ``value`` and ``grad``."""
    return held if hasattr(held, "value") or not _is_held(held) else DataArray(held, owner)


def _name_in(owner: Any, held: Any, otherwise: str) -> str:
    """Return the attribute that an object is, if it is one."""
    own = getattr(owner, "__dict__", {}).items()
    return next((name for name, value in own if value is held), otherwise)


def _all_arrays(values: Iterable[Any]) -> bool:
    return all(isinstance(value, np.ndarray) for value in values)
