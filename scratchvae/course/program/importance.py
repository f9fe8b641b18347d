"""Importance weights, the model that is trained on them, and what the bound lacks: lesson 22.

Dimensions: N images of P pixels, D latents, K draws of z per image, G nodes.
"""

from typing import Any

import numpy as np

from scratchvae.course.program.probability import (
    draw,
    draw_backward,
    kl_gradients,
    kl_to_standard,
    log_mean_exp,
)
from scratchvae.course.program.vae import VAE, encoder_backward
from scratchvae.validation import FloatArray


def normalised_weights(log_weights: FloatArray) -> FloatArray:
    """Return the weights of each image divided by their sum, (K, N), safe from overflow: eq. 22.5.

    They are the derivatives of the logarithm of the mean weight by the log-weights: eq. 22.4.
    """
    weights = np.exp(log_weights - log_weights.max(axis=0))
    normalised: FloatArray = weights / weights.sum(axis=0)
    return normalised


class IWAE(VAE):
    """A VAE whose loss is minus the bound of K draws, eq. 22.2, which rises with K: eq. 22.3."""

    kept: Any

    def forward(self, x: FloatArray, eps: FloatArray) -> Any:  # a loss that is no sum of two terms
        """Return each image's loss in nats, (N,), for noise of (K, N, D); keep what goes back.

        The log-weights are those of eq. 22.6.
        """
        mean, log_variance = self.encode(x)
        z = draw(mean, log_variance, eps)
        y = self.decoder.forward(z.reshape(-1, self.latents)).reshape(*z.shape[:2], -1)
        log_ratio = 0.5 * (z**2 - eps**2 - log_variance).sum(axis=-1)
        log_weights = -self.likelihood.nats(x, y) - log_ratio
        weights = normalised_weights(log_weights)
        self.kept = x, eps, log_variance, z, y, weights
        return -log_mean_exp(log_weights)

    def backward(self) -> None:
        """Fill all gradients of the mean loss, for the last forward pass: eq. 22.7 and eq. 22.8."""
        x, eps, log_variance, z, y, weights = self.kept
        share = weights[..., None] / len(x)
        dy = share * self.likelihood.gradient(x, y)
        dz = self.decoder.backward(dy.reshape(-1, y.shape[-1])).reshape(z.shape) + share * z
        d_mean, d_log_variance = draw_backward(dz, log_variance, eps)
        encoder_backward(
            self.encoder, d_mean.sum(axis=0), d_log_variance.sum(axis=0) - 0.5 / len(x)
        )


def latent_activity(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    """Return the variance over the images of each latent's mean, (D,).

    It is the first of the two terms of eq. 22.9; the other is large where a latent says nothing.
    """
    activity: FloatArray = mean.var(axis=0, ddof=1)
    return activity


def negative_bound(
    vae: Any,
    x: FloatArray,
    mean: FloatArray,
    log_variance: FloatArray,
    nodes: FloatArray,
    shares: FloatArray,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return each image's −ELBO for its own Gaussian, (N,), and its derivatives by m and l, (N, D).

    The expectation over the noise is the weighted sum over nodes, (G, D), of eq. 22.11.
    """
    eps = np.repeat(nodes[:, None], len(x), axis=1)  # (G, N, D)
    z = draw(mean, log_variance, eps)
    y = vae.decoder.forward(z.reshape(-1, z.shape[-1])).reshape(*z.shape[:2], -1)
    loss = shares @ vae.likelihood.nats(x, y) + kl_to_standard(mean, log_variance)
    dy = shares[:, None, None] * vae.likelihood.gradient(x, y)
    dz = vae.decoder.backward(dy.reshape(-1, y.shape[-1])).reshape(z.shape)
    through_z = draw_backward(dz, log_variance, eps)
    through_kl = kl_gradients(mean, log_variance)
    d_mean, d_log_variance = (a.sum(axis=0) + b for a, b in zip(through_z, through_kl, strict=True))
    return loss, d_mean, d_log_variance
