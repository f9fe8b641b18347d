"""What a model is made of, and the loss that its terms add up to.

Dimensions: N images of shape (H, W, C), D latents.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.layers import Layer, Parameter
from scratchvae.layers.sequential import named
from scratchvae.models.checks import check_network
from scratchvae.probability import Likelihood
from scratchvae.training import EpochMetrics, LossTerms, Settings, Trainable
from scratchvae.validation import FloatArray, check_count


class Model(Trainable):
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
        If a network is not a ``Layer``, or two networks share a layer or differ in dtype: when the
        model is made, and when a network is replaced.

    Attributes
    ----------
    config
        The recipe and options it was built from; empty for a model put together by hand.
    terms
        After ``forward``: each image's reconstruction and KL in nats, (N,) both.
    history_
        The metrics of each epoch, after ``fit``.
    smooth
        Whether its loss has derivatives of every order, provided that its layers do.
    """

    smooth: ClassVar[bool] = True
    settings: Settings
    _pass: Any

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
        if not isinstance(likelihood, Likelihood):
            raise InputError(
                "likelihood must be a Likelihood, such as BernoulliLikelihood(), "
                f"not {likelihood!r}"
            )
        self.likelihood = likelihood
        if not isinstance(image_shape, tuple | list) or not image_shape:
            raise InputError(
                f"image_shape must be a tuple such as (28, 28, 1), not {image_shape!r}"
            )
        self.image_shape = tuple(check_count(n, "each number in image_shape") for n in image_shape)
        self.latent_dim = check_count(latent_dim, "latent_dim")
        self.settings = settings or Settings()
        self.dtype = encoder.dtype
        self.config: dict[str, Any] = {}
        self.terms: tuple[FloatArray, FloatArray]
        self.history_: list[EpochMetrics] = []
        self._initial: dict[str, tuple[Parameter | FloatArray, FloatArray]] = {}

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute; a network is checked against the others first."""
        if isinstance(value, Layer):
            others = {other: network for other, network in self.networks.items() if other != name}
            check_network(name, value, others)
        elif name in ("encoder", "decoder") or isinstance(vars(self).get(name), Layer):
            raise InputError(
                f"{name} must be a Layer, not {type(value).__name__}: build it from "
                "scratchvae.layers, or derive your own from Layer"
            )
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
            If names or shapes differ from those of ``self.state()``. Nothing is changed then.
        """
        own = self._arrays()
        for name in sorted(own.keys() | state.keys()):
            expected, found = (
                f"of shape {np.shape(arrays[name])}" if name in arrays else "absent"
                for arrays in (own, state)
            )
            if found != expected:
                raise InputError(
                    f"{name} must be {expected} in the state, not {found}: load the state of a "
                    "model that was built in the same way"
                )
        for name, array in own.items():
            array[...] = state[name]
        self._initial = {}

    def _arrays(self) -> dict[str, FloatArray]:
        """Return the arrays themselves that training changes: parameters' values and buffers."""
        return {name: p.value for name, p in self.parameters.items()} | dict(self.buffers)

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
        self.terms = (reconstruction, kl)
        mean_reconstruction, mean_kl = _mean(reconstruction), _mean(kl)
        return LossTerms(
            weight * mean_reconstruction + beta * mean_kl, mean_reconstruction, mean_kl
        )


def _mean(terms: FloatArray) -> float:
    """Return the mean of a batch's terms (N,), NaN over none.

    It is taken in float64: of hundreds of nats, float32 would lose the third decimal. For so few
    numbers Python itself is faster than NumPy.
    """
    return sum(terms.tolist()) / len(terms) if len(terms) else np.nan
