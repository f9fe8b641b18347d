"""What a forward pass is called with: arrays to differentiate, and what is passed on as it is.

Arrays of floats are differentiated, and dicts and lists of nothing else (``params``). Whole
numbers, masks, texts, numbers, settings in dicts are constants, as is what is called one. A pass
gets a copy of every constant, so that running means which it moves, or a generator that it draws
from, are for the next pass as they were.
"""

import copy
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from scratchvae.checks.gradients.input import argument_names, check_array
from scratchvae.errors import InputError, unknown_name
from scratchvae.validation import FloatArray

# Arrays of floats with these names are rarely differentiated, though they could be.
_TARGET = re.compile(r"(y|t|(y_?)?true|y_true|targets?|labels?|truth|one_?hot)$", re.IGNORECASE)


class Arguments:
    """The arguments of a call, by name.

    Parameters
    ----------
    function
        What will be called with them.
    given
        The arguments in order.
    constants
        The names of those that are not differentiated, beside what is no array of floats.

    Attributes
    ----------
    names
        What the function calls them.
    arrays
        Copies of the arrays to differentiate. One in a dict is called as it is there, one in a
        list ``params[0]``.
    left_out
        The names of arrays for which ``sort`` found no gradient, targets, and their sizes.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        given: Sequence[Any],
        constants: str | Iterable[str] = (),
    ) -> None:
        self.names = argument_names(function, len(given))
        self.arrays: dict[str, FloatArray] = {}
        self.left_out: dict[str, int] = {}
        self._given = dict(zip(self.names, given, strict=True))
        # What is differentiated: the name of an array, or a dict or list of such names.
        self._places: dict[str, Any] = {}
        kept = [constants] if isinstance(constants, str) else list(constants)
        for name in kept:
            if name not in self.names:
                raise unknown_name("argument", name, self.names, owner="forward")
        for name, value in self._given.items():
            if name not in kept and _is_list_of_floats(value):
                check_array(value, name)  # which says that it is no array
            if name not in kept and _is_differentiable(value):
                self._places[name] = self._place(name, value)

    def check_some(self) -> None:
        """Refuse arguments of which none is differentiated."""
        if self.arrays:
            return
        for name, value in self._given.items():
            if isinstance(value, np.ndarray):
                check_array(value, name)
        kinds = ", ".join(type(value).__name__ for value in self._given.values())
        raise InputError(
            f"gradcheck expects at least one NumPy array of float64 that is differentiated, not "
            f"{kinds or 'no argument'}: there would be no slope to compare"
        )

    def values(self, arrays: Mapping[str, FloatArray]) -> list[Any]:
        """Return what to call the function with, the differentiated ``arrays`` by name."""

        def filled(place: Any) -> Any:
            if isinstance(place, Mapping):
                return {key: filled(inner) for key, inner in place.items()}
            if isinstance(place, list | tuple):
                return type(place)(filled(inner) for inner in place)
            return arrays[place]

        return [
            filled(self._places[name]) if name in self._places else _copied(value)
            for name, value in self._given.items()
        ]

    def sort(self, found: Any) -> dict[str, Any]:
        """Return the gradients that a backward pass returned by the names of their arrays."""
        if isinstance(found, Mapping):
            places = self._kept(self._named(found))
        else:
            values = list(found) if isinstance(found, tuple | list) else [found]
            places = dict(self._kept(self._in_order(values, isinstance(found, list))))
        sorted_out: dict[str, Any] = {}
        for name, gradient in places.items():
            sorted_out |= self._spread(self._places[name], gradient, name)
        return sorted_out

    def _place(self, name: str, value: Any) -> Any:
        """Note an array, or those in a dict or list, and return how they are called."""
        if isinstance(value, np.ndarray):
            self.arrays[name] = check_array(value, name).copy()
            return name
        if isinstance(value, Mapping):
            called = {key: str(key) for key in value}
            if not self.arrays.keys().isdisjoint(called.values()):
                called = {key: f"{name}[{key!r}]" for key in value}
            return {key: self._place(called[key], array) for key, array in value.items()}
        inner = [self._place(f"{name}[{place}]", array) for place, array in enumerate(value)]
        return inner if isinstance(value, list) else tuple(inner)

    def _kept(self, gradients: Mapping[str, Any]) -> dict[str, Any]:
        for name in [name for name in self._places if name not in gradients]:
            self._given[name] = self.arrays.pop(name)
            self.left_out[name] = self._given[name].size
            del self._places[name]
        return dict(gradients)

    def _named(self, found: Mapping[Any, Any]) -> dict[str, Any]:
        by_name = {name.removeprefix("d"): name for name in found if isinstance(name, str)}
        gradients, missing = {}, []
        for name, place in self._places.items():
            if name in found or name in by_name:
                gradients[name] = found[name if name in found else by_name[name]]
            elif isinstance(place, Mapping) and any(n in found or n in by_name for n in place):
                gradients[name] = found
            else:
                missing.append(name)
        if missing:
            name = missing[0]
            raise InputError(
                f"backward returned gradients called {', '.join(map(str, found))}: there must be "
                f"one for {name!r}, called {name!r} or 'd{name}'; or say that it is not "
                f"differentiated with `constants=[{name!r}]`"
            )
        return gradients

    def _in_order(self, values: list[Any], listed: bool) -> dict[str, Any]:
        names, every = list(self._places), list(self._given)
        alone = self._places[names[0]] if len(names) == 1 else ()
        if isinstance(alone, str) and listed and not any(isinstance(v, np.ndarray) for v in values):
            return {names[0]: values}  # an array, written as a list
        if isinstance(alone, list | tuple) and len(values) == len(alone) != 1:
            return {names[0]: values}
        if len(values) == len(every) > len(names):  # None for each constant, as PyTorch wants it
            for name, gradient in zip(every, values, strict=True):
                given = self._given[name]
                if name not in names and gradient is not None and isinstance(given, np.ndarray):
                    check_array(given, name)  # whole numbers where floats were meant
            return {n: g for n, g in zip(every, values, strict=True) if n in names}
        if not names and all(value is None for value in values):
            return {}
        if len(values) < len(names):
            likely = [n for n in names[1:] if _TARGET.match(n)]
            if len(values) == len(names) - len(likely):
                names = [name for name in names if name not in likely]
        if len(values) != len(names):
            self._refuse_count(values, names)
        return dict(zip(names, values, strict=True))

    def _refuse_count(self, values: Collection[Any], names: list[str]) -> None:
        advice = ""
        if len(values) < len(names):
            shapes = [np.shape(value) for value in values if isinstance(value, np.ndarray)]
            others = [n for n in names if n in self.arrays and self.arrays[n].shape not in shapes]
            said = others if len(names) - len(others) == len(values) else names[len(values) :]
            advice = f"; say what is not differentiated, as in `constants={said}`"
        raise InputError(
            f"backward must return a gradient for each of {', '.join(names)}, in this order; "
            f"it returned {len(values)}{advice}"
        )

    def _spread(self, place: Any, gradient: Any, name: str) -> dict[str, Any]:
        """Return the gradients of one argument, which may be a dict or list, by name."""
        if isinstance(place, str):
            return {place: gradient}
        keyed = place.items() if isinstance(place, Mapping) else enumerate(place)
        kind = Mapping if isinstance(place, Mapping) else list | tuple
        if not isinstance(gradient, kind):
            raise InputError(
                f"the gradient of {name} is {type(gradient).__name__} where gradcheck expects "
                f"{'a dict' if isinstance(place, Mapping) else 'a list'} like {name} itself; if "
                f"it is not differentiated, say `constants=[{name!r}]`"
            )
        gradients: dict[str, Any] = {}
        for key, inner in keyed:
            if isinstance(gradient, Mapping):
                one = gradient[key] if key in gradient else gradient.get(f"d{key}")
            else:
                one = gradient[key] if key < len(gradient) else None
            gradients |= self._spread(inner, one, f"{name}[{key!r}]")
        return gradients


def _is_differentiable(value: Any) -> bool:
    if isinstance(value, Mapping | list | tuple) and value:
        inner = value.values() if isinstance(value, Mapping) else value
        return all(isinstance(one, np.ndarray) and _is_differentiable(one) for one in inner)
    return isinstance(value, np.ndarray) and value.dtype.kind in "fc"


def _is_list_of_floats(value: Any) -> bool:
    """Whether a list was given where an array is meant."""
    if not isinstance(value, list) or _is_differentiable(value):
        return False
    try:
        return np.asarray(value).dtype.kind == "f" and bool(value)
    except (TypeError, ValueError):  # rows of several lengths
        return False


def _copied(constant: Any) -> Any:
    try:
        return copy.deepcopy(constant)
    except Exception:  # an open file, a lock: what cannot be copied is not put back either
        return constant
