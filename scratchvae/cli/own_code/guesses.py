"""Guesses at what could be fed to code of the user's, for a line that shows how to say it."""

import inspect
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np

_SHAPES = {"w": "5x3", "weight": "5x3", "weights": "5x3", "b": "3", "bias": "3"}
_ANY = "4x5"  # odd and unequal sizes, which do not fit by accident


def guessed_inputs(found: Any) -> list[str]:
    """Return a shape for each input of a function, or for the one of a layer or a model."""
    image_shape = getattr(found, "image_shape", None)
    if isinstance(image_shape, tuple):
        return ["x".join(map(str, (2, *image_shape)))]
    if hasattr(found, "forward"):
        return [_by_weights(found)]
    return [_SHAPES.get(name.lower(), _ANY) for name in required(found)] or [_ANY]


def _by_weights(layer: Any) -> str:
    """Return a shape that fits a layer's first weights, as layers are usually written."""
    weights: list[Any] = []
    with suppress(Exception):  # it is the user's code, and only a guess
        given = layer.parameters
        torch = callable(given)
        weights = list(given() if torch else given.values())
    shapes = [tuple(getattr(each, "value", each).shape) for each in weights]
    if not weights:
        torch = False
        shapes = [v.shape for v in vars(layer).values() if isinstance(v, np.ndarray)]
    for shape in shapes:
        if len(shape) == 2:
            return f"4x{shape[1 if torch else 0]}"
        if len(shape) == 4:
            return f"2x{shape[1]}x7x5" if torch else f"2x7x5x{shape[2]}"
    return _ANY


def required(function: Callable[..., Any]) -> list[str]:
    """Return the names of the arguments that a function cannot do without."""
    try:
        arguments = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # some functions written in C do not say what they take
        return ["x"]
    usual = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        argument.name
        for argument in arguments
        if argument.default is argument.empty
        and argument.kind in (*usual, inspect.Parameter.KEYWORD_ONLY)
    ]
