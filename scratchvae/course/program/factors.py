"""What latents mean: the weighted KL, what it consists of, and known factors; lesson 19 writes it.

Dimensions: N images of P pixels, M draws, D latents, F factors, S steps.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.program.probability import (
    aggregate_log_density,
    draw_backward,
    kl_gradients,
    log_normal,
)
from scratchvae.course.program.vae import VAE, decoder_backward, encoder_backward
from scratchvae.validation import FloatArray


class BetaVAE(VAE):
    """A VAE whose loss is the reconstruction plus β times the KL: eq. 19.1.

    ``forward`` returns the KL without its weight, so what is reported is in nats.
    """

    def __init__(
        self, encoder: Any, decoder: Any, likelihood: Any, latents: int, beta: float
    ) -> None:
        super().__init__(encoder, decoder, likelihood, latents)
        self.beta = beta

    def backward(self) -> None:
        """Fill all gradients of the mean weighted loss, for the last forward pass."""
        x, eps, mean, log_variance, y = self.kept
        dz = decoder_backward(self.decoder, self.likelihood, x, y)
        mean_through_z, log_variance_through_z = draw_backward(dz, log_variance, eps)
        mean_through_kl, log_variance_through_kl = kl_gradients(mean, log_variance)
        weight = self.beta / len(x)
        encoder_backward(
            self.encoder,
            mean_through_z + weight * mean_through_kl,
            log_variance_through_z + weight * log_variance_through_kl,
        )


def split_kl(
    z: FloatArray, mean: FloatArray, log_variance: FloatArray
) -> tuple[float, float, float]:
    """Return what the mean KL consists of, in nats: eq. 19.2, estimated from a draw of each image.

    That is the information on the image, the total correlation of the latents, and the sum of the
    latents' mismatches. All arguments are (N, D), and row n of ``z`` is a draw of q(z | xₙ).
    """
    log_q_given_x = log_normal(z, mean, log_variance)
    log_q = aggregate_log_density(z, mean, log_variance)
    log_each, log_prior = np.zeros(len(z)), log_normal(z, 0 * z, 0 * z)
    for j in range(z.shape[1]):
        one = slice(j, j + 1)
        log_each = log_each + aggregate_log_density(z[:, one], mean[:, one], log_variance[:, one])
    return (
        float((log_q_given_x - log_q).mean()),
        float((log_q - log_each).mean()),
        float((log_each - log_prior).mean()),
    )


def mutual_information_gap(information: FloatArray, entropies: FloatArray) -> float:
    """Return the mean over factors of the lead of the best latent over the next: eq. 19.5.

    ``information`` is that of each factor and latent, (F, D), and ``entropies`` the factors' (F,).
    p(x) cannot tell a code from a rotated one, eq. 19.4; this can.
    """
    ordered = np.sort(information, axis=1)
    return float(((ordered[:, -1] - ordered[:, -2]) / entropies).mean())


def traverse(
    decode: Callable[[FloatArray], FloatArray], code: FloatArray, values: FloatArray
) -> FloatArray:
    """Return images, (D, S, P): in row j latent j takes each of S values, the others stay.

    ``decode`` makes images of codes (S, D); ``code`` is an image's, (D,).
    """
    rows = []
    for j in range(len(code)):
        z = np.repeat(code[None], len(values), axis=0)
        z[:, j] = values
        rows.append(decode(z))
    return np.stack(rows)
