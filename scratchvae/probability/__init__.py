"""Densities, divergences, the reparameterisation and the likelihoods, each with its gradients."""

from scratchvae.probability.densities import (
    bernoulli_log_density,
    gaussian_log_density,
    multivariate_gaussian_log_density,
    standard_normal_log_density,
)
from scratchvae.probability.discretised_logistic import DiscretisedLogisticLikelihood
from scratchvae.probability.gaussian_kl import (
    kl_diagonal,
    kl_diagonal_gradients,
    kl_full,
    kl_full_gradients,
    kl_to_standard,
    kl_to_standard_gradients,
)
from scratchvae.probability.gaussian_product import gaussian_product, gaussian_product_backward
from scratchvae.probability.gradient_estimators import (
    GradientDraws,
    reparameterised_gradients,
    score_function_gradients,
)
from scratchvae.probability.likelihoods import (
    BernoulliLikelihood,
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    Likelihood,
)
from scratchvae.probability.reparameterisation import reparameterise, reparameterise_backward
from scratchvae.written import note_passes

__all__ = [
    "BernoulliLikelihood",
    "DiscretisedLogisticLikelihood",
    "GaussianLikelihood",
    "GradientDraws",
    "LearnedVarianceLikelihood",
    "Likelihood",
    "bernoulli_log_density",
    "gaussian_log_density",
    "gaussian_product",
    "gaussian_product_backward",
    "kl_diagonal",
    "kl_diagonal_gradients",
    "kl_full",
    "kl_full_gradients",
    "kl_to_standard",
    "kl_to_standard_gradients",
    "multivariate_gaussian_log_density",
    "reparameterise",
    "reparameterise_backward",
    "reparameterised_gradients",
    "score_function_gradients",
    "standard_normal_log_density",
]

note_passes([BernoulliLikelihood, GaussianLikelihood])
