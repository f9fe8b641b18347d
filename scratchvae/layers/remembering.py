"""What a forward pass leaves in a layer, and a copy or pickle of the layer leaves out."""

from dis import get_instructions
from functools import cache
from inspect import unwrap
from types import FunctionType
from typing import Any

USUAL = ("x", "y")


@cache
def remembered(kind: Any) -> frozenset[str]:
    """Return the attributes of a class that are left by its forward pass and by nothing else.

    They are those that it names, or of the `USUAL` those that ``forward`` sets and the constructor
    does not: a layer of somebody's own may have a constant of that name.
    """
    names = frozenset(kind.remembers)
    if kind.remembers is not USUAL:
        return names
    return names & _set_by(kind, "forward") - _set_by(kind, "__init__")


def _set_by(kind: type, method: str) -> set[str]:
    """Return the names in ``self.name = …`` in a method, as a class or one above it defines it."""
    # A decorated method is what it wraps.
    found = [unwrap(vars(one)[method]) for one in kind.__mro__ if method in vars(one)]
    codes = [function.__code__ for function in found if isinstance(function, FunctionType)]
    lines = [line for code in codes for line in get_instructions(code)]
    return {line.argval for line in lines if line.opname == "STORE_ATTR"}
