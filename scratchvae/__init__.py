"""A variational autoencoder in NumPy and Numba, every gradient derived by hand."""

from scratchvae.checks.gradients import GradientReport, error_curve, gradcheck, gradcheck_functions
from scratchvae.errors import InputError
from scratchvae.models import RECIPES, VAE, Autoencoder, build
from scratchvae.training import LossTerms, Settings, Trainer
from scratchvae.version import __version__

__all__ = [
    "RECIPES",
    "VAE",
    "Autoencoder",
    "GradientReport",
    "InputError",
    "LossTerms",
    "Settings",
    "Trainer",
    "__version__",
    "build",
    "error_curve",
    "gradcheck",
    "gradcheck_functions",
]
