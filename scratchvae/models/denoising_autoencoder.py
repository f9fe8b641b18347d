"""The denoising autoencoder: it sees a spoilt image and is to give back the clean one.

Dimensions: N images, D latents, … an image's shape (H, W, C).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.randomness import stream
from scratchvae.training import LossParts
from scratchvae.validation import FloatArray, check_count, check_not_negative


class DenoisingAutoencoder(Autoencoder):
    """An autoencoder of x̃ = x + σ ε that is compared with x itself.

    Copying the input no longer helps, however wide the code is: what is learned is which images
    are likely (eq. 3.11 of the lessons). The noise ε is an argument, drawn outside. Source: EECS
    230, lecture 16.

    Parameters
    ----------
    deviation
        σ, in units of the brightness of white.
    parts
        As for every ``LatentModel``.
    """

    def __init__(self, *parts: Any, deviation: float = 0.5, **named_parts: Any) -> None:
        super().__init__(*parts, **named_parts)
        self.deviation = check_not_negative(deviation, "deviation")

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws from N(0, 1) for every pixel of ``count`` images, (count, …)."""
        return rng.standard_normal((check_count(count, "count"), *self.image_shape), self.dtype)

    def forward(self, x: FloatArray, eps: FloatArray, training: bool = True) -> LossParts:
        """Return the loss of the images ``x`` (N, …), spoilt by the noise ``eps`` (N, …)."""
        spoilt = x + x.dtype.type(self.deviation) * eps  # (N, …)
        z = self.encoder.forward(spoilt, training)  # (N, D)
        decoded = self.decoder.forward(z, training)  # (N, …)
        # The clean image is the target: this one letter is all that makes it denoise.
        reconstruction = self.likelihood.negative_log_likelihood(x, decoded)  # (N,)
        self._pass = (x, decoded)
        return self._mean_loss(reconstruction, np.zeros_like(reconstruction), 0.0)

    def spoil(self, images: NDArray[Any], *, seed: int = 0) -> FloatArray:
        """Return ``images`` with the noise of training on them, (N, H, W, C).

        The result is not cut to [0, 1]; ``reconstruct`` removes the noise again.
        """
        clean = read_pixels(self.as_images(images), self.dtype)
        rng = stream(seed, "draw", 3)
        noise = rng.standard_normal(clean.shape, self.dtype)
        spoilt: FloatArray = clean + self.dtype.type(self.deviation) * noise
        return spoilt
