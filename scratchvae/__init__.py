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

What it offers is imported when it is first asked for, so that the program can answer at once where
nothing is to be computed.
"""

from typing import TYPE_CHECKING, Any

from scratchvae import starting  # noqa: F401  # first: it answers for the imports below
from scratchvae.version import __version__

if TYPE_CHECKING:
    from scratchvae.checks.doctor import DoctorReport, doctor
    from scratchvae.checks.gradients import (
        GradientReport,
        error_curve,
        gradcheck,
        gradcheck_functions,
    )
    from scratchvae.errors import InputError
    from scratchvae.models import RECIPES, VAE, Autoencoder, build
    from scratchvae.offered import load
    from scratchvae.training import LossTerms, Settings, Trainer

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

_FORMER_NAMES = {"LossParts": "LossTerms"}


def __getattr__(name: str) -> Any:
    """Return what is offered under a name, or the package's part of that name."""
    from importlib import import_module

    if name in _FORMER_NAMES:
        import warnings

        present = _FORMER_NAMES[name]
        warnings.warn(
            f"scratchvae.{name} is called scratchvae.{present} now",
            DeprecationWarning,
            stacklevel=2,
        )
        return __getattr__(present)
    if name in __all__:
        from scratchvae import offered

        globals().update({each: getattr(offered, each) for each in offered.__all__})
        return globals()[name]
    try:
        return import_module(f"scratchvae.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"scratchvae.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
