"""What a model is made of, and the loss that its terms make.

Dimensions: N images of shape (H, W, C), D latents.
"""

from typing import Any, ClassVar

import numpy as np

from scratchvae.errors import InputError
from scratchvae.layers import Layer, Parameter
from scratchvae.layers.sequential import each_layer
from scratchvae.probability import Likelihood
from scratchvae.training import EpochMetrics, LossParts, Settings
from scratchvae.validation import FloatArray, check_count


class ModelOfParts:
    """An encoder, a decoder and a likelihood, and all that is learned in them by name.

    Parameters
    ----------
    encoder
        From images (N, H, W, C) to latents, or to what they are drawn from.
    decoder
        From latents (N, D) to the parameters of the likelihood.
    likelihood
        How an image is scored against what was decoded.
    image_shape
        (H, W, C).
    latent_dim
        D.
    settings
        How ``fit`` trains it, unless told otherwise.

    Raises
    ------
    InputError
        If two of its networks share a layer.

    Attributes
    ----------
    parts
        The networks it is made of, by name.
    parameters
        All that is learned, by name: ``"encoder.1.weight"``, …
    buffers
        What layers keep without learning it (running statistics), named likewise.
    config
        What a recipe built it from; empty for a model put together by hand.
    terms
        After ``forward``: each image's reconstruction and KL, (N,) both, in nats.
    history_
        The metrics of each epoch, after ``fit``.
    smooth
        Whether its loss has derivatives of every order, as far as its layers have.
    weighs_kl, kl_weight
        Whether its loss has a KL of its own, and what that is multiplied by besides β: below 1 only
        in a training step of a warm-up.
    kl_meaning
        What the ``kl`` of its loss is, in a few signs that every terminal has.
    plane_note
        What the title of a picture of latents by quantiles of N(0, 1) has to add where that is not
        their prior.
    """

    smooth: ClassVar[bool] = True
    weighs_kl: ClassVar[bool] = False
    kl_weight = 1.0
    kl_meaning: ClassVar[str] = "KL(q(z | x) || p(z))"
    plane_note: ClassVar[str] = ""
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
        self.likelihood = likelihood
        self.image_shape = tuple(image_shape)
        self.latent_dim = check_count(latent_dim, "latent_dim")
        self.settings = settings or Settings()
        self.dtype = encoder.dtype
        self.config: dict[str, Any] = {}
        self.terms: tuple[FloatArray, FloatArray]
        self.history_: list[EpochMetrics] = []
        self.parts: dict[str, Layer] = {}
        self.parameters: dict[str, Parameter] = {}
        self.buffers: dict[str, FloatArray] = {}
        self._initial: dict[str, FloatArray] = {}
        self._add_part("encoder", encoder)
        self._add_part("decoder", decoder)

    def _add_part(self, part: str, layer: Layer) -> None:
        """Make a network a part of the model: what it learns, the model learns.

        A layer remembers one forward pass. In two parts, the second pass would overwrite what the
        first needs for its gradient, which would be wrong in silence.
        """
        own = {id(inner) for inner in each_layer(layer)}
        for other, network in self.parts.items():
            shared = [inner for inner in each_layer(network) if id(inner) in own]
            if shared:
                raise InputError(
                    f"{other} and {part} share a layer, a {type(shared[0]).__name__}, which can "
                    "remember only one forward pass: give each a layer of its own"
                )
        self.parts[part] = layer
        for name, parameter in layer.parameters.items():
            self.parameters[f"{part}.{name}"] = parameter
            self._initial[f"{part}.{name}"] = parameter.value.copy()
        for name, buffer in layer.buffers.items():
            self.buffers[f"{part}.{name}"] = buffer
            self._initial[f"{part}.{name}"] = buffer.copy()

    def state(self) -> dict[str, FloatArray]:
        """Return every array that makes the model what it is: parameters' values and buffers."""
        return {name: p.value for name, p in self.parameters.items()} | self.buffers

    def _last_pass(self) -> Any:
        """Return what ``forward`` stored for ``backward``, or say that it has not run."""
        try:
            return self.__dict__["_pass"]
        except KeyError:
            raise InputError(
                f"{type(self).__name__}.backward needs a forward pass first: call forward(x, noise)"
            ) from None

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters.values():
            parameter.zero_grad()

    def _mean_loss(
        self, reconstruction: FloatArray, kl: FloatArray, beta: float, weight: float = 1.0
    ) -> LossParts:
        """Remember each image's terms (N,), and return their means, weighted, as a loss."""
        self.terms = (reconstruction, kl)
        # Means in float64: of numbers of hundreds of nats, float32 would lose the third decimal.
        mean_reconstruction = float(reconstruction.mean(dtype=np.float64))
        mean_kl = float(kl.mean(dtype=np.float64))
        return LossParts(
            weight * mean_reconstruction + beta * mean_kl, mean_reconstruction, mean_kl
        )
