"""The plain autoencoder: an image squeezed through a few numbers and back.

Dimensions: N images, D latents, … an image's shape (H, W, C).
"""

import numpy as np

from scratchvae.models.latent_model import LatentModel
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray, check_count


class Autoencoder(LatentModel):
    """An encoder and a decoder trained to reproduce each image: z = f(x), x̂ = g(z).

    The loss is the likelihood's reconstruction term and nothing else; with a Gaussian of variance 1
    that is ½ ‖x − x̂‖² per image: eq. 4.1 of the lessons. With linear layers the best solution spans
    the space of the principal components. Nothing shapes the latent space (eq. 5.6), so there is
    no prior to sample from. Source: EECS 230, lecture 16.
    """

    has_prior = False

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return an empty array: there is no noise in an autoencoder."""
        return np.empty((0, check_count(count, "count", 0), self.latent_dim), self.dtype)

    def forward(self, x: FloatArray, noise: FloatArray, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …); ``noise`` is not used."""
        z = self.through("encoder", x, self.latent_dim, training)  # (N, D)
        decoded = self.decode_parameters(z, training)  # (N, …)
        reconstruction = self.negative_log_likelihood(x, decoded)  # (N,)
        self._pass = (x, z, decoded)
        return self._mean_loss(reconstruction, np.zeros_like(reconstruction), 0.0)

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        x, _, decoded = self._last_pass()
        d_decoded = self.likelihood_gradient(x, decoded)  # (N, …)
        d_decoded /= len(x)
        dz = self.back_through("decoder", d_decoded, self.latent_dim)  # (N, D)
        self.encoder.backward_parameters(dz)

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the latents, and log-variances of −∞: a point rather than a distribution."""
        z = self.through("encoder", x, self.latent_dim, training)
        return z, np.full_like(z, -np.inf)
