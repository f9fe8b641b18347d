"""Functions that a user hands over, checked before anything is done with them."""

import inspect
from collections.abc import Callable
from typing import Any

from scratchvae.errors import InputError, shown


def check_callable(
    function: Any, name: str, *arguments: str, kind: str = "a function"
) -> Callable[..., Any]:
    """Return ``function``; ``InputError`` unless it can be called with these arguments."""
    if not callable(function):
        raise InputError(f"{name} must be {kind}, not {shown(function)}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some that are written in C do not tell
        return function
    try:
        signature.bind(*arguments)
    except TypeError as error:
        given = " and ".join(arguments) or "no arguments"
        raise InputError(f"{name} is called with {given}, and cannot be: {error}") from None
    return function
