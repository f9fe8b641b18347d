"""A VAE of two stochastic layers, and the collapse of the upper one.

Dimensions: N images, D latents in the lower layer, U in the upper, … an image's shape (H, W, C).
"""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from scratchvae.layers import Layer
from scratchvae.models.latent_model import LatentModel
from scratchvae.probability import (
    Likelihood,
    gaussian_log_density,
    kl_to_standard,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.probability.densities import check_alike
from scratchvae.randomness import standard_normal
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray, check_array, check_count, check_not_negative


class HierarchicalVAE(LatentModel):
    """p(x | z₁) p(z₁ | z₂) p(z₂), with the encoder q(z₁ | x) q(z₂ | z₁).

    The negative bound, for one draw of z₁ and then z₂, is

        −log p(x | z₁) + [log q(z₁ | x) − log p(z₁ | z₂)] + KL(q(z₂ | z₁) ‖ N(0, I))

    The middle term is taken at the draw. The closed-form KL(q(z₁ | x) ‖ p(z₁ | z₂)) would not do:
    z₂ was drawn knowing z₁, so given z₂ the lower latents are no longer distributed as q(z₁ | x).

    The upper layer can collapse: p(z₁ | z₂) learns to ignore a z₂ that is mostly noise at first,
    whereupon the KL makes q(z₂ | z₁) the prior. Flach, "Structured model learning", names this as
    an open problem. Remedies from the literature are a warm-up of the KL (``Settings.warm_up``),
    free bits (``free_bits`` here permanently, ``Settings.free_bits`` only at the start), batch norm
    in the inference networks, and an encoder like a ladder (``LadderVAE``): Sønderby et al. (2016),
    Kingma et al. (2016). ``scratchvae reproduce hierarchical`` measures what each is worth on
    MNIST; not all of them help on their own. Where z₁ has no structure that p(z₁ | z₂) could
    explain, an unused upper layer is no failure and there is nothing to gain.

    Parameters
    ----------
    encoder
        Images (N, …) to (N, 2D): the mean and log-variance of q(z₁ | x).
    upper_encoder
        (N, D) to (N, 2U): those of q(z₂ | z₁).
    prior
        (N, U) to (N, 2D): those of p(z₁ | z₂).
    decoder
        (N, D) to the parameters of the likelihood.
    likelihood
        p(x | z₁).
    latent_dim, upper_dim
        D and U.
    beta
        The weight of both KLs.
    free_bits
        λ, in nats: each upper latent's mean KL over the batch costs nothing below it.
    kwargs
        ``image_shape``, ``latent_dim`` and ``settings``, as for every ``LatentModel``.
    """

    has_prior = True
    weighs_kl = True
    free_bits: float
    layered: ClassVar[tuple[str, ...]] = ("encoder", "decoder", "upper_encoder", "prior")
    checked = LatentModel.checked | {
        "upper_dim": check_count,
        "beta": check_not_negative,
        "free_bits": check_not_negative,
    }

    def __init__(
        self,
        encoder: Layer,
        upper_encoder: Layer,
        prior: Layer,
        decoder: Layer,
        likelihood: Likelihood,
        *,
        upper_dim: int,
        beta: float = 1.0,
        free_bits: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood, **kwargs)
        self.upper_encoder = upper_encoder
        self.prior = prior
        self.upper_dim = upper_dim
        self.beta = beta
        self.free_bits = free_bits
        self.layer_kls: tuple[FloatArray, FloatArray]  # after forward: (N,) of z₁ and of z₂

    def draw_noise(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return the ``eps`` of a forward pass, (1, count, D + U): of z₁, then of z₂."""
        return standard_normal(rng, (1, count, self.latent_dim + self.upper_dim), self.dtype)

    def forward(self, x: FloatArray, eps: FloatArray, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …) with the noise ``eps`` (1, N, D + U)."""
        eps_1, eps_2 = self._split_noise(x, eps)
        lower_dim, upper_dim = self.latent_dim, self.upper_dim
        mean_1, log_variance_1 = self._halves("encoder", x, lower_dim, training)  # (N, D) both
        z_1 = reparameterise(mean_1, log_variance_1, eps_1)[0]  # (N, D)
        upper = self._halves("upper_encoder", z_1, upper_dim, training)  # (N, U) both: q(z₂ | z₁)
        z_2 = reparameterise(*upper, eps_2)[0]  # (N, U)
        prior = self._halves("prior", z_2, lower_dim, training)  # (N, D) both: p(z₁ | z₂)
        decoded = self.decode_parameters(z_1, training)  # (N, …)
        reconstruction = self.negative_log_likelihood(x, decoded)  # (N,)
        kl_1 = gaussian_log_density(z_1, mean_1, log_variance_1)  # (N,)
        kl_1 -= gaussian_log_density(z_1, *prior)
        kl_2 = kl_to_standard(upper[0][..., None], upper[1][..., None])  # (N, U): each latent's
        self._pass = (x, decoded, z_1, log_variance_1, eps_1, prior, (*upper, eps_2, kl_2))
        return self._layered_loss(reconstruction, kl_1, kl_2)

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        x, decoded, z_1, log_variance_1, eps_1, prior, upper = self._last_pass()
        prior_mean, prior_log_variance = prior
        weight = self.kl_weight * self.beta / len(x)
        # −log p(z₁ | z₂) = ½ Σ (z₁ − m)² e^(−l) + l depends on z₁ as well as on m and l.
        residual = z_1 - prior_mean  # (N, D)
        through_prior = weight * residual * np.exp(-prior_log_variance)  # (N, D), to z₁
        d_prior_log_variance = 0.5 * (weight - residual * through_prior)  # (N, D)
        d_prior = np.concatenate([-through_prior, d_prior_log_variance], axis=1)  # (N, 2D)
        dz_2 = self.back_through("prior", d_prior, self.upper_dim)  # (N, U)
        d_upper = self._upper_gradient(dz_2, upper)  # (N, 2U)
        # Three paths lead back to z₁: the image, its own prior, and z₂, which was drawn given z₁.
        dz_1 = self._decoder_gradient(x, decoded) + through_prior  # (N, D)
        dz_1 += self.back_through("upper_encoder", d_upper, self.latent_dim)
        through_z_1 = reparameterise_backward(dz_1[None], log_variance_1, eps_1)
        # log q(z₁ | x) = −½ Σ ε² + l + log 2π: with ε fixed, only l is left to differentiate.
        d_log_variance_1 = through_z_1.log_variance - 0.5 * weight
        d_lower = np.concatenate([through_z_1.mean, d_log_variance_1], axis=1)  # (N, 2D)
        self.encoder.backward_parameters(d_lower)

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z₁ | x), both (N, D)."""
        return self._halves("encoder", x, self.latent_dim, training)

    def layer_means(self, x: FloatArray) -> list[FloatArray]:
        """Return the means of q(z₁ | x) and of q(z₂ | z₁ = its mean), (N, D) and (N, U)."""
        mean_1, _ = self.encode_distribution(x)
        return [mean_1, self._halves("upper_encoder", mean_1, self.upper_dim)[0]]

    def mean_layer_kls(self, images: NDArray[Any], *, seed: int = 0) -> tuple[float, float]:
        """Return the mean KL of the lower and of the upper layer over ``images``, in nats."""
        images = self._some_images(images, "mean_layer_kls")
        sums = np.zeros(2)
        for _, model in self._forward_chunks(images, None, seed):
            sums += [layer.sum(dtype=np.float64) for layer in model.layer_kls]
        return float(sums[0] / len(images)), float(sums[1] / len(images))

    def draw_latents(self, count: int, rng: np.random.Generator) -> FloatArray:
        """Return draws of z₁, (count, D): z₂ from N(0, I), then z₁ from p(z₁ | z₂)."""
        z_2 = standard_normal(rng, (count, self.upper_dim), self.dtype)
        mean, log_variance = self._halves("prior", z_2, self.latent_dim)
        eps = rng.standard_normal((1, count, self.latent_dim), dtype=self.dtype)
        z_1: FloatArray = reparameterise(mean, log_variance, eps)[0]
        return z_1

    def _halves(
        self, name: str, x: FloatArray, width: int, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the means and log-variances that a network gives for ``x``, (N, width) both."""
        hidden = self.through(name, x, 2 * width, training)
        return hidden[:, :width], hidden[:, width:]

    def _split_noise(self, x: FloatArray, eps: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the noise of z₁ and of z₂, (1, N, D) and (1, N, U)."""
        check_alike(x=x)
        check_array(eps, "eps", (1, len(x), self.latent_dim + self.upper_dim), self.dtype)
        return eps[..., : self.latent_dim], eps[..., self.latent_dim :]

    def _decoder_gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        """Return the gradient of the mean reconstruction with respect to z₁, (N, D)."""
        d_decoded = self.likelihood_gradient(x, decoded)  # (N, …)
        d_decoded /= len(x)
        return self.back_through("decoder", d_decoded, self.latent_dim)

    def _upper_gradient(self, dz_2: FloatArray, upper: tuple[FloatArray, ...]) -> FloatArray:
        """Return the gradient with respect to the upper encoder's output, (N, 2U).

        It has two paths: through z₂, with ``dz_2`` (N, U), and through the KL to N(0, I).
        """
        mean_2, log_variance_2, eps_2, kl_2 = upper
        through_z_2 = reparameterise_backward(dz_2[None], log_variance_2, eps_2)
        through_kl_2 = kl_to_standard_gradients(mean_2, log_variance_2)
        weight = self.kl_weight * self.beta / len(dz_2) * self._above_free_bits(kl_2)  # (U,)
        d_mean_2 = through_z_2.mean + weight * through_kl_2.mean
        d_log_variance_2 = through_z_2.log_variance + weight * through_kl_2.log_variance
        return np.concatenate([d_mean_2, d_log_variance_2], axis=1)

    def _above_free_bits(self, kl_2: FloatArray) -> FloatArray:
        """Return 1 for each upper latent whose KL counts, 0 for one within the free bits, (U,)."""
        counts: FloatArray = (kl_2.mean(axis=0) > self.free_bits).astype(kl_2.dtype)
        return counts

    def _layered_loss(
        self, reconstruction: FloatArray, kl_1: FloatArray, kl_2: FloatArray
    ) -> LossTerms:
        """Return the loss; ``kl_1`` is (N,), ``kl_2`` (N, U)."""
        self.layer_kls = (kl_1, kl_2.sum(axis=1))
        beta = self.kl_weight * self.beta
        terms = self._mean_loss(reconstruction, kl_1 + self.layer_kls[1], beta)
        # A latent within its free bits costs λ, whatever its KL.
        unused = np.maximum(self.free_bits - kl_2.mean(axis=0, dtype=np.float64), 0).sum()
        return replace(terms, loss=terms.loss + beta * float(unused))
