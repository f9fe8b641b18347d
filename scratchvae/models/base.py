"""What a model is made of, and the loss that its terms add up to.

Dimensions: N images of shape (H, W, C), D latents.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.layers import Layer, Parameter
from scratchvae.layers.sequential import named, owner_of
from scratchvae.models.checks import (
    check_image_shape,
    check_images,
    check_labels,
    check_likelihood,
    check_network,
    check_settings,
    ends_in_sigmoid,
)
from scratchvae.models.passes import Passes
from scratchvae.probability import Likelihood
from scratchvae.training import EpochMetrics, LossTerms, Settings
from scratchvae.validation import FloatArray, as_array, check_count, check_is


class Model(Passes):
    """An encoder, a decoder and a likelihood.

    Its networks are those of its attributes that are layers. Assign another layer to one of them,
    and that layer is what runs, what is trained and what is saved.

    Parameters
    ----------
    encoder
        From images (N, H, W, C) to latents, or to the parameters of their distribution.
    decoder
        From latents (N, D) to the parameters of the likelihood.
    likelihood
        How an image is scored against what was decoded.
    image_shape
        (H, W, C).
    latent_dim
        D.
    settings
        How ``fit`` trains it by default.

    Raises
    ------
    InputError
        If a network is not a ``Layer``, or two networks share a layer or differ in dtype, or
        another part is not what it must be: when the model is made, and when a part is replaced.

    Attributes
    ----------
    config
        The recipe and options it was built from; empty for a model put together by hand, or whose
        networks, likelihood or sizes were replaced. An option that is changed is changed here too.
    terms
        After ``forward``: each image's reconstruction and KL in nats, (N,) both.
    history_
        The metrics of each epoch, after ``fit``.
    smooth
        Whether its loss has derivatives of every order, provided that its layers do.
    """

    smooth: ClassVar[bool] = True
    checked: ClassVar[dict[str, Callable[[Any, str], Any]]] = {
        "likelihood": check_likelihood,
        "image_shape": check_image_shape,
        "latent_dim": check_count,
        "settings": check_settings,
    }
    """How an attribute is checked whenever it is set, which returns what it becomes.

    What all its parents check holds for a model as well, be they one or several.
    """
    _checks: ClassVar[dict[str, Callable[..., Any]]] = checked
    layered: ClassVar[tuple[str, ...]] = ("encoder", "decoder")
    """The attributes that must be networks."""
    made_of: ClassVar[dict[str, str]] = {}
    """Which attribute a constructor's argument becomes, if one of another name, or "" if none."""
    classes: int = 0
    settings: Settings
    _pass: Any
    _rounds: int = -1  # how often the last fit was continued; −1: there was none

    def __init_subclass__(cls) -> None:
        """Gather what all parents check, once: attributes are set in every step."""
        super().__init_subclass__()
        of_parents = (vars(kind).get("checked", {}) for kind in reversed(cls.__mro__))
        cls._checks = {name: check for checks in of_parents for name, check in checks.items()}

    def __init__(
        self,
        encoder: Layer,
        decoder: Layer,
        likelihood: Likelihood,
        *,
        image_shape: tuple[int, ...],
        latent_dim: int,
        settings: Settings | None = None,
    ) -> None:
        self.encoder = encoder
        self.decoder = decoder
        self.likelihood = likelihood
        self.image_shape = image_shape
        self.latent_dim = latent_dim
        self.settings = Settings() if settings is None else settings
        self.config: dict[str, Any] = {}
        self.terms: tuple[FloatArray, FloatArray]
        self.history_: list[EpochMetrics] = []
        self._initial: dict[str, tuple[Parameter | FloatArray, FloatArray]] = {}

    @property
    def dtype(self) -> np.dtype[Any]:  # type: ignore[override]  # read-only here
        """That of the networks."""
        return self.encoder.dtype

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, checked first; ``config`` follows, or is emptied if it cannot."""
        if isinstance(value, Layer):
            others = {other: network for other, network in self.networks.items() if other != name}
            check_network(name, value, others)
        elif name in self.layered or isinstance(vars(self).get(name), Layer):
            raise InputError(
                f"{name} must be a Layer, not {type(value).__name__}: build it from "
                "scratchvae.layers, or derive your own from Layer"
            )
        if name in self._checks:
            value = self._checks[name](value, name)
        config = vars(self).get("config")
        if config and value is not vars(self).get(name):
            if isinstance(value, Layer) or name in ("likelihood", "image_shape", "latent_dim"):
                super().__setattr__("config", {})  # no recipe builds this
            elif name in config:
                super().__setattr__("config", {**config, name: value})
        super().__setattr__(name, value)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy or a pickle keeps: all but the last forward pass."""
        return {name: value for name, value in super().__getstate__().items() if name != "_pass"}

    @property
    def parameters(self) -> Mapping[str, Parameter]:  # type: ignore[override]  # read-only here
        """All that is learned, by name (``"encoder.1.weight"``, …): the layers' own objects."""
        return named("parameters", self.networks.items())

    @property
    def buffers(self) -> Mapping[str, FloatArray]:  # type: ignore[override]  # read-only here
        """What layers keep without learning it (running statistics), named likewise."""
        return named("buffers", self.networks.items())

    def state(self) -> dict[str, FloatArray]:
        """Return copies of all arrays that training changes, by name: values and buffers."""
        return {name: array.copy() for name, array in self._arrays().items()}

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Copy the values of another model's ``state``; the next ``fit`` begins with them.

        Raises
        ------
        InputError
            If names or shapes differ from those of ``self.state()``, or a number is too large for
            the model's dtype, or an array of the model is read-only. Nothing is changed then.
        """
        check_is(state, "state", Mapping, "other.state()")
        own = self._arrays()
        for name in sorted(own.keys() | {str(name) for name in state}):
            expected, found = (
                f"of shape {as_array(arrays[name], name).shape}" if name in arrays else "absent"
                for arrays in (own, state)
            )
            if found != expected:
                raise InputError(
                    f"{name} must be {expected} in the state, not {found}: load the state of a "
                    "model that was built in the same way"
                )
        converted = {name: _converted(state[name], array, name) for name, array in own.items()}
        for name, array in own.items():
            array[...] = converted[name]
        self._initial = {}

    def _arrays(self) -> dict[str, FloatArray]:
        """Return the arrays themselves that training changes: parameters' values and buffers."""
        return {name: p.value for name, p in self.parameters.items()} | dict(self.buffers)

    def as_images(self, images: Any, name: str = "images", *, scored: bool = True) -> NDArray[Any]:
        """Return ``images`` in the shape (N, H, W, C), checked; 8-bit pixels stay 8-bit.

        ``scored`` says that they are what decoded images are compared with: none above 1 where
        a decoder that ends in a sigmoid cannot give one. What is only encoded may be noisy.
        """
        bounded = ends_in_sigmoid(self.decoder)
        checked: NDArray[Any] = check_images(
            images,
            self.image_shape,
            name,
            dtype=self.dtype,
            unit_interval=self.likelihood.unit_interval or (bounded and scored),
            expects_unit_interval=bounded or bool(self.config),  # as all recipes do
        )
        return checked

    def as_labels(self, labels: Any, count: int) -> NDArray[Any] | None:
        """Return the labels of ``count`` images, checked, or ``None`` where none are needed."""
        if self.classes:
            return check_labels(labels, check_count(count, "count", 0), self.classes)
        if labels is not None:
            raise InputError(
                f"{type(self).__name__} is not conditioned on classes: leave labels out"
            )
        return None

    def _initial_values(self) -> dict[str, FloatArray]:
        """Return the state as it was before the first ``fit``, which this call records.

        If a network or a parameter was replaced since then, its present values count.
        """
        owners: dict[str, Parameter | FloatArray] = {**self.parameters, **self.buffers}
        for name, array in self._arrays().items():
            owner, value = self._initial.get(name, (None, array))
            if owner is not owners[name] or value.shape != array.shape:
                self._initial[name] = (owners[name], array.copy())
        self._initial = {name: self._initial[name] for name in owners}
        return {name: value for name, (_, value) in self._initial.items()}

    def _begin_again(self) -> None:
        """Give all that is learned its initial values; what is frozen keeps its own."""
        initial, parameters = self._initial_values(), self.parameters
        kept = {name for name, each in parameters.items() if not each.trainable}
        whole = {owner_of(name) for name in kept} - {owner_of(n) for n in parameters.keys() - kept}
        # Running statistics are frozen with their layer.
        kept |= {name for name in self.buffers if owner_of(name) in whole}
        for name, array in self._arrays().items():
            if name not in kept:
                array[...] = initial[name]

    def _note_owners(self) -> None:
        """After training, take the buffers that are there for those that were there before.

        A layer may put a new array in the place of its running statistics with each batch, which
        is no replacement by the user.
        """
        buffers = self.buffers
        self._initial = {
            name: (buffers.get(name, owner), value)
            for name, (owner, value) in self._initial.items()
        }

    def _last_pass(self) -> Any:
        """Return what ``forward`` kept for ``backward``, or say that it has not run."""
        try:
            return self.__dict__["_pass"]
        except KeyError:
            raise InputError(
                f"{type(self).__name__}.backward needs a forward pass first: call forward(x, noise)"
            ) from None

    def _mean_loss(
        self, reconstruction: FloatArray, kl: FloatArray, beta: float, weight: float = 1.0
    ) -> LossTerms:
        """Keep each image's terms (N,), and return their means and weighted sum as a loss."""
        if len(reconstruction) == 0:
            raise InputError("a loss is a mean over images, and there are none: give one or more")
        self.terms = (reconstruction, kl)
        mean_reconstruction, mean_kl = _mean(reconstruction), _mean(kl)
        return LossTerms(
            weight * mean_reconstruction + beta * mean_kl, mean_reconstruction, mean_kl
        )


def _converted(values: Any, target: FloatArray, name: str) -> FloatArray:
    """Return ``values`` in the dtype of ``target``, into which they are to be copied."""
    if not target.flags.writeable:
        raise InputError(f"{name} of this model is read-only: load the state into a new model")
    given = as_array(values, name)
    with np.errstate(over="ignore"):
        converted: FloatArray = given.astype(target.dtype)
    if not np.array_equal(np.isfinite(converted), np.isfinite(given)):
        raise InputError(f"{name} has numbers that {target.dtype} cannot hold: scale them")
    return converted


def _mean(terms: FloatArray) -> float:
    """Return the mean of a batch's terms (N,), NaN over none.

    It is taken in float64: of hundreds of nats, float32 would lose the third decimal. The terms are
    added one after the other, as compiled passes do it; ``sum`` does not from Python 3.12 on.
    """
    return float(np.cumsum(terms, dtype=np.float64)[-1]) / len(terms) if len(terms) else np.nan
