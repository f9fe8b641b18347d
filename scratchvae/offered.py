"""What ``scratchvae`` itself offers; it is imported when the first of it is asked for."""

from scratchvae.checks.doctor import DoctorReport, doctor
from scratchvae.checks.gradients import GradientReport, error_curve, gradcheck, gradcheck_functions
from scratchvae.errors import InputError
from scratchvae.files import AnyPath
from scratchvae.models import RECIPES, VAE, Autoencoder, LatentModel, build
from scratchvae.training import LossTerms, Settings, Trainer

__all__ = [
    "RECIPES",
    "VAE",
    "Autoencoder",
    "DoctorReport",
    "GradientReport",
    "InputError",
    "LatentModel",
    "LossTerms",
    "Settings",
    "Trainer",
    "build",
    "doctor",
    "error_curve",
    "gradcheck",
    "gradcheck_functions",
    "load",
]


def load(path: AnyPath, into: LatentModel | None = None) -> LatentModel:
    """Return the model in a file that ``model.save`` wrote, or in the folder of a run.

    A model with a class of your own goes ``into`` one that you built in the same way: see
    ``scratchvae.runs.loading.load``.
    """
    from scratchvae.runs.loading import load as load_kept

    return load_kept(path, into)
