"""Whether the numbers are right, and what a trained model does with its latents."""

from scratchvae.evaluation.active_units import LayerActivity, active_units, layer_activity
from scratchvae.evaluation.distribution_checks import (
    DistributionReport,
    check_kl,
    check_likelihood,
    check_reparameterisation,
)
from scratchvae.evaluation.gradient_variance import (
    GradientComparison,
    compare_gradient_estimators,
)

__all__ = [
    "DistributionReport",
    "GradientComparison",
    "LayerActivity",
    "active_units",
    "check_kl",
    "check_likelihood",
    "check_reparameterisation",
    "compare_gradient_estimators",
    "layer_activity",
]
