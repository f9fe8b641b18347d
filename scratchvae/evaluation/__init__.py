"""Whether the numbers are right: checks of distributions, and log p(x) exact and estimated."""

from scratchvae.evaluation.distribution_checks import (
    DistributionReport,
    check_kl,
    check_likelihood,
    check_reparameterisation,
)
from scratchvae.evaluation.exact import LinearGaussian, log_likelihood_by_quadrature, sigma_points
from scratchvae.evaluation.importance import ImportanceEstimate, estimate_log_likelihood

__all__ = [
    "DistributionReport",
    "ImportanceEstimate",
    "LinearGaussian",
    "check_kl",
    "check_likelihood",
    "check_reparameterisation",
    "estimate_log_likelihood",
    "log_likelihood_by_quadrature",
    "sigma_points",
]
