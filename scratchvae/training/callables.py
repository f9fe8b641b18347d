"""Functions that a user hands over, checked before anything is done with them."""

import inspect
from typing import Any

from scratchvae.errors import InputError, shown


def check_callable(function: Any, name: str, *arguments: str, kind: str = "a function") -> None:
    """Raise ``InputError`` unless a function can be called with these arguments."""
    if not callable(function):
        raise InputError(f"{name} must be {kind}, not {shown(function)}")
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some that are written in C do not tell
        return
    try:
        signature.bind(*arguments)
    except TypeError as error:
        given = " and ".join(arguments) or "no arguments"
        raise InputError(f"{name} is called with {given}, and cannot be: {error}") from None
