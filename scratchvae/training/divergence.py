"""Where a loss that is not finite comes from: the first layer whose output is not."""

import math
from copy import copy
from typing import Any

import numpy as np

from scratchvae.engine.twins import twin
from scratchvae.errors import InputError
from scratchvae.layers import Layer, Sequential
from scratchvae.training.checks import check_terms
from scratchvae.training.protocol import LossTerms, Trainable
from scratchvae.validation import FloatArray

_REMEDY = "look for extreme values in the images, in the model's parameters and its options"


class NotFiniteError(InputError):
    """Something that a model computed is not finite.

    Of a loss, ``loss`` is what it is and ``where`` the place at which that began.
    """

    loss = math.nan
    where = ""


def unwarned() -> np.errstate:
    """Return a context without NumPy's warnings of infinities and NaN: an error will say more."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")


def first_not_finite(
    model: Trainable,
    x: FloatArray,
    noise: FloatArray,
    condition: dict[str, Any],
    training: bool = True,
) -> str:
    """Return where a forward pass first gives an infinity or NaN, such as "encoder.2 (Dense)".

    The pass runs once more, on a copy of the model whose layers are watched. Only buffers are
    shared with the model: in training they move, and the caller puts them back.
    """
    watched, seen = _watched(model)
    watched.forward(x, noise, training=training, **condition)
    return seen.where or "the loss itself" + seen.largest()


def finite_forward(
    model: Trainable, double: Trainable, x: FloatArray, noise: FloatArray, condition: dict[str, Any]
) -> LossTerms:
    """Return the loss of a model's images, from a forward pass of its ``double``, not in training.

    NumPy's warnings of what overflows on the way are left out: the error says more.

    Raises
    ------
    NotFiniteError
        If a term of the loss is infinite or NaN.
    """
    with unwarned():
        terms = check_terms(model, double.forward(x, noise, training=False, **condition))
        total = terms.reconstruction + terms.kl  # a bound does not weigh them as the loss does
        if math.isfinite(total):
            return terms
        raise _of_the_loss(total, first_not_finite(model, x, noise, condition, training=False))


def finite_loss(terms: LossTerms) -> LossTerms:
    """Return the mean loss of images; ``NotFiniteError`` if its weights make it infinite or NaN."""
    if math.isfinite(terms.loss):
        return terms
    sizes = f"{terms.reconstruction:.3g} of the reconstruction and {terms.kl:.3g} of the KL"
    raise _of_the_loss(terms.loss, f"what the model makes of its terms, {sizes}")


def _of_the_loss(loss: float, where: str) -> NotFiniteError:
    error = NotFiniteError(f"the loss of the images is {loss}, first in {where}", _REMEDY)
    error.loss, error.where = loss, where
    return error


def check_answer(
    model: Trainable, answer: FloatArray, what: str, method: str, *arguments: Any, **condition: Any
) -> None:
    """Raise ``NotFiniteError`` unless the answer of a model's method is finite.

    The error names the layer that first gave something else when the method is called again.
    """
    if np.isfinite(answer).all():
        return
    watched, seen = _watched(model)
    with unwarned():
        getattr(watched, method)(*arguments, **condition)
    where = seen.where or "what follows the last layer" + seen.largest()
    raise NotFiniteError(f"{what} became infinite or NaN, first in {where}", _REMEDY)


class _Seen:
    """What the watched layers have put out, in the order of the pass."""

    def __init__(self) -> None:
        self.where = ""
        self.sizes: dict[str, float] = {}

    def note(self, name: str, x: FloatArray, y: FloatArray) -> None:
        if not self.where and not np.isfinite(y).all():
            # An infinite input that no layer gave was drawn or computed between two networks.
            self.where = name if np.isfinite(x).all() else f"what goes into {name}"
        self.sizes[name] = float(np.abs(y).max(initial=0))

    def largest(self) -> str:
        if not self.sizes:
            return ""
        name = max(self.sizes, key=lambda each: self.sizes[each])
        return f" (of all layers' outputs, the largest is {self.sizes[name]:.3g} in {name})"


def _watched(model: Trainable) -> tuple[Any, _Seen]:
    """Return a copy of a model whose layers are watched, and what they will have put out."""
    watched, seen = copy(model), _Seen()
    for name, network in model.networks.items():
        vars(watched)[name] = _watch(network, name, seen)
    return watched, seen


class _Watched(Layer):
    """A layer whose outputs are looked at as they pass; all else is the layer's own."""

    def __init__(self, layer: Layer, name: str, seen: _Seen) -> None:
        self._layer, self._name, self._seen = twin(layer), name, seen

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_layer"], name)

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        y = self._layer.forward(x, training)
        self._seen.note(self._name, x, y)
        return y


def _watch(layer: Layer, name: str, seen: _Seen) -> Layer:
    """Return a copy of a network that notes what each of its layers puts out."""
    if type(layer) is not Sequential:
        return _Watched(layer, f"{name} ({type(layer).__name__})", seen)
    watched = copy(layer)
    watched.layers = [_watch(inner, f"{name}.{i}", seen) for i, inner in enumerate(layer.layers)]
    return watched
