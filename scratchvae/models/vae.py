"""The variational autoencoder: its loss and its gradients, by hand.

Dimensions: N images, D latents, L samples of z per image, … an image's shape (H, W, C).
"""

from typing import Any, ClassVar

import numpy as np

from scratchvae.layers import Layer, Sequential
from scratchvae.models.latent_model import LatentModel
from scratchvae.probability import (
    Likelihood,
    kl_to_standard,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.probability.densities import check_alike
from scratchvae.randomness import standard_normal
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray, check_count, check_not_negative


class VAE(LatentModel):
    """A latent-variable model p(x | z) p(z) and an encoder q(z | x), trained on their bound.

    The loss is the negative evidence lower bound in nats per image, its KL weighted by β:

        loss = 1/N Σₙ [ −ω/L Σₗ log p(xₙ | zₙₗ) + β KL(q(z | xₙ) ‖ N(0, I)) ]

    Source: Kingma and Welling (2013), equation 10; β from Higgins et al. (2017). The lessons derive
    it as eq. 12.2; its mean over the noise is the negative bound, eq. 12.3.

    Parameters
    ----------
    encoder
        Images (N, …) to (N, 2D): D means, then D numbers that the variance comes from.
    decoder
        Latents (N, D) to the parameters of the likelihood.
    likelihood
        p(x | z).
    variance_head
        The layer from the encoder's last D numbers to log-variances. ``None``: they are the
        log-variances themselves.
    beta
        The weight β of the KL; 1 gives the bound. With a Gaussian of variance c only the product βc
        matters (eq. 11.7 of the lessons).
    reconstruction_weight
        The weight ω of the reconstruction, normally 1. Training without the reconstruction (ω = 0)
        or without the KL (β = 0) shows what each of the two is for (EECS 230, lecture 16).
    samples
        L, how many z are drawn per image in training.
    kwargs
        ``image_shape``, ``latent_dim`` and ``settings``, as for every ``LatentModel``.

    Examples
    --------
    Networks of your own, for grey images of 8×8 pixels and 2 latents::

        rng = np.random.default_rng(0)
        encoder = Sequential(Flatten(), Dense(64, 32, rng=rng), ReLU(), Dense(32, 4, rng=rng))
        decoder = Sequential(
            *(Dense(2, 32, rng=rng), ReLU(), Dense(32, 64, rng=rng)),
            *(Sigmoid(), Reshape((8, 8, 1))),
        )
        likelihood = GaussianLikelihood(variance=0.05)
        model = VAE(encoder, decoder, likelihood, image_shape=(8, 8, 1), latent_dim=2)
        model.fit(images, epochs=20)
    """

    has_prior = True
    weighs_kl = True
    layered: ClassVar[tuple[str, ...]] = ("encoder", "decoder", "variance_head")
    checked = LatentModel.checked | {
        "beta": check_not_negative,
        "reconstruction_weight": check_not_negative,
        "samples": check_count,
    }

    def __init__(
        self,
        encoder: Layer,
        decoder: Layer,
        likelihood: Likelihood,
        *,
        variance_head: Layer | None = None,
        beta: float = 1.0,
        reconstruction_weight: float = 1.0,
        samples: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood, **kwargs)
        self.variance_head = (
            Sequential() if variance_head is None else variance_head
        )  # of no layers: the identity
        self.beta = beta
        self.reconstruction_weight = reconstruction_weight
        self.samples = samples

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return the ``eps`` of a forward pass: (L, count, D) draws from N(0, I)."""
        return standard_normal(rng, (self.samples, count, self.latent_dim), self.dtype)

    def forward(
        self, x: FloatArray, eps: FloatArray, training: bool = False, **condition: Any
    ) -> LossTerms:
        """Return the loss of the images ``x`` (N, …) with the noise ``eps`` (L, N, D): eq. 12.1.

        ``condition`` is what encoder and decoder are conditioned on, the ``labels`` of a
        ``ConditionalVAE``.
        """
        mean, log_variance = self.encode_distribution(x, training, **condition)  # (N, D) both
        z = reparameterise(mean, log_variance, eps)  # (L, N, D)
        decoded = self.decode_parameters(z, training, **condition)  # (L·N, …)
        targets = np.concatenate([x] * len(eps)) if len(eps) > 1 else x  # (L·N, …)
        nll = self.negative_log_likelihood(targets, decoded)  # (L·N,)
        nll = nll.reshape(eps.shape[:2])  # (L, N)
        kl = kl_to_standard(mean, log_variance)  # (N,)
        self._pass = (mean, log_variance, eps, targets, decoded, z, nll)
        return self._mean_loss(  # eq. 12.2
            nll.mean(axis=0), kl, self.kl_weight * self.beta, self.reconstruction_weight
        )

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``.

        They reach the encoder along two paths: from the reconstruction (eq. 12.4) through z
        (eq. 12.7), and through the KL (eq. 12.8).
        """
        mean, log_variance, eps, targets, decoded, *_ = self._last_pass()
        # The loss is a mean over the L·N reconstructions (eq. 12.4) …
        d_decoded = self.likelihood_gradient(targets, decoded)  # (L·N, …)
        d_decoded *= self.reconstruction_weight / len(targets)
        dz = self.decode_backward(d_decoded).reshape(eps.shape)  # (L, N, D): eq. 12.5, eq. 12.6
        # … and its gradients reach the encoder along two paths: through z and through the KL.
        through_z = reparameterise_backward(dz, log_variance, eps)  # (N, D) both: eq. 12.7
        through_kl = kl_to_standard_gradients(mean, log_variance)  # (N, D) both: eq. 12.8
        weight = self.kl_weight * self.beta / len(mean)
        d_mean = through_z.mean + weight * through_kl.mean
        d_log_variance = through_z.log_variance + weight * through_kl.log_variance
        self.encode_backward(d_mean, d_log_variance)  # eq. 12.9

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z | x), both (N, D)."""
        latents = self.latent_dim
        both = "the encoder must give 2 latent_dim numbers, means and what variances come from"
        hidden = self.through("encoder", x, 2 * latents, training, both)  # (N, 2D)
        mean, raw = hidden[:, :latents], hidden[:, latents:]
        return mean, self.through("variance_head", raw, latents, training)

    def encode_backward(self, d_mean: FloatArray, d_log_variance: FloatArray) -> None:
        """Go back through the encoder (eq. 12.9) from the gradients of its outputs, (N, D) both."""
        check_alike(d_mean=d_mean, d_log_variance=d_log_variance)
        d_raw = self.back_through("variance_head", d_log_variance, self.latent_dim)  # (N, D)
        self.encoder.backward_parameters(np.concatenate([d_mean, d_raw], axis=1))  # (N, 2D)

    def decode_backward(self, d_decoded: FloatArray) -> FloatArray:
        """Go back through the decoder, from ∂loss/∂decoded (L·N, …) to ∂loss/∂z (L·N, D).

        For dense layers that is eq. 12.5 and eq. 12.6.
        """
        return self.back_through("decoder", d_decoded, self.latent_dim)

    def log_weights(self, x: FloatArray, eps: FloatArray) -> FloatArray:
        """Return log [p(x | z) p(z) / q(z | x)] for each draw of z, (L, N), in nats.

        The mean of the weights themselves is an unbiased estimate of p(x). Every constant is
        included. The images ``x`` are (N, …), the noise ``eps`` (L, N, D).
        """
        return self.log_weights_under(x, eps, *self.encode_distribution(x))

    def log_weights_under(
        self, x: FloatArray, eps: FloatArray, mean: FloatArray, log_variance: FloatArray
    ) -> FloatArray:
        """Return ``log_weights`` for a q(z | x) that was computed before, both (N, D)."""
        check_alike(x=x)
        z = reparameterise(mean, log_variance, eps)  # (L, N, D)
        decoded = self.decode_parameters(z)  # (L·N, …)
        targets = np.concatenate([x] * len(eps)) if len(eps) > 1 else x
        nll = self.negative_log_likelihood(targets, decoded)
        constant = self.omitted_constant()
        # log N(z; 0, I) − log N(z; mean, e^log_variance): the ½ log 2π of the two cancel.
        ratio = 0.5 * (eps**2 - z**2 + log_variance).sum(axis=-1)
        log_weights: FloatArray = ratio - nll.reshape(eps.shape[:2]) - constant
        return log_weights
