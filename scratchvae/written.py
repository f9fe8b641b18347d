"""The passes of layers and likelihoods as the package has written them.

The engine's plans stand for these. They are noted when ``layers`` and ``probability`` are imported,
before anybody can have put others in their place.
"""

from collections.abc import Iterable
from typing import Any

PASSES = ("forward", "backward", "negative_log_likelihood", "gradient")

_written: dict[type, dict[str, Any]] = {}


def note_passes(things: Iterable[Any]) -> None:
    """Note the passes of the classes among ``things``."""
    for kind in things:
        if isinstance(kind, type):
            passes = {name: getattr(kind, name) for name in PASSES if hasattr(kind, name)}
            _written[kind] = passes


def is_as_written(thing: Any) -> bool:
    """Tell whether an object is of one of these classes, and neither was given other passes."""
    written = _written.get(type(thing))
    if written is None or any(name in vars(thing) for name in PASSES):
        return False
    return all(getattr(type(thing), name) is method for name, method in written.items())
