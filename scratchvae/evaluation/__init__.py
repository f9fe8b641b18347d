"""How good a model is: log p(x) exact and estimated, and what its latents do."""

from scratchvae.evaluation.active_units import LayerActivity, active_units, layer_activity
from scratchvae.evaluation.bits import bits_per_dimension
from scratchvae.evaluation.disentanglement import (
    FactorInformation,
    factor_information,
    model_information,
)
from scratchvae.evaluation.exact import LinearGaussian, log_likelihood_by_quadrature, sigma_points
from scratchvae.evaluation.gradient_variance import GradientComparison, compare_gradient_estimators
from scratchvae.evaluation.importance import ImportanceEstimate, estimate_log_likelihood

__all__ = [
    "FactorInformation",
    "GradientComparison",
    "ImportanceEstimate",
    "LayerActivity",
    "LinearGaussian",
    "active_units",
    "bits_per_dimension",
    "compare_gradient_estimators",
    "estimate_log_likelihood",
    "factor_information",
    "layer_activity",
    "log_likelihood_by_quadrature",
    "model_information",
    "sigma_points",
]
