"""What a gradient check checks: a layer, a model or a pair of functions, seen alike.

A target has arrays that it depends on, a forward pass from them to an output, and a backward pass
from ∂loss/∂output to a gradient for each array. It can also be run on *another* batch, which is how
a check finds what one pass leaves behind for the next.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.diagnosis import (
    DRAWN_AGAIN,
    INPUT_IGNORED,
    OVERWRITTEN,
    RANDOM_FORWARD,
    STALE,
    Probes,
)
from scratchvae.checks.gradients.input import (
    argument_names,
    as_output,
    check_array,
    parameters_of,
    takes,
)
from scratchvae.errors import InputError
from scratchvae.models import LatentModel
from scratchvae.validation import FloatArray


class Target:
    """What all targets share; each kind has a forward and a backward pass of its own.

    Parameters
    ----------
    title
        What the report calls it.
    inputs
        Arrays that it depends on and that are not parameters, by name. The check moves them.
    owner
        The layer or model whose ``parameters``, if any, it depends on as well.

    Attributes
    ----------
    arrays
        Everything that it depends on, by name.
    smooth
        Whether it has no kinks, as far as it says.
    input_gradients
        What the last backward pass returned for ``inputs``.
    loss_terms
        The two terms of the last forward pass's loss (reconstruction, weighted KL), if it has them.
    counts
        Numbers that a wrong factor may be made of, by name; those of the output if empty.
    """

    def __init__(self, title: str, inputs: dict[str, FloatArray], owner: Any = None) -> None:
        self.title = title
        self.parameters = parameters_of(owner)
        self.arrays = inputs | {name: p.value for name, p in self.parameters.items()}
        self.smooth = is_smooth(owner)
        self.input_gradients: dict[str, FloatArray] = {}
        self.loss_terms: FloatArray | None = None
        self.counts: dict[str, int] = {}
        self._owner = owner
        self._values = {name: p.value.copy() for name, p in self.parameters.items()}
        self._buffers = {name: b.copy() for name, b in getattr(owner, "buffers", {}).items()}

    def forward(self, other: bool = False) -> FloatArray:
        """Return the output in an array of its own; ``other``: for another batch."""
        raise NotImplementedError

    def backward(self, dy: FloatArray) -> None:
        """Run the backward pass of the last forward pass."""
        raise NotImplementedError

    def clear(self) -> None:
        """Set the parameters' gradients to zero."""
        if hasattr(self._owner, "zero_grad"):
            self._owner.zero_grad()
            return
        for parameter in self.parameters.values():
            parameter.grad = np.zeros_like(parameter.value)

    def gradients(self) -> dict[str, FloatArray]:
        """Return copies of all gradients as they stand; one that is missing is ``None`` inside."""
        of_parameters = {n: getattr(p, "grad", None) for n, p in self.parameters.items()}
        return {name: np.array(g) for name, g in (self.input_gradients | of_parameters).items()}

    def differentiate(self, dy: FloatArray) -> dict[str, FloatArray]:
        """Return the gradients of only the last forward pass."""
        self.clear()
        self.backward(dy)
        return self.gradients()

    def restore(self) -> None:
        """Put parameters and buffers back as they were before the check."""
        for name, value in self._values.items():
            self.parameters[name].value[...] = value
        for name, buffer in self._buffers.items():
            self._owner.buffers[name][...] = buffer  # each forward pass has moved them on

    def probe(self, dy: FloatArray) -> Probes:
        """Run the passes once more in several orders, and say how they behave."""
        y = self.forward()
        repeats = np.array_equal(y, self.forward(), equal_nan=True)
        first = self.differentiate(dy)

        def changed(gradients: Mapping[str, FloatArray], tolerance: float = 1e-7) -> set[str]:
            return {n for n, g in gradients.items() if not _same(first[n], g, tolerance)}

        try:
            drawn_again = changed(self.differentiate(dy))
        except Exception:  # it is fair to need a forward pass for each backward pass
            drawn_again = set()
        self.forward(other=True)
        input_matters = changed(self.differentiate(dy), tolerance=0.0)
        self.forward(other=True)
        self.backward(dy[::-1] if dy.ndim else dy)
        self.forward()
        stale = changed(self.differentiate(dy))
        self.clear()
        for _ in range(2):
            self.forward()
            self.backward(dy)
        added = changed(self.gradients())
        seen = {
            RANDOM_FORWARD: set() if repeats else set(first),
            DRAWN_AGAIN: drawn_again,
            STALE: stale,
            OVERWRITTEN: {n for n in set(self.parameters) - added if np.any(first[n])},
            INPUT_IGNORED: {n for n in set(self.parameters) - input_matters if first[n].ndim > 1},
        }
        counts = self.counts or _counts(y)
        return Probes(seen, self._single_examples(dy, first), counts, dy, self.arrays)

    def _single_examples(self, dy: FloatArray, first: Mapping[str, FloatArray]) -> dict[str, int]:
        """Return which gradients stay the same if dy is zero for all examples but one."""
        if dy.ndim < 2 or len(dy) < 2:
            return {}
        found: dict[str, int] = {}
        for example in (0, len(dy) - 1):
            only = np.zeros_like(dy)
            only[example] = dy[example]
            self.forward()
            for name, gradient in self.differentiate(only).items():
                if np.any(gradient) and _same(gradient, first[name], 0.0):
                    found[name] = example
        return found


