"""The denoising autoencoder: it gets a corrupted image and has to reconstruct the clean one.

Dimensions: N images, D latents, … an image's shape (H, W, C).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.models.autoencoder import Autoencoder
from scratchvae.probability.densities import check_alike
from scratchvae.randomness import standard_normal, stream
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray, check_not_negative


class DenoisingAutoencoder(Autoencoder):
    """An autoencoder of x̃ = x + σ ε that is compared with x itself.

    Copying the input no longer helps, however wide the code is: what is learned is which images
    are likely (eq. 5.5 of the lessons). The noise ε is an argument, drawn outside. Source: EECS
    230, lecture 16.

    Parameters
    ----------
    noise_std
        σ, the standard deviation of the noise; white pixels have the brightness 1.
    args, kwargs
        As for every ``LatentModel``.
    """

    checked = Autoencoder.checked | {"noise_std": check_not_negative}

    def __init__(self, *args: Any, noise_std: float = 0.5, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.noise_std = noise_std

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws from N(0, 1) for every pixel of ``count`` images, (count, …)."""
        return standard_normal(rng, (count, *self.image_shape), self.dtype)

    def forward(self, x: FloatArray, eps: FloatArray, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …), corrupted by the noise ``eps`` (N, …)."""
        check_alike(x=x, eps=eps)
        corrupted = x + x.dtype.type(self.noise_std) * eps  # (N, …)
        z = self.through("encoder", corrupted, self.latent_dim, training)  # (N, D)
        decoded = self.decode_parameters(z, training)  # (N, …)
        # The clean image is the target: this one letter is all that makes it denoise.
        reconstruction = self.negative_log_likelihood(x, decoded)  # (N,)
        self._pass = (x, z, decoded)
        return self._mean_loss(reconstruction, np.zeros_like(reconstruction), 0.0)

    def corrupt(self, images: NDArray[Any], *, seed: int = 0) -> FloatArray:
        """Return ``images`` with the same kind of noise as in training added, (N, H, W, C).

        The result is not clipped to [0, 1]; ``reconstruct`` removes the noise again.
        """
        clean = read_pixels(self.as_images(images)[:], self.dtype)
        noise = stream(seed, "draw", 3).standard_normal(clean.shape, self.dtype)
        corrupted: FloatArray = clean + self.dtype.type(self.noise_std) * noise
        return corrupted
