"""What a gradient check is made of: a layer, a model or a pair of functions, seen alike.

A subject has arrays that it depends on, a forward pass that takes them to an output, and a backward
pass that takes ∂loss/∂output to a gradient for each array. It can also be run on *another* batch,
which is how a check finds what is left over from one pass to the next.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray
from scratchvae.errors import InputError
from scratchvae.gradient_check.evidence import Facts
from scratchvae.layers import Sequential
from scratchvae.models import LatentModel


class Subject:
    """What all subjects share.

    Attributes
    ----------
    title
        What the report calls it.
    arrays
        What it depends on, by name. The check moves them in place.
    accumulating
        The names of those whose gradient a backward pass adds to.
    smooth
        Whether it has no kinks, as far as it says.
    """

    title: str
    arrays: dict[str, FloatArray]
    accumulating: frozenset[str] = frozenset()
    smooth = True

    def forward(self, other: bool = False) -> FloatArray:
        """Return the output, an array that stays as it is; ``other``: that of another batch."""
        raise NotImplementedError

    def backward(self, dy: FloatArray) -> None:
        """Run the backward pass of the last forward pass."""
        raise NotImplementedError

    def clear(self) -> None:
        """Set all gradients to zero."""

    def gradients(self) -> dict[str, FloatArray]:
        """Return a copy of the gradients as they stand."""
        raise NotImplementedError

    def parts(self) -> FloatArray | None:
        """Return the two parts of the last forward pass's loss, (2,), where there are such."""
        return None

    def restore(self) -> None:
        """Put everything back as it was before the check, gradients apart."""

    def sizes(self, y: FloatArray) -> dict[str, int]:
        """Return the counts that a wrong factor may be made of."""
        sizes = {}
        if y.ndim:
            sizes = {"examples": len(y), "numbers per example": y[0].size, "numbers": y.size}
        return sizes

    def facts(self, dy: FloatArray) -> Facts:
        """Run the passes once more in several orders, and say how they behave."""
        y = self.forward()
        repeats = np.array_equal(y, self.forward(), equal_nan=True)
        first = self._gradients(dy)
        again: dict[str, FloatArray] = {}
        try:
            self.clear()
            self.backward(dy)
            again = self.gradients()
        except Exception:  # one forward pass for each backward pass is a fair rule for a stranger
            again = {}
        self.forward(other=True)
        with_another = self._gradients(dy)
        self.forward(other=True)
        self.backward(dy[::-1] if dy.ndim else dy)
        self.forward()
        after = self._gradients(dy)
        self.clear()
        for _ in range(2):
            self.forward()
            self.backward(dy)
        added = {name: g for name, g in self.gradients().items() if name in self.accumulating}
        return Facts(
            sizes=self.sizes(y),
            forward_repeats=repeats,
            first=first,
            again=again,
            after_another=after,
            with_another=with_another,
            added=added,
            one_example=self._single_examples(dy, first),
            upstream=dy,
            arrays=self.arrays,
        )

    def _gradients(self, dy: FloatArray) -> dict[str, FloatArray]:
        self.clear()
        self.backward(dy)
        return self.gradients()

    def _single_examples(self, dy: FloatArray, first: Mapping[str, FloatArray]) -> dict[str, int]:
        """Return which gradients stay the same if dy is zero for all examples but one."""
        if dy.ndim < 2 or len(dy) < 2:
            return {}
        found: dict[str, int] = {}
        for example in (0, len(dy) - 1):
            alone = np.zeros_like(dy)
            alone[example] = dy[example]
            self.forward()
            for name, gradient in self._gradients(alone).items():
                same = gradient.shape == first[name].shape and gradient.dtype != object
                if same and np.any(gradient) and np.array_equal(gradient, first[name]):
                    found[name] = example
        return found


