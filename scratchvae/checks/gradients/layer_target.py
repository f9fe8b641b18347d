"""A layer or a whole model as the target of a gradient check."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.arguments import described
from scratchvae.checks.gradients.function_target import FunctionTarget
from scratchvae.checks.gradients.input import (
    argument_names,
    check_array,
    check_call,
    check_dtypes,
    takes,
)
from scratchvae.checks.gradients.parameters import parameters_of
from scratchvae.checks.gradients.plain_arrays import Gathered
from scratchvae.checks.gradients.target import Target, same
from scratchvae.errors import InputError
from scratchvae.models import LatentModel
from scratchvae.validation import FloatArray

# What a forward pass may call the argument that says whether it is training.
_TRAINING = ("training", "train", "is_training", "train_flg")


class LayerTarget(FunctionTarget):
    """A layer, or anything with ``forward`` and ``backward`` and perhaps ``parameters``."""

    def __init__(
        self,
        layer: Any,
        given: Sequence[Any],
        training: bool,
        outputs: int | None = None,
        constants: str | Iterable[str] = (),
    ) -> None:
        forward = layer.forward if hasattr(layer, "forward") else layer
        super().__init__(
            forward,
            layer.backward,
            given,
            outputs,
            constants,
            owner=layer,
            smooth=is_smooth(layer),
        )
        # Someone else's layer need not know of training.
        known = [name for name in _TRAINING if takes(forward, name)]
        self.options = {name: training for name in known[:1] if name not in self.arguments.names}
        self.sources = {"": layer}
        self.remedy = "put it into parameters, or into buffers if it is not learned"

    def fresh_output(self) -> FloatArray | None:
        """Return the output of the very first pass of a copy.

        There is none if it cannot be copied, or if two copies do not agree: weights may be drawn in
        the first pass.
        """
        own = self._forward
        outputs: list[FloatArray] = []
        try:
            for _ in range(2):
                self._forward = copy.deepcopy(own)
                outputs.append(self.forward())
        except Exception:  # whatever a copy of someone else's layer lacks
            return None
        finally:
            self._forward = own
        return outputs[0] if same(outputs[0], outputs[1], 0.0) else None

    def blind_spots(self) -> list[str]:
        """Return what a check with one example cannot see."""
        shapes = [array.shape for array in self.arguments.arrays.values()]
        if not shapes or any(len(shape) < 2 or shape[0] != 1 for shape in shapes):
            return []
        return [
            "there is one example: a sum or mean over examples that is missing is not seen; "
            "give several"
        ]

    def take_inputs(self, found: Any) -> None:
        """Take the gradients of plain arrays as well."""
        super().take_inputs(found)
        for parameter in self.parameters.values():
            if isinstance(parameter, Gathered):
                parameter.take()


class LossOf:
    """A model that says its loss and its gradients in one call, as those of CS231n do.

    ``loss(x, y)`` returns both, the gradients in a dict like that of the model's ``params``; or it
    returns the loss only, and a method ``gradient`` the gradients. Only parameters are checked.
    """

    def __init__(self, model: Any) -> None:
        self.model, self.parameters = model, model.params
        self.gradients: Mapping[str, Any] = {}

    def forward(self, *arguments: Any) -> Any:
        """Return the loss."""
        result = self.model.loss(*arguments)
        if callable(getattr(self.model, "gradient", None)):
            self.gradients = self.model.gradient(*arguments)
            return result
        if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
            raise InputError(
                f"{type(self.model).__name__}.loss must return (loss, gradients), the gradients in "
                f"a dict like params, not {described(result)}"
            )
        loss, self.gradients = result
        return loss

    def backward(self, dy: Any) -> None:
        """Do nothing: the forward pass has filled the gradients."""


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
    given: Sequence[Any],
    training: bool,
    rng: np.random.Generator,
    *,
    noise: FloatArray | None = None,
    labels: NDArray[Any] | None = None,
    outputs: int | None = None,
    constants: str | Iterable[str] = (),
) -> Target:
    """Return a layer or model as a target; refuse what cannot be checked."""
    of_loss = is_model_with_loss(owner)
    if not of_loss and not is_layer(owner):
        raise InputError(
            f"gradcheck expects a layer or a model, not {described(owner)}: give an object with a "
            "forward and a backward, or check two functions with gradcheck_functions"
        )
    dtypes = {name: p.value.dtype for name, p in parameters_of(owner).items()}
    if isinstance(owner, LatentModel):
        if len(given) != 1:
            raise InputError(f"a model takes one array of images, x, not {len(given)} arguments")
        x = owner.as_images(check_array(given[0], "x", dtypes), "x")
        frozen = owner.draw_noise(len(x), rng) if noise is None else check_array(noise, "noise")
        if owner.classes and labels is None:
            labels = rng.integers(owner.classes, size=len(x))
        return ModelTarget(owner, x, frozen, training, owner.as_labels(labels, len(x)))
    refuse_of_models(noise, labels)
    if not isinstance(given[0], np.ndarray | list | tuple | Mapping):
        check_array(given[0], "x")  # which says that it is no array
    check_dtypes(dtypes)
    if of_loss:
        return _target_of_loss(owner, given)
    target = LayerTarget(owner, given, training, outputs, constants)
    if not target.parameters:
        target.arguments.check_some()
    return target


def refuse_of_models(noise: Any, labels: Any) -> None:
    """Refuse what only models take."""
    for name, value in (("noise is", noise), ("labels are", labels)):
        if value is not None:
            raise InputError(f"{name} for models; a layer has none: leave it out")


def is_layer(owner: Any) -> bool:
    """Whether an object has a forward and a backward pass; the first may be a call of it."""
    return (
        not isinstance(owner, type)
        and callable(getattr(owner, "backward", None))
        and (callable(getattr(owner, "forward", None)) or callable(owner))
    )


def is_model_with_loss(owner: Any) -> bool:
    """Whether an object says its loss and its gradients at once."""
    return (
        not isinstance(owner, type)
        and callable(getattr(owner, "loss", None))
        and isinstance(getattr(owner, "params", None), Mapping)
        and not callable(getattr(owner, "backward", None))
    )


def _target_of_loss(model: Any, given: Sequence[Any]) -> LayerTarget:
    loss = LossOf(model)
    check_call(
        model.loss,
        f"{type(model).__name__}.loss",
        argument_names(model.loss, len(given)),
        "give gradcheck what it takes, after the model",
    )
    target = LayerTarget(loss, given, True, constants=argument_names(loss.forward, len(given)))
    target.title = type(model).__name__
    target.calls["forward"] = f"{target.title}.loss"
    target.sources = {"": model}
    return target


def is_smooth(owner: object) -> bool:
    """Whether a layer or model has no kinks, as far as its layers say."""
    if isinstance(owner, LatentModel):
        return owner.smooth and all(network.smooth for network in owner.networks.values())
    return bool(getattr(owner, "smooth", True))
