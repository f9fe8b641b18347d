"""How many multiply-adds a training step takes, counted from the layers.

Only those of matrix products and convolutions count: they are nearly all of the arithmetic. A tap
that falls on padding counts like any other, as is usual.
"""

from math import prod

import numpy as np

from scratchvae.layers import Conv2D, ConvTranspose2D, Dense, Layer, Sequential
from scratchvae.models import LatentModel
from scratchvae.validation import FloatArray

Step = tuple[Layer, tuple[int, ...], tuple[int, ...]]
"""A layer, and the shapes of its input and its output for one image."""


def trace(layer: Layer, shape: tuple[int, ...]) -> list[Step]:
    """Return the layers that an example of ``shape`` passes through, with its shapes."""
    steps: list[Step] = []

    def follow(layer: Layer, x: FloatArray) -> FloatArray:
        if isinstance(layer, Sequential):
            for inner in layer.layers:
                x = follow(inner, x)
            return x
        y = layer.forward(x)
        steps.append((layer, x.shape[1:], y.shape[1:]))
        return y

    follow(layer, np.zeros((1, *shape), layer.dtype))
    return steps


def forward_multiply_adds(step: Step) -> int:
    """Return the multiply-adds of a layer's forward pass, for one image.

    Each of its two gradients takes the same number. Dense: in · out. Convolution: output pixels
    · k² · in · out. Transposed convolution: the same with input pixels.
    """
    layer, shape_in, shape_out = step
    if not isinstance(layer, Dense | Conv2D | ConvTranspose2D):
        return 0
    *pixels, _ = shape_in if isinstance(layer, ConvTranspose2D) else shape_out
    return prod(pixels) * layer.parameters["weight"].value.size


def step_multiply_adds(model: LatentModel, batch: int) -> int:
    """Return the multiply-adds of a training step on a batch of images.

    Each layer takes those of its forward pass three times: forward, weight gradient, input
    gradient. The first layer with parameters needs no input gradient.
    """
    encoder = [forward_multiply_adds(step) for step in trace(model.encoder, model.image_shape)]
    decoder = [forward_multiply_adds(step) for step in trace(model.decoder, (model.latent_dim,))]
    first = next((count for count in encoder if count), 0)
    return batch * (3 * (sum(encoder) + sum(decoder)) - first)
