"""Convolutional networks for a VAE and its twin: what the lesson on them writes.

Dimensions: N images of P = 28 · 28 pixels, D latents.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.course.program.batch_norm import BatchNorm
from scratchvae.course.program.convolution import Conv2D
from scratchvae.course.program.layers import ELU, Arrays, Dense, Sequential
from scratchvae.course.program.probability import sigmoid
from scratchvae.course.program.transposed_convolution import ConvTranspose2D
from scratchvae.course.program.vae import VAE, decoder_backward
from scratchvae.validation import FloatArray


class Reshape:
    """Each example in another shape, (N, …) to (N, *shape): the same numbers in the same order."""

    def __init__(self, *shape: int) -> None:
        self.shape = shape
        self.parameters: Arrays = {}
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, (N, *shape)."""
        self.before = x.shape
        return x.reshape(len(x), *self.shape)

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, of the shape that x had."""
        return dy.reshape(self.before)


class ReLU:
    """y = max(x, 0), number by number; its slope is 1 where y > 0, else 0: eq. 2.7."""

    def __init__(self) -> None:
        self.parameters: Arrays = {}
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, of x's shape."""
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, of dy's shape."""
        dx: FloatArray = dy * (self.y > 0)
        return dx


class Sigmoid:
    """y = 1 / (1 + exp(−x)), number by number; its slope is y (1 − y): eq. 2.7."""

    def __init__(self) -> None:
        self.parameters: Arrays = {}
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, of x's shape."""
        self.y = sigmoid(x)
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, of dy's shape."""
        dx: FloatArray = dy * self.y * (1 - self.y)
        return dx


def zhao_networks(
    outputs: int,
    latents: int,
    rng: np.random.Generator,
    width: int = 32,
    dtype: DTypeLike = np.float64,
) -> tuple[Sequential, Sequential]:
    """Return an encoder (N, 784) to (N, outputs) and a decoder (N, latents) to (N, 784).

    Three convolutions of ``width``, twice and once as many channels, and back, as Zhao (2023).
    """
    half: dict[str, Any] = {"stride": 2, "padding": 1, "dtype": dtype}

    def block(layer: Any, channels: int) -> list[Any]:
        return [layer, BatchNorm(channels, dtype=dtype), ELU()]

    encoder = Sequential(  # 28 → 14 → 7 → 4 rows and columns
        Reshape(28, 28, 1),
        *block(Conv2D(1, width, 3, rng, **half), width),
        *block(Conv2D(width, 2 * width, 3, rng, **half), 2 * width),
        *block(Conv2D(2 * width, width, 3, rng, **half), width),
        Reshape(16 * width),
        Dense(16 * width, outputs, rng, dtype),
    )
    decoder = Sequential(  # 4 → 7 → 14 → 28
        Dense(latents, 16 * width, rng, dtype),
        Reshape(4, 4, width),
        *block(ConvTranspose2D(width, 2 * width, 3, rng, **half), 2 * width),
        *block(ConvTranspose2D(2 * width, width, 3, rng, output_padding=1, **half), width),
        *block(ConvTranspose2D(width, width, 3, rng, output_padding=1, **half), width),
        Conv2D(width, 1, 3, rng, padding=1, dtype=dtype),
        Sigmoid(),
        Reshape(784),
    )
    return encoder, decoder


def products(places: int, window: int, inputs: int, outputs: int) -> int:
    """Return the multiplications of a convolution with so many places, one image: eq. 18.1."""
    return places * window**2 * inputs * outputs


class Autoencoder(VAE):
    """A VAE's twin: its encoder gives a code of D numbers, without noise and without a KL."""

    def encode(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the code, (N, D), and log-variances that stand for no noise at all."""
        code = self.encoder.forward(x)
        return code, np.full_like(code, -np.inf)

    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each image's reconstruction in nats, (N,), and zeros; ``eps`` is not used."""
        code, _ = self.encode(x)
        y = self.decoder.forward(code)
        self.kept_pair = x, y
        nats = self.likelihood.nats(x, y)
        return nats, np.zeros_like(nats)

    def backward(self) -> None:
        """Fill all gradients of the mean reconstruction."""
        x, y = self.kept_pair
        self.encoder.backward(decoder_backward(self.decoder, self.likelihood, x, y))
