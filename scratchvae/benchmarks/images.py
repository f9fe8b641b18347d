"""The images that are trained on: real digits where they are, since noise has fewer zeros."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data import find_local
from scratchvae.data.batches import read_pixels
from scratchvae.models import VAE
from scratchvae.randomness import stream
from scratchvae.validation import FloatArray

COUNT = 4096
_SIDE = 28


@dataclass(frozen=True, eq=False)
class Digits:
    """8-bit pixels (N, 28, 28, 1), and what they are, to read."""

    pixels: NDArray[np.uint8]
    origin: str

    def batch(self, model: VAE, count: int) -> FloatArray:
        """Return the first images at the size of the model's, read as its settings say.

        Where there are fewer than ``count``, they are repeated.
        """
        pixels = np.resize(self.pixels, (count, _SIDE, _SIDE, 1))
        pixels = resized(pixels, model.image_shape[0])
        rng = stream(0, "pixels", 0, 0)
        return read_pixels(pixels, model.dtype, model.settings.pixels, rng)


def first_digits() -> Digits:
    """Return MNIST's first images if it is on this machine, else as many synthetic digits."""
    mnist = find_local("mnist")
    if mnist is not None:
        # A copy: the rest of the data set need not stay in memory.
        return Digits(mnist.train_images[:COUNT].copy(), f"MNIST's first {COUNT:,} images")
    from scratchvae.data.synthetic import make_synthetic_digits

    digits = make_synthetic_digits(COUNT, seed=0)
    return Digits(digits.images, f"{COUNT:,} synthetic digits, since MNIST is not here")


def resized(pixels: NDArray[Any], side: int) -> NDArray[Any]:
    """Return images (N, 28, 28, 1) with 28/k rows and columns, or 28 · k.

    Pixels are averaged or repeated: a rougher or smoother picture has as large a share of zeros.
    """
    if side >= _SIDE:
        return pixels.repeat(side // _SIDE, axis=1).repeat(side // _SIDE, axis=2)
    step = _SIDE // side
    blocks: NDArray[Any] = pixels.reshape(-1, side, step, side, step, 1).mean(axis=(2, 4))
    return blocks.astype(pixels.dtype)