class LayerTarget(Target):
    """A layer, or anything with ``forward`` and ``backward`` and perhaps ``parameters``."""

    def __init__(self, layer: Any, x: FloatArray, training: bool) -> None:
        self.x = x.copy()  # it will be moved
        super().__init__(type(layer).__name__, {"x": self.x}, layer)
        self.layer = layer
        # Someone else's layer need not know of training.
        self.options = {"training": training} if takes(layer.forward, "training") else {}

    def forward(self, other: bool = False) -> FloatArray:
        """Return a copy of the layer's output, from an x that must stay as it is."""
        x = 0.9 * self.x[::-1] if other else self.x
        given = x.copy()
        y = as_output(self.layer.forward(x, **self.options), f"{self.title}.forward")
        if not np.array_equal(x, given):
            raise InputError(f"{self.title}.forward changed its argument x: copy it first")
        return y

    def backward(self, dy: FloatArray) -> None:
        """Run the layer's backward pass, on a dy that must stay as it is."""
        given = dy.copy()
        self.input_gradients["x"] = np.array(self.layer.backward(dy))
        if not np.array_equal(dy, given):
            raise InputError(f"{self.title}.backward changed its argument dy: copy it first")


class ModelTarget(Target):
    """A whole model's loss, its noise frozen, as a function of its parameters."""

    def __init__(
        self,
        model: LatentModel,
        x: FloatArray,
        noise: FloatArray,
        training: bool,
        labels: NDArray[Any] | None = None,
    ) -> None:
        super().__init__(type(model).__name__, {}, model)
        self.model, self.x, self.noise, self.training = model, x, noise, training
        self.counts = {
            "the number of images": len(x),
            "the number of pixels": x[0].size,
            "the number of latents": model.latent_dim,
            "the number of samples": len(noise),
        }
        self._conditions = {} if labels is None else {"labels": labels}

    def forward(self, other: bool = False) -> FloatArray:
        """Return the loss, as an array without axes."""
        x, noise = (self.x[::-1].copy(), -self.noise) if other else (self.x, self.noise)
        terms = self.model.forward(x, noise, self.training, **self._conditions)
        if self.model.has_prior:
            self.loss_terms = np.array([terms.reconstruction, terms.loss - terms.reconstruction])
        return np.array(terms.loss)

    def backward(self, dy: FloatArray) -> None:
        """Run the model's backward pass."""
        self.model.backward()


class FunctionTarget(Target):
    """A pair of functions: ``forward(*arrays) → y`` and ``backward(dy) → gradients``.

    If ``forward`` returns ``(y, cache)``, ``backward`` is called as ``backward(dy, cache)``.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        backward: Callable[..., Any],
        arrays: Sequence[FloatArray],
    ) -> None:
        names = argument_names(forward, len(arrays))
        inputs = {name: a.copy() for name, a in zip(names, arrays, strict=True)}
        super().__init__(getattr(forward, "__name__", "forward"), inputs)
        self._forward, self._backward = forward, backward
        self._cache: tuple[Any, ...] = ()

    def forward(self, other: bool = False) -> FloatArray:
        """Return a copy of the output; another batch is the same arrays, each a little smaller."""
        result = self._forward(*(0.9 * a if other else a for a in self.arrays.values()))
        self._cache = ()
        if isinstance(result, tuple):
            if len(result) != 2:
                raise InputError(
                    f"{self.title} must return y or (y, cache), not {len(result)} values"
                )
            result, self._cache = result[0], (result[1],)
        return as_output(result, self.title)

    def backward(self, dy: FloatArray) -> None:
        """Run the backward function, and sort what it returned by name."""
        found = self._backward(dy.copy(), *self._cache)
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
        self.input_gradients = {name: np.array(g) for name, g in zip(names, found, strict=True)}


def target_of(
    owner: Any,
    x: NDArray[Any],
    training: bool,
    noise: FloatArray | None,
    labels: NDArray[Any] | None,
    rng: np.random.Generator,
) -> Target:
    """Return a layer or model as a target; refuse what cannot be checked."""
    layer_like = not isinstance(owner, type) and all(
        callable(getattr(owner, method, None)) for method in ("forward", "backward")
    )
    if not layer_like:
        raise InputError(f"gradcheck expects a layer or a model, not {owner!r}")
    dtypes = {name: p.value.dtype for name, p in parameters_of(owner).items()}
    x = check_array(x, "x", dtypes)
    if isinstance(owner, LatentModel):
        x = owner.as_images(x, "x")
        frozen = owner.draw_noise(len(x), rng) if noise is None else noise
        if owner.classes and labels is None:
            labels = rng.integers(owner.classes, size=len(x))
        return ModelTarget(owner, x, frozen, training, owner.as_labels(labels, len(x)))
    for name, value in (("noise is", noise), ("labels are", labels)):
        if value is not None:
            raise InputError(f"{name} for models; a layer has none")
    return LayerTarget(owner, x, training)


def is_smooth(owner: object) -> bool:
    """Whether a layer or model has no kinks, as far as its layers say."""
    if isinstance(owner, LatentModel):
        return owner.smooth and all(network.smooth for network in owner.networks.values())
    return bool(getattr(owner, "smooth", True))


def _counts(y: FloatArray) -> dict[str, int]:
    """Return the counts of an output that a wrong factor may be made of."""
    if not y.ndim:
        return {}
    return {
        "the number of examples": len(y),
        "the number of entries per example": y[0].size,
        "the number of entries": y.size,
    }


def _same(first: FloatArray, second: FloatArray, tolerance: float) -> bool:
    """Return whether two gradients are the same but for rounding, in shape and kind as well."""
    if first.shape != second.shape or first.dtype == object or second.dtype == object:
        return first.shape == second.shape and first.dtype == second.dtype
    finite = np.isfinite(first)
    if not np.array_equal(finite, np.isfinite(second)):
        return False
    gap = np.abs(first[finite] - second[finite]).max(initial=0.0)
    return bool(gap <= tolerance * np.abs(first[finite]).max(initial=0.0))
