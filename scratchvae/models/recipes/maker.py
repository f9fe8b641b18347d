"""What recipes are built with: layers of one seed and one dtype."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from numpy.typing import DTypeLike

from scratchvae.layers import (
    ELU,
    BatchNorm,
    Dense,
    Flatten,
    Layer,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
)
from scratchvae.randomness import stream
from scratchvae.validation import check_dtype

IMAGE_SHAPE = (28, 28, 1)
PIXELS = 784


class Maker:
    """Makes the layers of one model, all from one generator and of one dtype."""

    def __init__(self, seed: int, dtype: DTypeLike) -> None:
        self.options: dict[str, Any] = {
            "rng": stream(seed, "initialise"),
            "dtype": check_dtype(dtype),
        }

    def dense_stack(
        self,
        sizes: list[int],
        activation: Callable[..., Layer] | None,
        batch_norm: bool = False,
    ) -> list[Layer]:
        """Return dense layers from size to size, with an activation between each two.

        ``batch_norm`` puts batch norm before each activation.
        """
        layers: list[Layer] = []
        for place, (size_in, size_out) in enumerate(pairwise(sizes)):
            if place and batch_norm:
                layers.append(BatchNorm(size_in, **self.options))
            if place and activation is not None:
                layers.append(activation(**self.options))
            layers.append(Dense(size_in, size_out, **self.options))
        return layers

    def encoder(
        self,
        sizes: list[int],
        activation: Callable[..., Layer] | None,
        batch_norm: bool = False,
    ) -> Sequential:
        """Return a dense encoder of images."""
        stack = self.dense_stack(sizes, activation, batch_norm)
        return Sequential(Flatten(**self.options), *stack)

    def network(
        self,
        sizes: list[int],
        activation: Callable[..., Layer] | None,
        batch_norm: bool = False,
    ) -> Sequential:
        """Return a dense network from vectors to vectors."""
        return Sequential(*self.dense_stack(sizes, activation, batch_norm))

    def decoder(
        self,
        sizes: list[int],
        activation: Callable[..., Layer] | None,
        *last: Layer,
        channels: int = 1,
    ) -> Sequential:
        """Return a dense decoder to images, ``last`` applied to the pixels."""
        reshape = Reshape((*IMAGE_SHAPE[:2], channels), **self.options)
        return Sequential(*self.dense_stack(sizes, activation), *last, reshape)

    def normalised(self, layer: Layer, channels: int) -> list[Layer]:
        """Return a layer followed by batch norm and ELU."""
        return [layer, BatchNorm(channels, **self.options), ELU(**self.options)]

    def rectified(self, stack: Sequence[Layer]) -> list[Layer]:
        """Return layers with a ReLU between each two."""
        layers = [stack[0]]
        for layer in stack[1:]:
            layers += [ReLU(**self.options), layer]
        return layers

    def sigmoid(self) -> Layer:
        """Return the layer that squeezes pixels into (0, 1)."""
        return Sigmoid(**self.options)
