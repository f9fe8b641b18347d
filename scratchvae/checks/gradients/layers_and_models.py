"""Layers and models as subjects of a gradient check: of the package, or of someone else."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.subject import Subject, check_array, check_output
from scratchvae.errors import InputError
from scratchvae.layers import Sequential
from scratchvae.models import LatentModel
from scratchvae.validation import FloatArray


class LayerLike(Protocol):
    """A layer of someone else's: two methods, and perhaps ``parameters`` with value and grad."""

    def forward(self, x: Any) -> Any:
        """Return the output."""

    def backward(self, dy: Any) -> Any:
        """Return ∂loss/∂x."""


def subject_of(
    thing: Any,
    x: NDArray[Any],
    training: bool,
    noise: FloatArray | None,
    labels: NDArray[Any] | None,
    rng: np.random.Generator,
) -> Subject:
    """Return the layer or model as a subject; refuse what cannot be checked."""
    layer_like = not isinstance(thing, type) and all(
        callable(getattr(thing, method, None)) for method in ("forward", "backward")
    )
    if not layer_like:
        raise InputError(f"gradcheck expects a layer or a model, not {thing!r}")
    dtypes = {name: p.value.dtype for name, p in _parameters(thing).items()}
    x = check_array(x, "x", dtypes)
    if isinstance(thing, LatentModel):
        x = thing.as_images(x, "x")
        frozen = thing.draw_noise(len(x), rng) if noise is None else noise
        if thing.classes and labels is None:
            labels = rng.integers(thing.classes, size=len(x))
        labels = thing.as_labels(labels, len(x))
        return ModelSubject(thing, x, frozen, training, labels)
    for name, value in (("noise is", noise), ("labels are", labels)):
        if value is not None:
            raise InputError(f"{name} for models; a layer has none")
    return LayerSubject(thing, x, training)


class LayerSubject(Subject):
    """A layer, or anything with ``forward`` and ``backward`` and perhaps ``parameters``."""

    def __init__(self, layer: Any, x: FloatArray, training: bool) -> None:
        self.title = type(layer).__name__
        self.layer = layer
        self.x = x.copy()  # it will be moved
        self.dx: FloatArray = np.empty(0)
        self.parameters = _parameters(layer)
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
        y = check_output(self.layer.forward(x, **self.options), f"{self.title}.forward")
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
            name: np.array(getattr(p, "grad", None)) for name, p in self.parameters.items()
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


def is_smooth(thing: object) -> bool:
    """Whether a layer or model has no kinks, as far as its layers say."""
    if isinstance(thing, LatentModel):
        return thing.smooth and all(is_smooth(part) for part in thing.networks.values())
    if isinstance(thing, Sequential):
        return all(is_smooth(layer) for layer in thing.layers)
    return bool(getattr(thing, "smooth", True))


def _parameters(thing: Any) -> dict[str, Any]:
    """Return what a layer or model learns, by name; refuse what a check cannot move and read."""
    parameters = getattr(thing, "parameters", {})
    title = type(thing).__name__
    if not isinstance(parameters, Mapping):
        raise InputError(
            f"gradcheck expects {title}.parameters to be a dict of objects with value and grad, "
            f"not {type(parameters).__name__}: give each a name"
        )
    for name, parameter in parameters.items():
        value = getattr(parameter, "value", None)
        if not isinstance(value, np.ndarray):
            raise InputError(
                f"gradcheck expects {title}.parameters[{name!r}] to be an object whose value is a "
                f"NumPy array and whose grad is its gradient, not {type(parameter).__name__} with "
                f"a value of {type(value).__name__}: wrap the array in scratchvae.layers.Parameter"
            )
    return dict(parameters)


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
