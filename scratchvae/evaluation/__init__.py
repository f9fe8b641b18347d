"""Whether the numbers are right, log p(x) exact and estimated, and what the latents do."""

from scratchvae.evaluation.active_units import LayerActivity, active_units, layer_activity
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
    "layer_activity",
    "log_likelihood_by_quadrature",
    "sigma_points",
]
