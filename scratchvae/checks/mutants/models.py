"""Mutants of variational autoencoders: gradients of the bound, put together wrongly.

``OpenVAE`` is the right one, cut into the pieces that each of the others gets wrong.

Dimensions: N images, D latents, L samples of z per image.
"""

from typing import Any

import numpy as np

from scratchvae.checks.gradients import gradcheck
from scratchvae.checks.mutants.base import GRADIENT, Check, Mutant
from scratchvae.layers import Dense, Flatten, Reshape, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    Likelihood,
    kl_to_standard,
    kl_to_standard_gradients,
    reparameterise,
    reparameterise_backward,
)
from scratchvae.training import LossParts
from scratchvae.validation import FloatArray

Pair = tuple[FloatArray, FloatArray]


class OpenVAE(VAE):
    """A VAE of overridable pieces."""

    def draw(self, mean: FloatArray, log_variance: FloatArray, eps: FloatArray) -> FloatArray:
        return reparameterise(mean, log_variance, eps)

    def through_draw(self, dz: FloatArray, log_variance: FloatArray, eps: FloatArray) -> Pair:
        return reparameterise_backward(dz, log_variance, eps)

    def divergence(self, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        return kl_to_standard(mean, log_variance)

    def through_divergence(self, mean: FloatArray, log_variance: FloatArray) -> Pair:
        return kl_to_standard_gradients(mean, log_variance)

    def through_decoder(self, targets: FloatArray, decoded: FloatArray) -> FloatArray:
        return self.likelihood.gradient(targets, decoded) / len(targets)

    def forward(self, x: FloatArray, eps: FloatArray, training: bool = True) -> LossParts:
        mean, log_variance = self.encode_distribution(x, training)
        z = self.draw(mean, log_variance, eps)
        decoded = self.decoder.forward(z.reshape(-1, self.latent_dim), training)
        targets = np.concatenate([x] * len(eps))
        nll = self.likelihood.negative_log_likelihood(targets, decoded)
        self._pass = (mean, log_variance, eps, decoded, targets)
        reconstruction = nll.reshape(len(eps), len(x)).mean(axis=0)
        return self._mean_loss(reconstruction, self.divergence(mean, log_variance), self.beta)

    def backward(self) -> None:
        mean, log_variance, eps, decoded, targets = self._last_pass()
        dz = self.decoder.backward(self.through_decoder(targets, decoded)).reshape(eps.shape)
        d_mean, d_log_variance = self.through_draw(dz, log_variance, eps)
        kl_mean, kl_log_variance = self.through_divergence(mean, log_variance)
        weight = self.beta / len(mean)
        self.into_encoder(
            np.concatenate(
                [d_mean + weight * kl_mean, d_log_variance + weight * kl_log_variance], axis=1
            )
        )

    def into_encoder(self, d_hidden: FloatArray) -> None:
        self.encoder.backward_parameters(d_hidden)


class KlGradientDoubled(OpenVAE):
    def through_divergence(self, mean: FloatArray, log_variance: FloatArray) -> Pair:
        right = kl_to_standard_gradients(mean, log_variance)
        return 2 * right.mean, 2 * right.log_variance


class KlGradientNegative(OpenVAE):
    def through_divergence(self, mean: FloatArray, log_variance: FloatArray) -> Pair:
        right = kl_to_standard_gradients(mean, log_variance)
        return -right.mean, -right.log_variance


class KlGradientForgotten(OpenVAE):
    def through_divergence(self, mean: FloatArray, log_variance: FloatArray) -> Pair:
        return np.zeros_like(mean), np.zeros_like(mean)


class KlGradientWithoutHalf(OpenVAE):
    def through_divergence(self, mean: FloatArray, log_variance: FloatArray) -> Pair:
        right = kl_to_standard_gradients(mean, log_variance)
        return right.mean, 2 * right.log_variance


class DrawCutOff(OpenVAE):
    def through_draw(self, dz: FloatArray, log_variance: FloatArray, eps: FloatArray) -> Pair:
        return np.zeros_like(log_variance), np.zeros_like(log_variance)


class DrawWithoutHalf(OpenVAE):
    def through_draw(self, dz: FloatArray, log_variance: FloatArray, eps: FloatArray) -> Pair:
        right = reparameterise_backward(dz, log_variance, eps)
        return right.mean, 2 * right.log_variance


class NoiseForgottenInGradient(OpenVAE):
    def through_draw(self, dz: FloatArray, log_variance: FloatArray, eps: FloatArray) -> Pair:
        right = reparameterise_backward(dz, log_variance, eps)
        return right.mean, 0.5 * np.exp(0.5 * log_variance) * dz.sum(axis=0)


class NoiseDrawnAgain(OpenVAE):
    def through_draw(self, dz: FloatArray, log_variance: FloatArray, eps: FloatArray) -> Pair:
        return reparameterise_backward(
            dz, log_variance, self.encoder.rng.standard_normal(eps.shape)
        )


class PixelsAveragedInGradient(OpenVAE):
    def through_decoder(self, targets: FloatArray, decoded: FloatArray) -> FloatArray:
        averaged: FloatArray = super().through_decoder(targets, decoded) / targets[0].size
        return averaged


class ImagesNotAveraged(OpenVAE):
    def through_decoder(self, targets: FloatArray, decoded: FloatArray) -> FloatArray:
        return self.likelihood.gradient(targets, decoded)


class TargetsAndOutputsSwapped(OpenVAE):
    def through_decoder(self, targets: FloatArray, decoded: FloatArray) -> FloatArray:
        return -super().through_decoder(targets, decoded)


class EncoderFedTheBatchBefore(OpenVAE):
    def into_encoder(self, d_hidden: FloatArray) -> None:
        super().into_encoder(self.__dict__.get("_before", d_hidden))
        self._before = d_hidden.copy()


class KlDoubledThroughout(KlGradientDoubled):
    def divergence(self, mean: FloatArray, log_variance: FloatArray) -> FloatArray:
        return 2 * kl_to_standard(mean, log_variance)


class VarianceForDeviation(OpenVAE):
    def draw(self, mean: FloatArray, log_variance: FloatArray, eps: FloatArray) -> FloatArray:
        z: FloatArray = mean + np.exp(log_variance) * eps
        return z

    def through_draw(self, dz: FloatArray, log_variance: FloatArray, eps: FloatArray) -> Pair:
        return dz.sum(axis=0), np.exp(log_variance) * (dz * eps).sum(axis=0)


def small_vae(model: type[VAE], seed: int, likelihood: Likelihood | None = None) -> VAE:
    """Return a model of 3 × 5 images in float64, checked in no time."""
    options: dict[str, Any] = {"rng": np.random.default_rng(seed), "dtype": np.float64}
    likelihood = likelihood or BernoulliLikelihood()
    encoder = Sequential(
        Flatten(**options), Dense(15, 4, **options), Tanh(**options), Dense(4, 4, **options)
    )
    channels = likelihood.channels_per_pixel
    decoder = Sequential(
        Dense(2, 4, **options),
        Tanh(**options),
        Dense(4, 15 * channels, **options),
        Reshape((3, 5, channels), **options),
    )
    return model(encoder, decoder, likelihood, image_shape=(3, 5, 1), latent_dim=2)


def of_model(model: type[VAE], likelihood: Likelihood | None = None) -> Check:
    """Return the gradient check of a small model."""

    def check(seed: int) -> Any:
        images = np.random.default_rng([seed, 3]).random((4, 3, 5, 1))
        return gradcheck(small_vae(model, seed, likelihood), images, seed=seed)

    return check


_RIGHT = of_model(OpenVAE)


def _model(
    name: str, bug: str, origin: str, cause: str, model: type[VAE], says: str = ""
) -> Mutant:
    return Mutant(name, bug, origin, GRADIENT, of_model(model), _RIGHT, cause, says)


MODEL_MUTANTS = (
    _model(
        "VAE: gradient of the KL doubled",
        "the ½ of the KL is missing in its gradient",
        "differentiating Σ (m² + σ² − 1 − log σ²), with the ½ only in the value",
        "loss term",
        KlGradientDoubled,
        "KL is 2 times",
    ),
    _model(
        "VAE: gradient of the KL with the wrong sign",
        "the encoder is driven away from the prior",
        "maximising one term and minimising the other",
        "loss term",
        KlGradientNegative,
        "KL is of the wrong sign",
    ),
    _model(
        "VAE: gradient of the KL forgotten",
        "the KL is in the loss, but does not reach the encoder",
        "sending back only the reconstruction's gradient",
        "loss term",
        KlGradientForgotten,
        "KL is missing",
    ),
    _model(
        "VAE: log-variance's half of the KL without its ½",
        "∂KL/∂log σ² = σ² − 1 instead of half of that",
        "taking the derivative with respect to σ² for that by log σ²",
        "region",
        KlGradientWithoutHalf,
        "2, 3 of axis 1",
    ),
    _model(
        "VAE: reconstruction cut off from the encoder",
        "nothing comes back through z",
        "treating the sample as data, as if a library had drawn it",
        "loss term",
        DrawCutOff,
        "reconstruction is missing",
    ),
    _model(
        "VAE: reparameterisation without its ½",
        "∂z/∂log σ² = σ ε instead of ½ σ ε",
        "taking the encoder's second output for log σ in the backward pass",
        "region",
        DrawWithoutHalf,
        "2, 3 of axis 1",
    ),
    _model(
        "VAE: noise forgotten in the gradient",
        "∂z/∂log σ² = ½ σ instead of ½ σ ε",
        "a slip of the pen",
        "region",
        NoiseForgottenInGradient,
        "2, 3 of axis 1",
    ),
    _model(
        "VAE: noise drawn again",
        "the backward pass draws ε again",
        "calling randn inside both passes",
        "drawn again",
        NoiseDrawnAgain,
    ),
    _model(
        "VAE: gradient averaged over pixels",
        "the value is a sum over pixels and the gradient a mean",
        "mixing two libraries' conventions",
        "factor",
        PixelsAveragedInGradient,
        "one over the number of pixels",
    ),
    _model(
        "VAE: gradient of the reconstruction not averaged over images",
        "N times too large compared with the KL's",
        "averaging the loss that is printed, not the one that is differentiated",
        "factor",
        ImagesNotAveraged,
        "number of images",
    ),
    _model(
        "VAE: target and output swapped in the gradient",
        "x − x̂ instead of x̂ − x",
        "remembering the square and forgetting the sign",
        "sign",
        TargetsAndOutputsSwapped,
        "wrong sign",
    ),
    _model(
        "VAE: encoder fed the previous batch's gradient",
        "an intermediate result is overwritten one step too late",
        "saving memory by swapping two buffers",
        "stale",
        EncoderFedTheBatchBefore,
    ),
)
