"""A variational autoencoder in NumPy and Numba, every gradient derived by hand.

    from scratchvae.data import load               images: MNIST, synthetic, a folder, arrays
    model = scratchvae.build("zhao-mlp")           one of the RECIPES, or a VAE of your own
    model.fit(images)                              then encode, decode, sample, elbo, evaluate
    model.save(path); scratchvae.load(path)        a model in one file; model.export for others
    scratchvae.gradcheck(layer, x)                 are the gradients of your layer right?
    scratchvae.doctor(...)                         what is wrong with my VAE?

In packages: ``layers`` and ``probability``, what models are made of; ``training``, ``evaluation``;
``plots``; ``runs`` and ``sweeps``, trainings in folders; ``sklearn``. ``scratchvae --help`` in a
shell does most of it without Python.
"""

from typing import Any

from scratchvae import starting  # noqa: F401  # first: it answers for the imports below
from scratchvae.checks.doctor import DoctorReport, doctor
from scratchvae.checks.gradients import GradientReport, error_curve, gradcheck, gradcheck_functions
from scratchvae.errors import InputError
from scratchvae.files import AnyPath
from scratchvae.models import RECIPES, VAE, Autoencoder, LatentModel, build
from scratchvae.training import LossTerms, Settings, Trainer
from scratchvae.version import __version__

__all__ = [
    "RECIPES",
    "VAE",
    "Autoencoder",
    "DoctorReport",
    "GradientReport",
    "InputError",
    "LossTerms",
    "Settings",
    "Trainer",
    "__version__",
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


_FORMER_NAMES = {"LossParts": "LossTerms"}


def __getattr__(name: str) -> Any:
    if name not in _FORMER_NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import warnings

    present = _FORMER_NAMES[name]
    warnings.warn(
        f"scratchvae.{name} is called scratchvae.{present} now", DeprecationWarning, stacklevel=2
    )
    return globals()[present]
