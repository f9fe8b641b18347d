"""A layer or a whole model as the target of a gradient check."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.arguments import described
from scratchvae.checks.gradients.input import (
    as_output,
    check_array,
    check_call,
    parameters_of,
    takes,
)
from scratchvae.checks.gradients.plain_arrays import PlainArray
from scratchvae.checks.gradients.target import Target
from scratchvae.errors import InputError
from scratchvae.models import LatentModel
from scratchvae.validation import FloatArray


class LayerTarget(Target):
    """A layer, or anything with ``forward`` and ``backward`` and perhaps ``parameters``."""

    def __init__(self, layer: Any, x: FloatArray, training: bool) -> None:
        self.x = x.copy()  # it will be moved
        super().__init__(type(layer).__name__, {"x": self.x}, layer, is_smooth(layer))
        self.layer = layer
        # Someone else's layer need not know of training.
        self.options = {"training": training} if takes(layer.forward, "training") else {}
        self.sources = {"": layer}
        self.remedy = "put it into parameters, or into buffers if it is not learned"
        check_call(
            layer.forward,
            self.calls["forward"],
            "x",
            "fix what else it takes, as in gradcheck_functions(lambda x: layer.forward(x, target), "
            "layer.backward, x)",
        )
        check_call(
            layer.backward,
            self.calls["backward"],
            "dy",
            "let it take dy, the gradient of the loss with respect to what forward returned; check "
            "several outputs with gradcheck_functions(forward, backward, x, outputs=2)",
        )

    def forward(self, other: bool = False) -> FloatArray:
        """Return a copy of the layer's output."""
        self.rewind()
        x = self.x
        if other:  # in another order, where there is one
            x = np.asarray(0.9 * (x[::-1] if x.ndim else x))
        return as_output(self.layer.forward(x, **self.options), self.calls["forward"])

    def backward(self, dy: FloatArray) -> None:
        """Run the layer's backward pass."""
        self.input_gradients["x"] = self.layer.backward(dy)
        for parameter in self.parameters.values():
            if isinstance(parameter, PlainArray):
                parameter.take()


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
        super().__init__(type(model).__name__, {}, model, is_smooth(model))
        self.model, self.x, self.noise, self.training = model, x, noise, training
        self.counts = {
            "the number of images": len(x),
            "the number of pixels": x[0].size,
            "the number of latents": model.latent_dim,
            "the number of samples": len(noise),
        }
        self.sources = dict(model.networks)
        self.remedy = "put it into its layer's parameters, or into buffers if it is not learned"
        self._conditions = {} if labels is None else {"labels": labels}

    def forward(self, other: bool = False) -> FloatArray:
        """Return the loss, as an array without axes."""
        self.rewind()
        x, noise = (self.x[::-1].copy(), -self.noise) if other else (self.x, self.noise)
        terms = self.model.forward(x, noise, self.training, **self._conditions)
        if self.model.has_prior:
            self.loss_terms = np.array([terms.reconstruction, terms.loss - terms.reconstruction])
        return np.array(terms.loss)

    def backward(self, dy: FloatArray) -> None:
        """Run the model's backward pass."""
        self.model.backward()


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
        raise InputError(
            f"gradcheck expects a layer or a model, not {described(owner)}: give an object with a "
            "forward and a backward, or check two functions with gradcheck_functions"
            + ("; give a function of PyTorch or JAX its own arrays" if callable(owner) else "")
        )
    dtypes = {name: p.value.dtype for name, p in parameters_of(owner).items()}
    x = check_array(x, "x", dtypes)
    if isinstance(owner, LatentModel):
        x = owner.as_images(x, "x")
        frozen = owner.draw_noise(len(x), rng) if noise is None else check_array(noise, "noise")
        if owner.classes and labels is None:
            labels = rng.integers(owner.classes, size=len(x))
        return ModelTarget(owner, x, frozen, training, owner.as_labels(labels, len(x)))
    refuse_of_models(noise, labels)
    return LayerTarget(owner, x, training)


def refuse_of_models(noise: FloatArray | None, labels: NDArray[Any] | None) -> None:
    """Refuse what only a model takes, given for something else."""
    for name, value in (("noise is", noise), ("labels are", labels)):
        if value is not None:
            raise InputError(f"{name} for models; a layer has none: leave it out")


def is_smooth(owner: object) -> bool:
    """Whether a layer or model has no kinks, as far as its layers say."""
    if isinstance(owner, LatentModel):
        return owner.smooth and all(network.smooth for network in owner.networks.values())
    return bool(getattr(owner, "smooth", True))
