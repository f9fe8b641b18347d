"""Mutants of variational autoencoders: gradients of the bound, put together wrongly.

Dimensions: N images, D latents, L samples of z per image.
"""

from typing import Any

import numpy as np

from scratchvae.checks.gradients import gradcheck
from scratchvae.checks.mutants.base import GRADIENT, Check, Mutant
from scratchvae.layers import Dense, Flatten, Reshape, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood, Likelihood, kl_to_standard_gradients
from scratchvae.training import LossTerms
from scratchvae.validation import FloatArray


class KlGradientTimes(VAE):
    """The gradient of the KL is ``factor`` times what it should be."""

    factor: float

    def backward(self) -> None:
        weight, self.kl_weight = self.kl_weight, self.factor * self.kl_weight
        super().backward()
        self.kl_weight = weight


class KlGradientDoubled(KlGradientTimes):
    factor = 2.0


class KlGradientNegative(KlGradientTimes):
    factor = -1.0


class KlGradientForgotten(KlGradientTimes):
    factor = 0.0


class KlDoubledThroughout(KlGradientDoubled):
    def forward(
        self, x: FloatArray, eps: FloatArray, training: bool = False, **condition: Any
    ) -> LossTerms:
        terms = super().forward(x, eps, training, **condition)
        return LossTerms(terms.loss + self.beta * terms.kl, terms.reconstruction, 2 * terms.kl)


class LogVarianceGradientSplit(VAE):
    """The gradient of the log-variance, a sum over two paths, weighed path by path."""

    through_z: float = 1.0
    through_kl: float = 1.0

    def encode_backward(self, d_mean: FloatArray, d_log_variance: FloatArray) -> None:
        mean, log_variance, *_ = self._pass
        of_kl = kl_to_standard_gradients(mean, log_variance).log_variance * self.beta / len(mean)
        of_z = d_log_variance - of_kl
        super().encode_backward(d_mean, self.through_z * of_z + self.through_kl * of_kl)


class KlGradientWithoutHalf(LogVarianceGradientSplit):
    through_kl = 2.0


class DrawWithoutHalf(LogVarianceGradientSplit):
    through_z = 2.0


class VarianceForDeviation(DrawWithoutHalf):
    def forward(
        self, x: FloatArray, eps: FloatArray, training: bool = False, **condition: Any
    ) -> LossTerms:
        # The draw multiplies by the standard deviation once more, which makes it the variance. Its
        # derivative by the log-variance is σ² ε, twice that of a noise that did not depend on it.
        _, log_variance = self.encode_distribution(x, training)
        return super().forward(x, eps * np.exp(0.5 * log_variance), training, **condition)


class DrawCutOff(VAE):
    def decode_backward(self, d_decoded: FloatArray) -> FloatArray:
        return np.zeros_like(super().decode_backward(d_decoded))


class NoiseForgottenInGradient(VAE):
    def backward(self) -> None:
        mean, log_variance, eps, *rest = self._pass
        self._pass = (mean, log_variance, np.ones_like(eps), *rest)
        super().backward()


class NoiseDrawnAgain(VAE):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rng = np.random.default_rng(0)

    def backward(self) -> None:
        mean, log_variance, eps, *rest = self._pass
        self._pass = (mean, log_variance, self.rng.standard_normal(eps.shape), *rest)
        super().backward()


class PixelsAveragedInGradient(VAE):
    def decode_backward(self, d_decoded: FloatArray) -> FloatArray:
        return super().decode_backward(d_decoded / d_decoded[0].size)


class ImagesNotAveraged(VAE):
    def decode_backward(self, d_decoded: FloatArray) -> FloatArray:
        return super().decode_backward(d_decoded * len(d_decoded))


class TargetsAndOutputsSwapped(VAE):
    def decode_backward(self, d_decoded: FloatArray) -> FloatArray:
        return super().decode_backward(-d_decoded)


class EncoderFedTheBatchBefore(VAE):
    def encode_backward(self, d_mean: FloatArray, d_log_variance: FloatArray) -> None:
        before = self.__dict__.get("_before", (d_mean, d_log_variance))
        self._before = (d_mean.copy(), d_log_variance.copy())
        super().encode_backward(*before)


def small_vae(model: type[VAE], seed: int, likelihood: Likelihood | None = None) -> VAE:
    """Return a model of 3 × 5 images in float64, checked in no time."""
    options: dict[str, Any] = {"rng": np.random.default_rng(seed), "dtype": np.float64}
    likelihood = likelihood or BernoulliLikelihood()
    encoder = Sequential(Flatten(), Dense(15, 4, **options), Tanh(), Dense(4, 4, **options))
    channels = likelihood.channels_per_pixel
    decoder = Sequential(
        Dense(2, 4, **options),
        Tanh(),
        Dense(4, 15 * channels, **options),
        Reshape((3, 5, channels)),
    )
    return model(encoder, decoder, likelihood, image_shape=(3, 5, 1), latent_dim=2)


def of_model(model: type[VAE], likelihood: Likelihood | None = None) -> Check:
    """Return the gradient check of a small model."""

    def check(seed: int) -> Any:
        images = np.random.default_rng([seed, 3]).random((4, 3, 5, 1))
        return gradcheck(small_vae(model, seed, likelihood), images, seed=seed)

    return check


_RIGHT = of_model(VAE)


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
