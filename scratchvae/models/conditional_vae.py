"""The conditional VAE: encoder and decoder get the class, and the latents hold the rest.

Dimensions: N images, D latents, K classes, L samples of z per image, … an image's shape (H, W, C).
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.layers import Layer
from scratchvae.models.checks import check_labels
from scratchvae.models.vae import VAE
from scratchvae.probability.categorical import one_hot
from scratchvae.probability.densities import check_alike
from scratchvae.validation import FloatArray, check_count


class ConditionalVAE(VAE):
    """A VAE of p(x | y) for a label y: p(x | z, y) p(z), with the encoder q(z | x, y).

    The label is appended, as a one-hot vector, to the pixels and to z. The latents need not encode
    which digit it is, so you can choose a digit and draw how it is written:
    ``model.sample(10, labels=np.arange(10))``. Source: Sohn, Lee and Yan (2015); Zhao (2023),
    section 6.2, expects it to draw better.

    Parameters
    ----------
    encoder
        (N, H·W·C + K) to (N, 2D): D means, then D numbers that the variance comes from.
    decoder
        (N, D + K) to the parameters of the likelihood.
    classes
        K.
    args, kwargs
        The likelihood and the options of a ``VAE``.
    """

    checked = VAE.checked | {"classes": check_count}

    def __init__(
        self, encoder: Layer, decoder: Layer, *args: Any, classes: int = 10, **kwargs: Any
    ) -> None:
        super().__init__(encoder, decoder, *args, **kwargs)
        self.classes = classes

    def encode_distribution(
        self, x: FloatArray, training: bool = False, labels: NDArray[Any] | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z | x, y), both (N, D)."""
        check_alike(x=x)
        pixels = x.reshape(len(x), prod(x.shape[1:]))
        pixels_and_label = self._with_labels(pixels, labels)  # (N, H·W·C + K)
        return super().encode_distribution(pixels_and_label, training)

    def decode_parameters(
        self, z: FloatArray, training: bool = False, labels: NDArray[Any] | None = None
    ) -> FloatArray:
        """Return the parameters of p(x | z, y) for z (N, D) or (L, N, D) and ``labels`` (N,)."""
        return super().decode_parameters(self._with_labels(z, labels), training)  # (…, D + K)

    def decode_backward(self, d_decoded: FloatArray) -> FloatArray:
        """Go back through the decoder, to z only: the label was not computed from anything."""
        width = self.latent_dim + self.classes
        return self.back_through("decoder", d_decoded, width)[:, : self.latent_dim]  # (L·N, D)

    def _with_labels(self, values: FloatArray, labels: NDArray[Any] | None) -> FloatArray:
        """Append one-hot labels (N,) to vectors of N images: (…, N, V) to (…, N, V + K)."""
        check_alike(z=values)
        if values.ndim < 2:
            raise InputError(f"z must be of shape (N, {self.latent_dim}), not {values.shape}")
        checked = check_labels(labels, values.shape[-2], self.classes)
        rows = one_hot(checked, self.classes, values.dtype)  # (N, K)
        rows = np.broadcast_to(rows, (*values.shape[:-1], self.classes))  # (…, N, K)
        return np.concatenate([values, rows], axis=-1)
