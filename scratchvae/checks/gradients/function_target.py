"""Functions as the target of a gradient check: a pair of them, or one that says its gradients."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from inspect import signature
from typing import Any

import numpy as np

from scratchvae.checks.arguments import described
from scratchvae.checks.gradients.call_arguments import Arguments
from scratchvae.checks.gradients.input import argument_names, as_output, can_call, check_call, run
from scratchvae.checks.gradients.report import Unseen
from scratchvae.checks.gradients.target import Target
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# What the gradient of an output is called, as opposed to what a forward pass kept.
GRADIENT_NAME = re.compile(r"d[A-Z_0-9]|d[a-z]{1,2}$|grad|.*_grad$|g$|g_|delta")
# And what a backward pass may call what was kept.
_KEPT = ("cache", "ctx", "context", "saved", "stored", "kept", "memory")


class FunctionTarget(Target):
    """A pair of functions: ``forward(*arguments) → y`` and ``backward(dy) → gradients``.

    If ``forward`` returns ``(y, cache)``, ``backward`` is called as ``backward(dy, cache)``. With
    several ``outputs`` these are y₁, y₂, … and their gradients; the target then puts them one after
    another into a single y. A loss may have a ``backward`` that takes no dy.

    Without a ``backward``, ``forward`` returns it beside the output, ``(y, backward)``; or it
    returns a loss and its gradients.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any] | None,
        given: Sequence[Any],
        outputs: int | None = None,
        constants: str | Iterable[str] = (),
        *,
        owner: Any = None,
        smooth: bool = True,
    ) -> None:
        self.arguments = Arguments(forward, given, constants)
        title = getattr(forward, "__name__", "forward") if owner is None else type(owner).__name__
        super().__init__(title, dict(self.arguments.arrays), owner, smooth)
        self.options: dict[str, Any] = {}
        self._forward, self._backward = forward, backward
        if owner is None:
            self.calls = {"forward": title, "backward": "backward"}
            self.sources = {"": forward}
            self.remedy = "make it an argument of forward, if it is learned"
        self._said = outputs
        self._cache: tuple[Any, ...] = ()
        check_call(
            forward,
            self.calls["forward"],
            self.arguments.names,
            "give a value for each argument, or fix some in a lambda",
        )

    @property
    def cache_like_output(self) -> bool:
        """Whether the cache could be a second output, as nobody said how many there are."""
        cached = self._cache[0] if self._cache and self._backward else None
        return self._said is None and isinstance(cached, np.ndarray) and cached.dtype.kind == "f"

    def forward(self, other: bool = False) -> FloatArray:
        """Return a copy of the output."""
        self.rewind()
        title = self.calls["forward"]
        result = self._of_another_batch() if other else self._run_forward(self.arguments.arrays)
        count = self._said or 1
        if count > 1 and isinstance(result, list):
            result = tuple(result)
        if count > 1 and not (isinstance(result, tuple) and len(result) in (count, count + 1)):
            found = f"{len(result)} values" if isinstance(result, tuple) else type(result).__name__
            raise InputError(
                f"{title} must return {count} outputs, or these and a cache, not {found}: "
                "say how many there are with `outputs`"
            )
        most = count + 1 if self._backward else np.inf
        if isinstance(result, tuple) and (not result or len(result) > most):
            raise InputError(
                f"{title} must return y or (y, cache), not {len(result)} values: say how many "
                f"of them are outputs, as in `outputs={len(result)}`"
            )
        values = result[:count] if isinstance(result, tuple) else (result,)
        self._cache = result[count:] if isinstance(result, tuple) else ()
        return self.joined([as_output(value, title) for value in values])

    def _run_forward(self, arrays: Mapping[str, FloatArray]) -> Any:
        given = self.arguments.values(arrays)
        return run(self.calls["forward"], self._forward, *given, **self.options)

    def _of_another_batch(self) -> Any:
        """Run the forward pass on the same arrays, each a little smaller and in another order.

        Not every function takes them in another order (nor a matrix with a Cholesky factor).
        """
        smaller = {n: np.asarray(0.9 * a) for n, a in self.arguments.arrays.items()}
        reordered = {n: np.array(a[::-1]) if a.ndim else a for n, a in smaller.items()}
        with suppress(Exception), np.errstate(all="ignore"):
            result = self._run_forward(reordered)
            first = result[0] if isinstance(result, tuple) else result
            if np.isfinite(first).all():
                return result
        return self._run_forward(smaller)

    def backward(self, dy: FloatArray) -> None:
        """Run the backward function, and sort what it returned by name."""
        self.take_inputs(self._run_backward(self.separated(dy)))

    def take_inputs(self, found: Any) -> None:
        """Sort the gradients that came back; an array without one is not checked."""
        self.input_gradients = self.arguments.sort(found)
        for name in self.arguments.left_out:
            self.arrays.pop(name, None)

    def unchecked(self) -> list[Unseen]:
        """Return the inputs that the backward pass returned no gradient for."""
        return [
            Unseen(
                name,
                size,
                f"backward returns no gradient of it: if that is meant, say `constants={name!r}`",
            )
            for name, size in self.arguments.left_out.items()
        ]

    def _run_backward(self, upstream: list[FloatArray]) -> Any:
        called, backward, cache = self.calls["backward"], self._backward, self._cache
        if backward is None:
            if len(cache) != 1 or not callable(cache[0]):
                return self._own_gradients()
            called, backward, cache = f"what {self.title} returned", cache[0], ()
        kept = ["cache"] if cache else []
        several = len(upstream) > 1
        names = [f"dy_{place + 1}" for place in range(len(upstream))] if several else ["dy"]
        if not can_call(backward, [*names, *kept]):
            loss = all(shape == () for shape in self.shapes)
            if loss and can_call(backward, kept):  # the gradient of a loss needs no dy
                upstream = []
            elif several and can_call(backward, ["dy", *kept]):
                return run(called, backward, tuple(upstream), *cache)
            else:
                self._refuse_backward(backward, called, [*names, *kept])
        if upstream and not several and kept:
            self._check_order(backward)
        if upstream and not several and self.cache_like_output:
            self._check_output_is_kept(backward)
        return run(called, backward, *upstream, *cache)

    def _own_gradients(self) -> Any:
        """Return the gradients that came with a loss."""
        if not self._cache or self.shapes != [()]:
            outcome = "one output" if not self._cache else f"an output of {self.shapes[0]}"
            raise InputError(
                f"{self.title} returned {outcome} and there is no backward: give one, or return "
                "(y, backward), or (loss, gradients) with a number as the loss"
            )
        return self._cache[0] if len(self._cache) == 1 else self._cache

    def _refuse_backward(self, backward: Any, called: str, names: list[str]) -> None:
        hint = "; say `outputs=2` if both arrays are outputs" if self.cache_like_output else ""
        check_call(
            backward,
            called,
            names,
            "let it take the gradient of each output (1 for a loss), and the cache if there is "
            f"one{hint}",
        )

    def _check_order(self, backward: Callable[..., Any]) -> None:
        """Refuse a backward pass that takes the cache first, by its names."""
        names = argument_names(backward, 2)
        if names[0] in _KEPT and names[1] not in _KEPT:
            raise InputError(
                f"backward takes ({', '.join(names)}) and gradcheck calls it with (dy, cache): "
                f"give `lambda dy, cache: backward(cache, dy)`"
            )

    def _check_output_is_kept(self, backward: Callable[..., Any]) -> None:
        """Refuse a second array that is an output by the name of its gradient."""
        try:
            name = [*signature(backward).parameters][1]
        except (IndexError, TypeError, ValueError):
            return
        if GRADIENT_NAME.match(name):
            raise InputError(
                f"{self.calls['forward']} returned two arrays, and backward takes {name}: say "
                "`outputs=2` if both are outputs, or `outputs=1` if the second is only kept for "
                "backward"
            )


def check_functions(forward: Any, backward: Any) -> None:
    """Refuse what cannot be called."""
    if not callable(forward) or not (backward is None or callable(backward)):
        raise InputError(
            "gradcheck_functions expects two functions, forward and backward, not "
            f"{described(forward)} and {described(backward)}: put the arrays after them; backward "
            "is None if forward returns (loss, gradients) or (y, backward)"
        )
