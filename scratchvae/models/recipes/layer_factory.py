"""What recipes are built with: layers from one seed and of one dtype."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from numpy.typing import DTypeLike

from scratchvae.layers import ELU, BatchNorm, Dense, Flatten, Layer, ReLU, Reshape, Sequential
from scratchvae.randomness import stream
from scratchvae.validation import check_dtype

IMAGE_SHAPE = (28, 28, 1)
PIXELS = 784


class LayerFactory:
    """Makes the layers of one model, all from one generator and of one dtype.

    Attributes
    ----------
    options
        The generator and the dtype, for layers with weights. Layers without parameters compute in
        the dtype of their input.
    """

    def __init__(self, seed: int, dtype: DTypeLike) -> None:
        self.dtype = check_dtype(dtype)
        self.options: dict[str, Any] = {"rng": stream(seed, "initialise"), "dtype": self.dtype}

    def dense_stack(
        self,
        sizes: list[int],
        activation: Callable[[], Layer] | None,
        batch_norm: bool = False,
    ) -> list[Layer]:
        """Return dense layers from size to size, with an activation between them.

        ``batch_norm`` puts batch norm before each activation.
        """
        layers: list[Layer] = []
        for place, (size_in, size_out) in enumerate(pairwise(sizes)):
            if place and batch_norm:
                layers.append(self.batch_norm(size_in))
            if place and activation is not None:
                layers.append(activation())
            layers.append(Dense(size_in, size_out, **self.options))
        return layers

    def encoder(
        self,
        sizes: list[int],
        activation: Callable[[], Layer] | None,
        batch_norm: bool = False,
    ) -> Sequential:
        """Return a dense encoder of images."""
        return Sequential(Flatten(), *self.dense_stack(sizes, activation, batch_norm))

    def network(
        self,
        sizes: list[int],
        activation: Callable[[], Layer] | None,
        batch_norm: bool = False,
    ) -> Sequential:
        """Return a dense network from vectors to vectors."""
        return Sequential(*self.dense_stack(sizes, activation, batch_norm))

    def decoder(
        self,
        sizes: list[int],
        activation: Callable[[], Layer] | None,
        *last: Layer,
        channels: int = 1,
    ) -> Sequential:
        """Return a dense decoder to images, ``last`` applied to the pixels."""
        reshape = Reshape((*IMAGE_SHAPE[:2], channels))
        return Sequential(*self.dense_stack(sizes, activation), *last, reshape)

    def batch_norm(self, channels: int) -> BatchNorm:
        """Return batch norm, which draws no initial parameters."""
        return BatchNorm(channels, dtype=self.dtype)

    def with_batch_norm(self, layer: Layer, channels: int) -> list[Layer]:
        """Return a layer followed by batch norm and ELU."""
        return [layer, self.batch_norm(channels), ELU()]


def with_relu(layers: Sequence[Layer]) -> list[Layer]:
    """Return layers with a ReLU between them."""
    return [layers[0], *(part for layer in layers[1:] for part in (ReLU(), layer))]
