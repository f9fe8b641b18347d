"""The conditional VAE: encoder and decoder are told the class, and the latents hold the rest.

Dimensions: N images, D latents, K classes, L samples of z per image, … an image's shape (H, W, C).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.models.vae import VAE
from scratchvae.probability import (
    kl_to_standard,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.training import LossParts
from scratchvae.validation import FloatArray, check_count


def one_hot(labels: NDArray[Any], classes: int, dtype: Any) -> FloatArray:
    """Return a row for each label, 1 at its class and 0 elsewhere: (N,) to (N, K)."""
    rows: FloatArray = np.eye(classes, dtype=dtype)[labels]
    return rows


class ConditionalVAE(VAE):
    """A VAE of p(x | y) for a label y: p(x | z, y) p(z), with the encoder q(z | x, y).

    The label is a one-hot vector beside the pixels and beside z. The latents need not say which
    digit it is, so one can ask for a digit and draw how it is written:
    ``model.sample(10, labels=np.arange(10))``. Source: Sohn, Lee and Yan (2015); Zhao (2023),
    section 4.2, expects it to draw better.

    Parameters
    ----------
    encoder
        (N, H·W·C + K) to (N, 2D): D means, then D numbers that the variance comes from.
    decoder
        (N, D + K) to the parameters of the likelihood.
    classes
        K.
    parts
        The likelihood and what else a ``VAE`` is made of.
    """

    kl_meaning = "KL(q(z | x, class) || N(0, I))"

    def __init__(
        self, encoder: Any, decoder: Any, *parts: Any, classes: int = 10, **named_parts: Any
    ) -> None:
        super().__init__(encoder, decoder, *parts, **named_parts)
        self.classes = check_count(classes, "classes")

    def forward(
        self,
        x: FloatArray,
        eps: FloatArray,
        training: bool = True,
        labels: NDArray[Any] | None = None,
    ) -> LossParts:
        """Return the loss of the images ``x`` (N, …) with ``labels`` (N,), ``eps`` (L, N, D)."""
        mean, log_variance = self.encode_distribution(x, training, labels)  # (N, D) both
        z = reparameterise(mean, log_variance, eps)  # (L, N, D)
        told = one_hot(self._told(labels, len(x)), self.classes, x.dtype)  # (N, K)
        told = np.concatenate([told] * len(eps))  # (L·N, K)
        beside = np.concatenate([z.reshape(-1, self.latent_dim), told], axis=1)  # (L·N, D + K)
        decoded = self.decoder.forward(beside, training)  # (L·N, …)
        targets = np.concatenate([x] * len(eps)) if len(eps) > 1 else x  # (L·N, …)
        nats = self.likelihood.negative_log_likelihood(targets, decoded)  # (L·N,)
        reconstruction = nats.reshape(len(eps), len(x)).mean(axis=0)  # (N,)
        kl = kl_to_standard(mean, log_variance)  # (N,)
        self._pass = (mean, log_variance, eps, decoded, targets)
        return self._mean_loss(
            reconstruction, kl, self.kl_weight * self.beta, self.reconstruction_weight
        )

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        mean, log_variance, eps, decoded, targets = self._last_pass()
        d_decoded = self.likelihood.gradient(targets, decoded)  # (L·N, …)
        d_decoded *= self.reconstruction_weight / len(targets)
        d_beside = self.decoder.backward(d_decoded)  # (L·N, D + K)
        # The label is given, not computed: its share of the gradient goes nowhere.
        dz = d_beside[:, : self.latent_dim].reshape(eps.shape)  # (L, N, D)
        through_z = reparameterise_backward(dz, log_variance, eps)  # (N, D) both
        through_kl = kl_to_standard_gradients(mean, log_variance)  # (N, D) both
        weight = self.kl_weight * self.beta / len(mean)
        d_mean = through_z.mean + weight * through_kl.mean
        d_log_variance = through_z.log_variance + weight * through_kl.log_variance
        d_raw = self.variance_head.backward(d_log_variance)
        self.encoder.backward_parameters(np.concatenate([d_mean, d_raw], axis=1))  # (N, 2D)

    def encode_distribution(
        self, x: FloatArray, training: bool = False, labels: NDArray[Any] | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z | x, y), both (N, D)."""
        told = one_hot(self._told(labels, len(x)), self.classes, x.dtype)  # (N, K)
        beside = np.concatenate([x.reshape(len(x), -1), told], axis=1)  # (N, H·W·C + K)
        return super().encode_distribution(beside, training)

    def decode_parameters(self, z: FloatArray, labels: NDArray[Any] | None = None) -> FloatArray:
        """Return the parameters of p(x | z, y), as the likelihood takes them."""
        told = one_hot(self._told(labels, len(z)), self.classes, z.dtype)  # (N, K)
        return self.decoder.forward(np.concatenate([z, told], axis=1))

    def _told(self, labels: NDArray[Any] | None, count: int) -> NDArray[Any]:
        checked = self.as_labels(labels, count)
        assert checked is not None  # it has raised otherwise
        return checked
