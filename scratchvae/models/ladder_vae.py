"""The ladder: a hierarchical VAE whose encoder meets the prior half-way.

Dimensions: N images, H hidden units, D lower latents, U upper ones, … an image's shape (H, W, C).
"""

from typing import Any

import numpy as np

from scratchvae.layers import Layer
from scratchvae.models.hierarchical_vae import HierarchicalVAE
from scratchvae.probability import (
    gaussian_product,
    gaussian_product_backward,
    kl_diagonal,
    kl_diagonal_gradients,
    kl_to_standard,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray


class LadderVAE(HierarchicalVAE):
    """p(x | z₁) p(z₁ | z₂) p(z₂), with the encoder q(z₂ | x) q(z₁ | x, z₂).

    The upper layer reads the image's features rather than a noisy z₁. The lower one is the product
    of two Gaussians: what the image says about z₁, and what z₂ says about it, p(z₁ | z₂). So
    encoder and decoder go through the layers in the same order, and since z₂ comes first, both KLs
    have closed forms:

        −log p(x | z₁) + KL(q(z₁ | x, z₂) ‖ p(z₁ | z₂)) + KL(q(z₂ | x) ‖ N(0, I))

    Since p(z₁ | z₂) is a factor of q(z₁ | x, z₂), a lower latent that the decoder does not use yet
    is easily left to it, and then says nothing about the image. So train it with a warm-up, as its
    authors do (``Settings.warm_up``): in ``scratchvae reproduce hierarchical`` the bound of the
    ladder without one is many nats worse.

    Source: Sønderby, Raiko, Maaløe, Sønderby and Winther (2016).

    Parameters
    ----------
    encoder
        Images (N, …) to features (N, H).
    lower_head
        (N, H) to (N, 2D): what the image says about z₁.
    upper_encoder
        (N, H) to (N, 2U): the mean and log-variance of q(z₂ | x).
    args, kwargs
        The prior, the decoder and the rest, as for ``HierarchicalVAE``.
    """

    layered = (*HierarchicalVAE.layered, "lower_head")

    def __init__(
        self, encoder: Layer, lower_head: Layer, upper_encoder: Layer, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(encoder, upper_encoder, *args, **kwargs)
        self.lower_head = lower_head

    def forward(self, x: FloatArray, eps: FloatArray, training: bool = False) -> LossTerms:
        """Return the loss of the images ``x`` (N, …) with the noise ``eps`` (1, N, D + U)."""
        eps_1, eps_2 = self._split_noise(x, eps)
        lower_dim, upper_dim = self.latent_dim, self.upper_dim
        features = self.through("encoder", x, "H", training)  # (N, H)
        seen = self._halves("lower_head", features, lower_dim, training)  # (N, D): by the image
        upper = self._halves("upper_encoder", features, upper_dim, training)  # (N, U): q(z₂ | x)
        z_2 = reparameterise(*upper, eps_2)[0]  # (N, U)
        expected = self._halves("prior", z_2, lower_dim, training)  # (N, D): p(z₁ | z₂)
        lower = gaussian_product(*seen, *expected)  # (N, D): q(z₁ | x, z₂)
        z_1 = reparameterise(*lower, eps_1)[0]  # (N, D)
        decoded = self.decode_parameters(z_1, training)  # (N, …)
        reconstruction = self.negative_log_likelihood(x, decoded)  # (N,)
        kl_1 = kl_diagonal(*lower, *expected)  # (N,)
        kl_2 = kl_to_standard(upper[0][..., None], upper[1][..., None])  # (N, U): each latent's
        width, layer_2 = features.shape[1], (*upper, eps_2, kl_2)
        self._pass = (x, decoded, seen, expected, lower, eps_1, layer_2, width)
        return self._layered_loss(reconstruction, kl_1, kl_2)

    def backward(self) -> None:
        """Add the gradients of the last forward pass's loss to the parameters' ``grad``."""
        x, decoded, seen, expected, lower, eps_1, upper, width = self._last_pass()
        weight = self.kl_weight * self.beta / len(x)
        dz_1 = self._decoder_gradient(x, decoded)  # (N, D)
        through_z_1 = reparameterise_backward(dz_1[None], lower.log_variance, eps_1)
        through_kl_1 = kl_diagonal_gradients(*lower, *expected)
        d_mean_1 = through_z_1.mean + weight * through_kl_1.mean_1
        d_log_variance_1 = through_z_1.log_variance + weight * through_kl_1.log_variance_1
        # The product passes its gradient on to both factors; the prior is in the KL as well.
        factors = gaussian_product_backward(d_mean_1, d_log_variance_1, *seen, *expected)
        d_seen = np.concatenate([factors.mean_1, factors.log_variance_1], axis=1)  # (N, 2D)
        d_prior_mean = factors.mean_2 + weight * through_kl_1.mean_2
        d_prior_log_variance = factors.log_variance_2 + weight * through_kl_1.log_variance_2
        d_prior = np.concatenate([d_prior_mean, d_prior_log_variance], axis=1)  # (N, 2D)
        dz_2 = self.back_through("prior", d_prior, self.upper_dim)  # (N, U)
        d_upper = self._upper_gradient(dz_2, upper)  # (N, 2U)
        d_features = self.back_through("upper_encoder", d_upper, width)  # (N, H)
        d_features = d_features + self.back_through("lower_head", d_seen, width)
        self.encoder.backward_parameters(d_features)

    def encode_distribution(
        self, x: FloatArray, training: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """Return the mean and the log-variance of q(z₁ | x, z₂ = its mean), both (N, D)."""
        features = self.through("encoder", x, "H", training)
        mean_2, _ = self._halves("upper_encoder", features, self.upper_dim, training)
        expected = self._halves("prior", np.ascontiguousarray(mean_2), self.latent_dim, training)
        seen = self._halves("lower_head", features, self.latent_dim, training)
        return gaussian_product(*seen, *expected)

    def layer_means(self, x: FloatArray) -> list[FloatArray]:
        """Return the means of q(z₁ | x, z₂ = its mean) and of q(z₂ | x), (N, D) and (N, U)."""
        mean_1, _ = self.encode_distribution(x)
        features = self.through("encoder", x, "H")
        return [mean_1, self._halves("upper_encoder", features, self.upper_dim)[0]]
