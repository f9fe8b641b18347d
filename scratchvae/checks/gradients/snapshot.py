"""What a check's passes change on the way, put back: running means, counters."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from scratchvae.checks.gradients.function_target import GRADIENT_NAME
from scratchvae.checks.gradients.unseen import within
from scratchvae.validation import Array

_KEPT = np.ndarray | int | float | np.number


class Snapshot:
    """Arrays and numbers that objects hold, as they are now.

    Parameters
    ----------
    sources
        The objects, and all that can be reached from them.
    gradients
        Arrays that a check may leave changed.
    """

    def __init__(self, sources: Mapping[str, Any], gradients: Collection[Any]) -> None:
        exempt = {id(array) for array in gradients}
        self._arrays: list[tuple[Array, Array]] = []
        self._attributes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for _, thing in within(sources):  # an object comes before what it holds
            if isinstance(thing, np.ndarray):
                if id(thing) not in exempt and thing.dtype != object:
                    self._arrays.append((thing, thing.copy()))
            elif not _is_ours(thing) and isinstance(held := getattr(thing, "__dict__", None), dict):
                own = {n: v for n, v in held.items() if isinstance(v, _KEPT)}
                names = [name for name in own if _is_gradient(name, held)]
                exempt |= {id(own.pop(name)) for name in names}
                self._attributes.append((held, own))

    def restore(self) -> None:
        """Put back what was there; what a pass has left besides stays."""
        for held, own in self._attributes:
            held.update(own)
        for array, before in self._arrays:
            if array.flags.writeable:
                array[...] = before


def _is_gradient(name: str, held: Mapping[str, Any]) -> bool:
    """Tell whether an attribute is a gradient by its name, as ``dweight`` beside ``weight`` is."""
    return bool(GRADIENT_NAME.match(name)) or (name[:1] == "d" and name[1:].lstrip("_") in held)


def _is_ours(thing: object) -> bool:
    return type(thing).__module__.startswith("scratchvae.")