class LayerSubject(Subject):
    """A layer, or anything with ``forward`` and ``backward`` and perhaps ``parameters``."""

    def __init__(self, layer: Any, x: FloatArray, training: bool) -> None:
        self.title = type(layer).__name__
        self.layer = layer
        self.x = x.copy()  # it will be moved
        self.dx: FloatArray = np.empty(0)
        self.parameters = dict(getattr(layer, "parameters", {}))
        self.arrays = {"x": self.x} | {name: p.value for name, p in self.parameters.items()}
        self.accumulating = frozenset(self.parameters)
        self.smooth = is_smooth(layer)
        # A layer of someone else's need not know of training.
        self.options = {"training": training} if _takes(layer.forward, "training") else {}
        self._kept = _copies(layer)

    def forward(self, other: bool = False) -> FloatArray:
        """Return a copy of the layer's output."""
        x = 0.9 * self.x[::-1] if other else self.x
        given = x.copy()
        y = np.array(self.layer.forward(x, **self.options))
        if not np.array_equal(x, given):
            raise InputError(f"{self.title}.forward changed its argument x: copy it first")
        return y

    def backward(self, dy: FloatArray) -> None:
        """Run the layer's backward pass, on a dy that must stay as it is."""
        given = dy.copy()
        self.dx = np.array(self.layer.backward(dy))
        if not np.array_equal(dy, given):
            raise InputError(f"{self.title}.backward changed its argument dy: copy it first")

    def clear(self) -> None:
        """Set the gradients of the parameters to zero."""
        if hasattr(self.layer, "zero_grad"):
            self.layer.zero_grad()
            return
        for parameter in self.parameters.values():
            parameter.grad = np.zeros_like(parameter.value)

    def gradients(self) -> dict[str, FloatArray]:
        """Return copies of dx and of the parameters' gradients."""
        return {"x": self.dx.copy()} | {
            name: np.array(p.grad) for name, p in self.parameters.items()
        }

    def restore(self) -> None:
        """Put parameters and buffers back."""
        _put_back(self.layer, self._kept)


class ModelSubject(Subject):
    """A whole model's loss, its noise frozen, as a function of its parameters."""

    def __init__(
        self,
        model: LatentModel,
        x: FloatArray,
        noise: FloatArray,
        training: bool,
        labels: NDArray[Any] | None = None,
    ) -> None:
        self.title = type(model).__name__
        self.model, self.x, self.noise, self.training = model, x, noise, training
        self.arrays = {name: p.value for name, p in model.parameters.items()}
        self.accumulating = frozenset(self.arrays)
        self.smooth = is_smooth(model)
        self._parts = np.zeros(2)
        self._given = {} if labels is None else {"labels": labels}
        self._kept = _copies(model)

    def forward(self, other: bool = False) -> FloatArray:
        """Return the loss, as an array without axes."""
        x, noise = (self.x[::-1].copy(), -self.noise) if other else (self.x, self.noise)
        parts = self.model.forward(x, noise, self.training, **self._given)
        self._parts = np.array([parts.reconstruction, parts.loss - parts.reconstruction])
        return np.array(parts.loss)

    def backward(self, dy: FloatArray) -> None:
        """Run the model's backward pass."""
        self.model.backward()

    def clear(self) -> None:
        """Set all gradients to zero."""
        self.model.zero_grad()

    def gradients(self) -> dict[str, FloatArray]:
        """Return copies of the parameters' gradients."""
        return {name: p.grad.copy() for name, p in self.model.parameters.items()}

    def parts(self) -> FloatArray | None:
        """Return the reconstruction and the weighted KL, where there is a KL."""
        return self._parts if self.model.has_prior else None

    def restore(self) -> None:
        """Put parameters and buffers back."""
        _put_back(self.model, self._kept)

    def sizes(self, y: FloatArray) -> dict[str, int]:
        """Return images, pixels, latents and samples."""
        return {
            "images": len(self.x),
            "pixels": self.x[0].size,
            "latents": self.model.latent_dim,
            "samples": len(self.noise),
        }


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
        return np.array(result, dtype=np.float64)

    def backward(self, dy: FloatArray) -> None:
        """Run the backward function, and sort what it returned by name."""
        found = self._backward(dy.copy(), *self._cache)
        names = list(self.arrays)
        if isinstance(found, Mapping):
            by_name = {name.removeprefix("d"): name for name in found}
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


def is_smooth(thing: object) -> bool:
    """Whether a layer or model has no kinks, as far as its layers say."""
    if isinstance(thing, LatentModel):
        return thing.smooth and all(is_smooth(part) for part in thing.parts.values())
    if isinstance(thing, Sequential):
        return all(is_smooth(layer) for layer in thing.layers)
    return bool(getattr(thing, "smooth", True))


def _copies(thing: Any) -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    parameters = getattr(thing, "parameters", {})
    buffers = getattr(thing, "buffers", {})
    return (
        {name: p.value.copy() for name, p in parameters.items()},
        {name: buffer.copy() for name, buffer in buffers.items()},
    )


def _put_back(thing: Any, kept: tuple[dict[str, FloatArray], dict[str, FloatArray]]) -> None:
    values, buffers = kept
    for name, value in values.items():
        thing.parameters[name].value[...] = value
    for name, buffer in buffers.items():
        thing.buffers[name][...] = buffer  # each forward pass had moved them on


def _takes(function: Callable[..., Any], name: str) -> bool:
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    try:
        names = list(inspect.signature(function).parameters)[:count]
    except (TypeError, ValueError):
        names = []
    usual = ["x", "w", "b"]
    if len(names) < count:
        names = usual[:count] if count <= 3 else [f"argument {i}" for i in range(count)]
    return names
