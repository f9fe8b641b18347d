"""Whether the numbers are right: checks of distributions."""

from scratchvae.evaluation.distribution_checks import (
    DistributionReport,
    check_kl,
    check_likelihood,
    check_reparameterisation,
)

__all__ = ["DistributionReport", "check_kl", "check_likelihood", "check_reparameterisation"]
