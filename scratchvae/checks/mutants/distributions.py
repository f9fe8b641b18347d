"""Mutants of samplers, divergences and likelihoods: right gradients of the wrong thing.

A gradient check sees none of these, since they differentiate correctly what they compute.
"""

from math import prod
from typing import Any

import numpy as np

from scratchvae.checks.distributions import check_kl, check_likelihood, check_reparameterisation
from scratchvae.checks.mutants.base import KL, MOMENTS, PROBABILITY, Check, Mutant
from scratchvae.checks.mutants.models import (
    KlDoubledThroughout,
    VarianceForDeviation,
    of_model,
)
from scratchvae.models import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    Likelihood,
    kl_to_standard,
)
from scratchvae.validation import FloatArray

# Samplers: from mean, log-variance (N, D) and noise (L, N, D) to draws (L, N, D).


def variance_for_deviation(
    mean: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> FloatArray:
    z: FloatArray = mean + np.exp(log_variance) * eps
    return z


def halved_twice(mean: FloatArray, log_variance: FloatArray, eps: FloatArray) -> FloatArray:
    z: FloatArray = mean + np.exp(0.25 * log_variance) * eps
    return z


def uniform_noise(mean: FloatArray, log_variance: FloatArray, eps: FloatArray) -> FloatArray:
    uniform = np.random.default_rng(eps.size).random(eps.shape)
    z: FloatArray = mean + np.exp(0.5 * log_variance) * uniform
    return z


def one_noise_for_all_latents(
    mean: FloatArray, log_variance: FloatArray, eps: FloatArray
) -> FloatArray:
    z: FloatArray = mean + np.exp(0.5 * log_variance) * eps[..., :1]
    return z


# Divergences: from mean and log-variance (N, D) to the KL (N,), in nats.


def kl_doubled(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    return 2 * kl_to_standard(mean, log_variance)


def kl_negative(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    return -kl_to_standard(mean, log_variance)


def kl_averaged(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    kl: FloatArray = kl_to_standard(mean, log_variance) / mean.shape[1]
    return kl


def kl_of_log_sigma(mean: FloatArray, log_variance: FloatArray) -> FloatArray:
    return kl_to_standard(mean, 2 * log_variance)


# Likelihoods.


class AveragedBernoulli(BernoulliLikelihood):
    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        return super().negative_log_likelihood(x, decoded) / prod(x.shape[1:])

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        return super().gradient(x, decoded) / prod(x.shape[1:])


class AveragedGaussian(GaussianLikelihood):
    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        return super().negative_log_likelihood(x, decoded) / prod(x.shape[1:])

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        return super().gradient(x, decoded) / prod(x.shape[1:])


class GaussianWithoutHalf(GaussianLikelihood):
    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        return 2 * super().negative_log_likelihood(x, decoded)

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        return 2 * super().gradient(x, decoded)


class FreeVariance(LearnedVarianceLikelihood):
    """Leaves out ½ log σ², so that a large variance costs nothing."""

    def negative_log_likelihood(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        _, log_variance, _ = self._split(x, decoded)
        term: FloatArray = 0.5 * log_variance.reshape(len(x), prod(x.shape[1:])).sum(axis=1)
        return super().negative_log_likelihood(x, decoded) - term

    def gradient(self, x: FloatArray, decoded: FloatArray) -> FloatArray:
        _, _, slope = self._split(x, decoded)
        gradient = super().gradient(x, decoded)
        gradient[..., x.shape[-1] :] -= 0.5 * slope
        return gradient


def _sampler(sampler: Any) -> Check:
    return lambda seed: check_reparameterisation(sampler, seed=seed)


def _kl(kl: Any) -> Check:
    return lambda seed: check_kl(kl, seed=seed)


def _likelihood(likelihood: Likelihood) -> Check:
    return lambda seed: check_likelihood(likelihood, seed=seed)


def _right_sampler(seed: int) -> Any:
    return check_reparameterisation(seed=seed)


def _right_kl(seed: int) -> Any:
    return check_kl(seed=seed)


DISTRIBUTION_MUTANTS = (
    Mutant(
        "sampler: variance for standard deviation",
        "z = mean + σ² ε instead of σ ε",
        "public VAEs that write exp(log_var) * eps",
        MOMENTS,
        _sampler(variance_for_deviation),
        _right_sampler,
        passes_check=of_model(VarianceForDeviation),
    ),
    Mutant(
        "sampler: halved twice",
        "z = mean + √σ ε",
        "taking the root of what has already been halved",
        MOMENTS,
        _sampler(halved_twice),
        _right_sampler,
    ),
    Mutant(
        "sampler: uniform noise",
        "ε is uniform in 0 … 1",
        "typing np.random.rand for randn",
        MOMENTS,
        _sampler(uniform_noise),
        _right_sampler,
    ),
    Mutant(
        "sampler: one noise for all latents",
        "every latent of an example moves with the same ε",
        "drawing eps of shape (N, 1) and letting it broadcast",
        MOMENTS,
        _sampler(one_noise_for_all_latents),
        _right_sampler,
    ),
    Mutant(
        "KL: without its ½",
        "value and gradient are both doubled",
        "copying a formula with −0.5 * sum and losing the factor",
        KL,
        _kl(kl_doubled),
        _right_kl,
        passes_check=of_model(KlDoubledThroughout),
    ),
    Mutant(
        "KL: wrong sign",
        "½ Σ (1 + log σ² − m² − σ²), which is its negative",
        "subtracting it where the source adds it",
        KL,
        _kl(kl_negative),
        _right_kl,
    ),
    Mutant(
        "KL: averaged over latents",
        "a mean where a sum belongs: a β of 1/D in disguise",
        "public VAEs that write kl.mean()",
        KL,
        _kl(kl_averaged),
        _right_kl,
    ),
    Mutant(
        "KL: log-variance taken for log σ",
        "e^(2l) where e^l belongs",
        "changing what the encoder's output means in one place of two",
        KL,
        _kl(kl_of_log_sigma),
        _right_kl,
    ),
    Mutant(
        "Bernoulli: averaged over pixels",
        "the reconstruction is 1/784 of what the bound says",
        "the default of most libraries' binary cross-entropy",
        PROBABILITY,
        _likelihood(AveragedBernoulli()),
        _likelihood(BernoulliLikelihood()),
        passes_check=of_model(VAE, AveragedBernoulli()),
    ),
    Mutant(
        "Gaussian: averaged over pixels",
        "the variance is 784 times what is stated",
        "the default of most libraries' squared error",
        PROBABILITY,
        _likelihood(AveragedGaussian(0.3)),
        _likelihood(GaussianLikelihood(0.3)),
        passes_check=of_model(VAE, AveragedGaussian(0.3)),
    ),
    Mutant(
        "Gaussian: without its ½",
        "‖x − x̂‖² / c instead of ‖x − x̂‖² / 2c",
        "calling the squared error a log-likelihood",
        PROBABILITY,
        _likelihood(GaussianWithoutHalf(0.3)),
        _likelihood(GaussianLikelihood(0.3)),
        passes_check=of_model(VAE, GaussianWithoutHalf(0.3)),
    ),
    Mutant(
        "learned variance: without ½ log σ²",
        "a large variance costs nothing, and the loss falls forever",
        "leaving out a constant that no longer is one",
        PROBABILITY,
        _likelihood(FreeVariance()),
        _likelihood(LearnedVarianceLikelihood()),
        passes_check=of_model(VAE, FreeVariance()),
    ),
)
