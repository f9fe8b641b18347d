"""A pair of functions as the subject of a gradient check."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from scratchvae.checks.gradients.subject import Subject, check_output
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray


class FunctionSubject(Subject):
    """A pair of functions: ``forward(*arrays) → y`` and ``backward(dy) → gradients``.

    Where ``forward`` returns ``(y, cache)``, ``backward`` is called as ``backward(dy, cache)``.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        arrays: Sequence[FloatArray],
    ) -> None:
        self.title = getattr(forward, "__name__", "forward")
        self._forward, self._backward = forward, backward
        names = _argument_names(forward, len(arrays))
        self.arrays = {name: a.copy() for name, a in zip(names, arrays, strict=True)}
        self._cache: tuple[Any, ...] = ()
        self._found: dict[str, FloatArray] = {}

    def forward(self, other: bool = False) -> FloatArray:
        """Return a copy of the output; another batch is the same arrays, each a little smaller."""
        arrays = [0.9 * a if other else a for a in self.arrays.values()]
        result = self._forward(*arrays)
        self._cache = ()
        if isinstance(result, tuple):
            if len(result) != 2:
                raise InputError(
                    f"{self.title} must return y or (y, cache), not {len(result)} things"
                )
            result, self._cache = result[0], (result[1],)
        return check_output(result, self.title)

    def backward(self, dy: FloatArray) -> None:
        """Run the backward function, and sort what it returned by name."""
        found = self._backward(dy.copy(), *self._cache)
        names = list(self.arrays)
        if isinstance(found, Mapping):
            by_name = {name.removeprefix("d"): name for name in found if isinstance(name, str)}
            missing = [n for n in names if n not in found and n not in by_name]
            if missing:
                raise InputError(
                    f"backward gave gradients called {', '.join(map(str, found))}: there must be "
                    f"one for {missing[0]!r}, called {missing[0]!r} or 'd{missing[0]}'"
                )
            found = [found[n] if n in found else found[by_name[n]] for n in names]
        elif not isinstance(found, tuple | list):
            found = [found]
        if len(found) != len(names):
            raise InputError(
                f"backward must return a gradient for each of {', '.join(names)}, in this order; "
                f"it returned {len(found)}"
            )
        self._found = {name: np.array(g) for name, g in zip(names, found, strict=True)}

    def gradients(self) -> dict[str, FloatArray]:
        """Return copies of what the backward function returned."""
        return {name: g.copy() for name, g in self._found.items()}


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)[:count]
    except (TypeError, ValueError):
        names = []
    usual = ["x", "w", "b"]
    if len(names) < count:
        names = usual[:count] if count <= 3 else [f"argument {i}" for i in range(count)]
    return names
