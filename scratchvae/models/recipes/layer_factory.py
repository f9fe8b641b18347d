"""What recipes are built with: layers from one seed and of one dtype."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import prod
from typing import Any

from numpy.typing import DTypeLike

from scratchvae.layers import BatchNorm, Dense, Flatten, Layer, Reshape, Sequential
from scratchvae.probability import Likelihood
from scratchvae.randomness import stream
from scratchvae.validation import check_dtype

Activation = Callable[[], Layer] | None


class LayerFactory:
    """Makes the layers of one model, all from one generator and of one dtype.

    Attributes
    ----------
    pixels
        How many numbers an image has.
    options
        The generator and the dtype, for layers with weights. Layers without parameters compute in
        the dtype of their input.
    shapes
        The ``image_shape`` and ``latent_dim`` that every model takes.
    """

    def __init__(
        self, latent_dim: int, seed: int, dtype: DTypeLike, image_shape: tuple[int, ...]
    ) -> None:
        self.latent_dim = latent_dim
        self.image_shape = image_shape
        self.pixels = prod(image_shape)
        rng = stream(seed, "initialise")
        self.options: dict[str, Any] = {"rng": rng, "dtype": check_dtype(dtype)}
        self.shapes: dict[str, Any] = {"image_shape": image_shape, "latent_dim": latent_dim}

    def dense(
        self, sizes: Sequence[int], activation: Activation = None, batch_norm: bool = False
    ) -> list[Layer]:
        """Return dense layers from size to size, with an activation between them.

        ``batch_norm`` puts batch norm before each activation.
        """
        layers: list[Layer] = []
        for place, (size_in, size_out) in enumerate(pairwise(sizes)):
            if place and batch_norm:
                layers.append(BatchNorm(size_in, dtype=self.options["dtype"]))
            if place and activation is not None:
                layers.append(activation())
            layers.append(Dense(size_in, size_out, **self.options))
        return layers

    def mirrored(
        self,
        widths: Sequence[int],
        activation: Activation,
        likelihood: Likelihood,
        *last: Layer,
        per_latent: int = 2,
    ) -> dict[str, Any]:
        """Return the arguments of a model whose dense decoder mirrors its encoder.

        The encoder gives ``per_latent`` numbers for each latent: 2 for a mean and a variance.
        ``last`` is applied to the decoded pixels.
        """
        channels = likelihood.channels_per_pixel
        encoder = self.dense([self.pixels, *widths, per_latent * self.latent_dim], activation)
        decoder = self.dense(
            [self.latent_dim, *reversed(widths), channels * self.pixels], activation
        )
        *places, colours = self.image_shape
        return {
            "encoder": Sequential(Flatten(), *encoder),
            "decoder": Sequential(*decoder, *last, Reshape((*places, channels * colours))),
            "likelihood": likelihood,
            **self.shapes,
        }
