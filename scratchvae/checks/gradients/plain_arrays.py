"""Layers that keep what they learn in plain arrays, and the gradients of these beside them.

Such a layer has a dict ``parameters`` of arrays and a dict ``gradients`` with the same names, as
the lessons' layers have; or ``params`` and ``grads``; or two lists. Or it has attributes, one for
each array and one for its gradient: ``W`` and ``dW``, ``weight`` and ``weight_grad``. Its backward
pass fills the gradients anew, unless there is a ``zero_grad`` that clears them: one of its own, for
that of ``Layer`` clears parameters.
"""

from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.layers import Layer
from scratchvae.validation import FloatArray

# What the gradient of an attribute may be called.
_CALLED = ("d{0}", "d_{0}", "g{0}", "grad_{0}", "{0}_grad", "{0}_gradient", "gradient_{0}")


class Gathered:
    """An array that is learned, seen with ``value`` and ``grad``; each kind says where they are.

    ``grad`` has the gradients of all passes since it was set: a pass that sets its own anew is
    added to those before, unless the owner has a ``zero_grad`` and so adds them up itself.
    """

    def __init__(self, owner: Any) -> None:
        self._owner, self._cleared_by_owner = owner, clears_itself(owner)
        self._sum: Any = None

    @property
    def grad(self) -> Any:
        """The gradient; ``None`` if there is none."""
        return self._held() if self._cleared_by_owner else self._sum

    @grad.setter
    def grad(self, array: FloatArray) -> None:
        self._sum = array

    def take(self) -> None:
        """Add what the last backward pass has left."""
        held = self._held()
        together = isinstance(held, np.ndarray) and np.shape(self._sum) == held.shape
        self._sum = self._sum + held if together else held

    def _held(self) -> Any:
        raise NotImplementedError


class PlainArray(Gathered):
    """One such array, and its gradient beside it.

    Parameters
    ----------
    owner
        The layer.
    name
        What the array is called there, or its place in a list.
    gradient
        The attribute that holds its gradient; empty if both are in dicts or lists.
    place
        The attribute that holds the dict or list of arrays.
    """

    def __init__(
        self, owner: Any, name: str | int, gradient: str = "", place: str = "parameters"
    ) -> None:
        super().__init__(owner)
        self._name, self._gradient, self._place = name, gradient, place

    @property
    def value(self) -> FloatArray:
        """The array, which is the layer's own."""
        if self._gradient:
            array: FloatArray = getattr(self._owner, str(self._name))
        else:
            array = getattr(self._owner, self._place)[self._name]
        return array

    @value.setter
    def value(self, array: FloatArray) -> None:
        if self.value is array:
            return
        if self._gradient:
            setattr(self._owner, str(self._name), array)
        else:
            getattr(self._owner, self._place)[self._name] = array

    def _held(self) -> Any:
        if self._gradient:
            return getattr(self._owner, self._gradient, None)
        kind, ours = (list | tuple, "list") if isinstance(self._name, int) else (Mapping, "dict")
        found = [getattr(self._owner, name, None) for name in ("gradients", "grads")]
        gradients = next((each for each in found if isinstance(each, kind)), None)
        if gradients is None:
            raise InputError(
                f"gradcheck found arrays in {type(self._owner).__name__}.{self._place}, and looks "
                f"for their gradients in a {ours} gradients with the same names, not in "
                f"{type(found[0]).__name__}: let backward fill one"
            )
        named = gradients if isinstance(gradients, Mapping) else dict(enumerate(gradients))
        return named.get(self._name)


def clears_itself(owner: Any) -> bool:
    """Return whether a layer of plain arrays has a ``zero_grad`` for them."""
    return hasattr(owner, "zero_grad") and getattr(type(owner), "zero_grad", None) is not (
        Layer.zero_grad
    )


def attributes_with_gradients(owner: Any) -> Iterator[tuple[str, PlainArray]]:
    """Yield the arrays among a layer's attributes that have an attribute for their gradient.

    That attribute may be set by ``backward`` only, so the layer's methods are asked for its name.
    """
    attributes = getattr(owner, "__dict__", {})
    methods = (its for kind in type(owner).__mro__ for its in vars(kind).values())
    known = {*attributes} | {
        name for its in methods if isinstance(its, FunctionType) for name in its.__code__.co_names
    }
    for name, value in attributes.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size:
            called = [title.format(name) for title in _CALLED]
            for gradient in (title for title in called if title in known):
                yield name, PlainArray(owner, name, gradient)
                break
