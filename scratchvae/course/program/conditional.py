"""A VAE that is told the label, and its draws: what lesson 23 writes.

Dimensions: N images of P pixels, K classes, D latents. A labelled image is a row of P + K numbers:
the pixels, and its label as a one-hot vector.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.course.program.probability import draw, kl_to_standard
from scratchvae.course.program.vae import (
    VAE,
    decoder_backward,
    encoder_backward,
    latent_gradients,
    noise,
)
from scratchvae.validation import FloatArray


def append_labels(values: FloatArray, labels: NDArray[Any], classes: int) -> FloatArray:
    """Return (N, V + K): each row of ``values``, (N, V), and its label (N,) as a one-hot vector.

    A dense layer of such rows has a bias of its own for each class: eq. 23.3.
    """
    return np.concatenate([values, np.eye(classes, dtype=values.dtype)[labels]], axis=1)


class ConditionalVAE(VAE):
    """A VAE of p(x | y): its loss is minus the bound of eq. 23.1, on labelled images.

    The encoder takes a labelled image, the decoder D latents and the label.
    """

    def __init__(
        self, encoder: Any, decoder: Any, likelihood: Any, latents: int, classes: int
    ) -> None:
        super().__init__(encoder, decoder, likelihood, latents)
        self.classes = classes

    def forward(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return each labelled image's reconstruction and KL in nats, (N,) both."""
        mean, log_variance = self.encode(x)
        pixels, label = x[:, : -self.classes], x[:, -self.classes :]
        z = draw(mean, log_variance, eps)
        y = self.decoder.forward(np.concatenate([z, label], axis=1))
        self.kept = pixels, eps, mean, log_variance, y
        return self.likelihood.nats(pixels, y), kl_to_standard(mean, log_variance)

    def backward(self) -> None:
        """Fill all gradients of the mean loss: through the decoder only z's goes on, eq. 23.4."""
        pixels, eps, mean, log_variance, y = self.kept
        d_input = decoder_backward(self.decoder, self.likelihood, pixels, y)
        dz = d_input[:, : self.latents]
        d_mean, d_log_variance = latent_gradients(dz, mean, log_variance, eps)
        encoder_backward(self.encoder, d_mean, d_log_variance)


def sample_classes(
    vae: Any, labels: NDArray[Any], rng: np.random.Generator, dtype: Any = np.float32
) -> FloatArray:
    """Return a mean image of each label, decoded at a draw from the prior."""
    z = noise(rng, len(labels), vae.latents, dtype)
    decoded: FloatArray = vae.decoder.forward(append_labels(z, labels, vae.classes))
    images: FloatArray = vae.likelihood.mean(decoded)
    return images
