"""The importance-weighted autoencoder: a VAE trained on a tighter bound.

Dimensions: N images, D latents, K draws of z per image, … an image's shape (H, W, C).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.layers import Dense, Layer
from scratchvae.layers.sequential import each_layer
from scratchvae.models.vae import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    Likelihood,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.training import LossParts, Settings
from scratchvae.validation import FloatArray

# A pixel that is black in every training image would get a bias of −∞.
_FAINTEST = 1e-3


class IWAE(VAE):
    """A VAE whose loss is minus the logarithm of the mean weight of K draws.

    With the weights w = p(x | z) p(z) / q(z | x) the loss is

        loss = −1/N Σₙ log 1/K Σₖ wₖₙ

    in nats per image. It falls to −log p(x) as K grows. K = 1 gives the VAE's bound, and there the
    KL needs no draw: with one, this model is the VAE, whose closed form leaves less noise in the
    gradient (the estimator L̃ᴮ of Kingma and Welling (2013), equation 7, and not L̃ᴬ, equation 6).
    Source: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders" (2016).

    Parameters are those of ``VAE``; ``samples`` is K. There is neither β nor a weight of the
    reconstruction: with one it would be no bound.

    The parts of its loss are those of the bound with K = 1, so that runs can be compared:
    ``reconstruction`` and ``kl`` are means over all draws, and ``loss`` is at most their sum.
    """

    weighs_kl = False  # the logarithm of the mean weight does not fall into two terms
    kl_meaning = "KL(q(z | x) || N(0, I)), estimated from the draws of z where there are several"

    def __init__(
        self,
        encoder: Layer,
        decoder: Layer,
        likelihood: Likelihood,
        *,
        image_shape: tuple[int, ...],
        latent_dim: int,
        settings: Settings | None = None,
        variance_head: Layer | None = None,
        samples: int = 1,
    ) -> None:
        super().__init__(
            encoder,
            decoder,
            likelihood,
            image_shape=image_shape,
            latent_dim=latent_dim,
            settings=settings,
            variance_head=variance_head,
            samples=samples,
        )

    def forward(self, x: FloatArray, eps: FloatArray, training: bool = True) -> LossParts:
        """Return the loss of the images ``x`` (N, …) with the noise ``eps`` (K, N, D)."""
        if len(eps) == 1:
            return super().forward(x, eps, training)
        mean, log_variance = self.encode_distribution(x, training)  # (N, D) both
        z = reparameterise(mean, log_variance, eps)  # (K, N, D)
        decoded = self.decoder.forward(z.reshape(-1, self.latent_dim), training)  # (K·N, …)
        targets = np.concatenate([x] * len(eps)) if len(eps) > 1 else x  # (K·N, …)
        nats = self.likelihood.negative_log_likelihood(targets, decoded).reshape(eps.shape[:2])
        # log q(z | x) − log p(z): in log q the distance of z from its mean is eps itself.
        log_ratio = 0.5 * (z**2 - eps**2 - log_variance).sum(axis=-1)  # (K, N)
        log_weights = -(nats + log_ratio)  # (K, N)
        largest = log_weights.max(axis=0)
        weights = np.exp(log_weights - largest)
        total = weights.sum(axis=0)
        self._pass = (z, log_variance, eps, decoded, targets, weights / total)
        loss = -(np.log(total / len(eps)) + largest)  # (N,)
        parts = self._mean_loss(nats.mean(axis=0), log_ratio.mean(axis=0), 1.0)
        return LossParts(float(loss.mean(dtype=np.float64)), parts.reconstruction, parts.kl)

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``.

        ∂loss/∂log wₖₙ = −w̃ₖₙ / N, with the weights normalised to Σₖ w̃ₖₙ = 1: a draw counts by its
        weight, where in a VAE all count alike. And with z = mean + e^(log_variance / 2) eps,

            −log w = −log p(x | z) + ½ Σ (z² − eps² − log_variance).
        """
        _, _, eps, *_ = self._last_pass()
        if len(eps) == 1:
            return super().backward()
        z, log_variance, eps, decoded, targets, normalised = self._last_pass()
        weight = normalised / z.shape[1]  # (K, N), and all of it sums to 1
        d_decoded = self.likelihood.gradient(targets, decoded)  # (K·N, …)
        d_decoded *= weight.reshape(-1, *[1] * (decoded.ndim - 1))
        dz = self.decoder.backward(d_decoded).reshape(eps.shape)  # (K, N, D): through p(x | z) …
        dz = dz + weight[..., None] * z  # … and through the prior
        d_mean, d_log_variance = reparameterise_backward(dz, log_variance, eps)  # (N, D) both
        d_log_variance = d_log_variance - 0.5 / z.shape[1]  # q's own: −½, times Σₖ w̃ / N
        d_raw = self.variance_head.backward(d_log_variance)
        self.encoder.backward_parameters(np.concatenate([d_mean, d_raw], axis=1))  # (N, 2D)

    def begin(self, images: NDArray[Any]) -> None:
        """Before the first step: set the output's bias so that the mean image is what it decodes.

        Source: the code of the paper's authors. Nothing is done unless the decoder ends in a dense
        layer of logits whose bias is zero still: one that is not has been trained.
        """
        dense = _dense(self.decoder)
        if not isinstance(self.likelihood, BernoulliLikelihood) or not dense:
            return
        bias = dense[-1].parameters["bias"].value
        # In pieces, since the mean of 8-bit pixels needs no copy of all of them as floats.
        pieces = np.array_split(images, -(-len(images) // 1000))
        total = sum(read_pixels(piece, np.float64).sum(axis=0) for piece in pieces)
        mean = np.clip(np.ravel(total / len(images)), _FAINTEST, 1 - _FAINTEST)
        if mean.size == bias.size and not bias.any():
            bias[...] = np.log(mean / (1 - mean))


def start_as_glorot(*parts: Layer) -> None:
    """Give dense layers the initial weights of the paper: uniform in ±√(6 / (I + O)), biases 0.

    They begin uniform in ±1/√I (see ``Dense``), so a factor is enough. Source: Glorot and Bengio
    (2010), equation 16.
    """
    for part in parts:
        for layer in _dense(part):
            fan_in, fan_out = layer.in_features, layer.out_features
            layer.parameters["weight"].value *= np.sqrt(6 * fan_in / (fan_in + fan_out))
            layer.parameters["bias"].value[...] = 0


def _dense(part: Layer) -> list[Dense]:
    """Return the dense layers in a network, from first to last."""
    return [layer for layer in each_layer(part) if isinstance(layer, Dense)]
