"""Whether the numbers are right, log p(x) exact and estimated, and what the latents do."""

from scratchvae.evaluation.active_units import LayerActivity, active_units, layer_activity
from scratchvae.evaluation.disentanglement import (
    FactorInformation,
    factor_information,
    model_information,
)
from scratchvae.evaluation.distribution_checks import (
    DistributionReport,
    check_kl,
    check_likelihood,
    check_reparameterisation,
)
from scratchvae.evaluation.exact import LinearGaussian, log_likelihood_by_quadrature, sigma_points
from scratchvae.evaluation.gradient_variance import (
    GradientComparison,
    compare_gradient_estimators,
)
from scratchvae.evaluation.importance import ImportanceEstimate, estimate_log_likelihood

__all__ = [
    "DistributionReport",
    "FactorInformation",
    "GradientComparison",
    "ImportanceEstimate",
    "LayerActivity",
    "LinearGaussian",
    "active_units",
    "check_kl",
    "check_likelihood",
    "check_reparameterisation",
    "compare_gradient_estimators",
    "estimate_log_likelihood",
    "factor_information",
    "layer_activity",
    "log_likelihood_by_quadrature",
    "model_information",
    "sigma_points",
]
