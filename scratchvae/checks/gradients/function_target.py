"""A pair of functions as the target of a gradient check."""

import re
from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from typing import Any

import numpy as np

from scratchvae.checks.gradients.input import argument_names, as_output, check_call
from scratchvae.checks.gradients.target import Target
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# What the gradient of an output is called, as opposed to what a forward pass kept.
GRADIENT_NAME = re.compile(r"d[A-Z_0-9]|d[a-z]{1,2}$|grad|.*_grad$|g$|g_|delta")


class FunctionTarget(Target):
    """A pair of functions: ``forward(*arrays) → y`` and ``backward(dy) → gradients``.

    If ``forward`` returns ``(y, cache)``, ``backward`` is called as ``backward(dy, cache)``. With
    several ``outputs`` these are y₁, y₂, … and their gradients; the target then puts them one after
    another into a single y.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        arrays: Sequence[FloatArray],
        outputs: int | None,
    ) -> None:
        names = argument_names(forward, len(arrays))
        inputs = {name: a.copy() for name, a in zip(names, arrays, strict=True)}
        super().__init__(getattr(forward, "__name__", "forward"), inputs)
        self.sources = {"": forward}
        self.remedy = "make it an argument of forward, if it is learned"
        self._forward, self._backward = forward, backward
        self.calls = {"forward": self.title, "backward": "backward"}
        self._said = outputs
        self._shapes: list[tuple[int, ...]] = [()]
        self._cache: tuple[Any, ...] = ()
        check_call(
            forward,
            self.title,
            ", ".join(names),
            "give an array for each argument, and fix the others in a lambda",
        )

    @property
    def cache_like_output(self) -> bool:
        """Whether the cache could be a second output, as nobody said how many there are."""
        cached = self._cache[0] if self._cache else None
        return self._said is None and isinstance(cached, np.ndarray) and cached.dtype.kind == "f"

    def forward(self, other: bool = False) -> FloatArray:
        """Return a copy of the output."""
        result = self._on_another_batch() if other else self._forward(*self.arrays.values())
        count = self._said or 1
        if count > 1 and not (isinstance(result, tuple) and len(result) in (count, count + 1)):
            found = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
            raise InputError(
                f"{self.title} must return {count} outputs, or these and a cache, not {found}: "
                "say how many there are with `outputs`"
            )
        if isinstance(result, tuple) and (not result or len(result) > count + 1):
            raise InputError(
                f"{self.title} must return y or (y, cache), not {len(result)} values: say how many "
                f"of them are outputs, as in `outputs={len(result)}`"
            )
        values = result[:count] if isinstance(result, tuple) else (result,)
        self._cache = result[count:] if isinstance(result, tuple) else ()
        arrays = [as_output(value, self.title) for value in values]
        self._shapes = [array.shape for array in arrays]
        if count == 1:
            return arrays[0]
        self.counts = {"the number of examples": len(arrays[0])} if arrays[0].ndim else {}
        return np.concatenate([array.ravel() for array in arrays])

    def _on_another_batch(self) -> Any:
        """Run the forward pass on the same arrays, each a little smaller and in another order.

        Some functions take no other order (that of a matrix with a Cholesky factor).
        """
        smaller = [0.9 * array for array in self.arrays.values()]
        try:
            with np.errstate(all="ignore"):
                result = self._forward(*(np.array(a[::-1]) if a.ndim else a for a in smaller))
            first = result[0] if isinstance(result, tuple) and result else result
            if np.isfinite(first).all():
                return result
        except Exception:
            pass
        return self._forward(*smaller)

    def backward(self, dy: FloatArray) -> None:
        """Run the backward function, and sort what it returned by name."""
        self._check_backward()
        ends = np.cumsum([int(np.prod(shape)) for shape in self._shapes])[:-1]
        pieces = np.split(dy, ends) if len(self._shapes) > 1 else [dy]
        upstream = [d.reshape(shape) for d, shape in zip(pieces, self._shapes, strict=True)]
        found = self._backward(*upstream, *self._cache)
        names = list(self.arrays)
        if isinstance(found, Mapping):
            by_name = {name.removeprefix("d"): name for name in found if isinstance(name, str)}
            missing = [n for n in names if n not in found and n not in by_name]
            if missing:
                raise InputError(
                    f"backward returned gradients called {', '.join(map(str, found))}: there must "
                    f"be one for {missing[0]!r}, called {missing[0]!r} or 'd{missing[0]}'"
                )
            found = [found[n] if n in found else found[by_name[n]] for n in names]
        elif not isinstance(found, tuple | list):
            found = [found]
        if len(found) != len(names):
            raise InputError(
                f"backward must return a gradient for each of {', '.join(names)}, in this order; "
                f"it returned {len(found)}"
            )
        self.input_gradients = dict(zip(names, found, strict=True))

    def _check_backward(self) -> None:
        """Refuse a backward that does not take what it will be given."""
        count = len(self._shapes)
        given = ["dy"] if count == 1 else [f"dy_{number + 1}" for number in range(count)]
        given += ["cache"] if self._cache else []
        check_call(
            self._backward,
            "backward",
            ", ".join(given),
            "let it take the gradient of each output (1 for a loss), and the cache if there is one",
        )
        if not self.cache_like_output:
            return
        try:
            name = [*signature(self._backward).parameters][1]
        except (IndexError, TypeError, ValueError):
            return
        if GRADIENT_NAME.match(name):
            raise InputError(
                f"{self.title} returned two arrays, and backward takes {name}: say `outputs=2` if "
                "both are outputs, or `outputs=1` if the second is only kept for backward"
            )
