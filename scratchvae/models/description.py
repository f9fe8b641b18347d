"""What a model is made of, as JSON says it, and the model that is made from that.

A layer, a likelihood or a model is an object with its class and the arguments of its constructor::

    {"class": "Conv2D", "arguments": {"in_channels": 1, "out_channels": 32, "kernel_size": 3, …}}
    {"class": "Sequential", "layers": […]}

Where JSON has no such value there is an object with one key: ``{"array": "constant/0"}`` for an
array of the archive, ``{"float": "-inf"}``. Only the package's own classes are made from it; one of
somebody else's is named, with ``"own": true``, and cannot be.
"""

import inspect
from collections.abc import Mapping
from math import isfinite, prod
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae import layers, probability
from scratchvae.errors import InputError
from scratchvae.layers import BatchNorm, Layer, LayerNorm, Sequential
from scratchvae.probability import Likelihood

PARTS: dict[str, type] = {
    name: kind
    for module, base in ((layers, Layer), (probability, Likelihood))
    for name in module.__all__
    if isinstance(kind := getattr(module, name), type) and issubclass(kind, base) and kind != base
}
"""The classes that a model is made of, by name."""

_MOST_COUNT = 1 << 25  # of rows, features, …: more numbers no layer may have
_DRAWN = ("rng", "dtype")  # arguments that say nothing of what a layer computes
_FLOATS = ("-inf", "inf")


class ForeignClassError(ValueError):
    """Something was made of a class that is not the package's."""


def described(thing: Any, constants: dict[str, NDArray[Any]]) -> Any:
    """Return what JSON says of a part or a value; arrays that it names are added to constants."""
    match thing:
        case Sequential() if _is_plain(thing):
            inner = [described(layer, constants) for layer in thing.layers]
            return {"class": "Sequential", "layers": inner}
        case Layer() | Likelihood() if _is_plain(thing):
            return {"class": type(thing).__name__, "arguments": _of_part(thing, constants)}
        case Layer() | Likelihood():
            return {"class": type(thing).__qualname__, "own": True}
        case np.ndarray():
            name = f"constant/{len(constants)}"
            constants[name] = thing
            return {"array": name}
        case float() if not isfinite(thing):
            return {"float": str(thing)}
        case tuple() | list():
            return [described(one, constants) for one in thing]
    return thing


def described_model(model: Any, constants: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return what JSON says of a model."""
    kind = type(model)
    if not kind.__module__.startswith("scratchvae.") or _methods_of_its_own(model):
        return {"class": kind.__qualname__, "own": True}
    paths = {name: name for name in arguments(kind)} | model.made_of | {"settings": ""}
    given = {name: attrgetter(path)(model) for name, path in paths.items() if path}
    others = {"likelihood": model.likelihood, "kl_weight": model.kl_weight}
    return {
        "class": kind.__name__,
        "arguments": {name: described(value, constants) for name, value in given.items()},
        "attributes": {
            name: described(value, constants) for name, value in others.items() if name not in given
        },
    }


def foreign_classes(description: Any) -> list[str]:
    """Return the names of all classes in a description that are not the package's."""
    if isinstance(description, dict):
        own = [str(description.get("class"))] if description.get("own") else []
        return own + foreign_classes(list(description.values()))
    if isinstance(description, list):
        return [name for one in description for name in foreign_classes(one)]
    return []


def arguments(kind: type) -> list[str]:
    """Return the names of a constructor's arguments, those that it passes on included."""
    names: dict[str, None] = {}
    for one in kind.__mro__:
        if "__init__" not in vars(one):
            continue
        parameters = inspect.signature(vars(one)["__init__"]).parameters.values()
        passed_on = [each for each in parameters if each.kind == each.VAR_KEYWORD]
        variable = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
        names |= {each.name: None for each in parameters if each.kind not in variable}
        if not passed_on:
            break
    return [name for name in names if name != "self"]


class Maker:
    """Makes models from descriptions, of no more numbers than the archive has.

    Weights are zeros: their values are in the archive.

    Parameters
    ----------
    models
        The classes of models that may be made, by name.
    arrays
        The arrays of the archive, by name.
    """

    def __init__(self, models: Mapping[str, type], arrays: Mapping[str, NDArray[Any]]) -> None:
        self._models, self._arrays = models, arrays
        self._zeros = _Zeros(sum(array.size for array in arrays.values()))

    def model(self, description: Any) -> Any:
        """Return the model of a description; anything that is wrong with it is an exception."""
        kind, given = self._models[description["class"]], description["arguments"]
        _check_names(given, arguments(kind))
        model = kind(**{name: self._value(value) for name, value in given.items()})
        for name, value in description["attributes"].items():
            if name not in ("likelihood", "kl_weight"):
                raise ValueError(f"it sets {name!r}")
            setattr(model, name, self._value(value))
        return model

    def _value(self, value: Any) -> Any:
        match value:
            case {"own": True, "class": str(name)}:
                raise ForeignClassError(name)
            case {"class": "Sequential", "layers": [*inner]}:
                return Sequential(*map(self._value, inner))
            case {"class": str(name), "arguments": dict(given)}:
                return self._part(PARTS[name], given)
            case {"array": str(name)}:
                return self._arrays[name]
            case {"float": str(text)} if text in _FLOATS:
                return float(text)
            case dict():
                raise ValueError("it has an object of no known kind")
            case list():
                return tuple(map(self._value, value))
            case int() if value > _MOST_COUNT:
                raise ValueError(f"{value:,} is more than any count in a model")
        return value

    def _part(self, kind: type, given: dict[str, Any]) -> Any:
        names = arguments(kind)
        _check_names(given, names)
        options = {name: self._value(value) for name, value in given.items()}
        if kind in (BatchNorm, LayerNorm):  # which have ones and zeros, without drawing them
            sizes = options.get("channels", options.get("shape", 1))
            self._zeros.take(prod(sizes) if isinstance(sizes, tuple) else sizes)
        return kind(**options, **({"rng": self._zeros} if "rng" in names else {}))


class _Zeros(np.random.Generator):
    """A generator that draws zeros, and no more of them than an archive has numbers."""

    def __init__(self, most: int) -> None:
        super().__init__(np.random.PCG64(0))
        self._left = most

    def take(self, count: int) -> None:
        """Count numbers; ``InputError`` where there are too many."""
        self._left -= count
        if self._left < 0:
            raise InputError("it describes a model of more numbers than are in the file")

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Return zeros."""
        self.take(prod(size) if isinstance(size, tuple) else int(size))
        return np.zeros(size)


def _of_part(part: Any, constants: dict[str, NDArray[Any]]) -> dict[str, Any]:
    names = [name for name in arguments(type(part)) if name not in _DRAWN]
    given = {name: described(getattr(part, name), constants) for name in names}
    return given | ({"dtype": part.dtype.name} if isinstance(part, Layer) else {})


def _is_plain(part: Any) -> bool:
    """Tell whether a part is of one of the package's classes, and does what that does."""
    return PARTS.get(type(part).__name__) is type(part) and not _methods_of_its_own(part)


def _methods_of_its_own(thing: Any) -> bool:
    return any(callable(value) and hasattr(type(thing), n) for n, value in vars(thing).items())


def _check_names(given: Mapping[str, Any], names: list[str]) -> None:
    for name in given:
        if name not in names or name == "rng":
            raise ValueError(f"it gives an argument {name!r}")
