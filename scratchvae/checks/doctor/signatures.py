"""What the arguments of a user's function are, by their number and names."""

import inspect
from collections.abc import Callable
from typing import Any

from scratchvae.checks.doctor.frameworks import is_module

ENDLESS = 99  # arguments of a function that takes any number

# How a loss names its arguments; published code has the reconstruction first as often as not.
_ARGUMENTS = {
    "x": ("x", "input", "inputs", "target", "targets", "data", "images", "image", "batch"),
    "reconstruction": (
        *(
            "reconstruction",
            "recon",
            "recon_x",
            "x_recon",
            "recons",
            "x_hat",
            "xhat",
            "recon_batch",
        ),
        *("x_reconstructed", "reconstructed", "decoded", "output", "outputs", "logits", "x_logits"),
        *("probabilities", "probs", "pred", "y_hat", "x_out", "rec", "x_rec"),
    ),
    "mean": ("mean", "mu", "z_mean", "mu_z", "m", "means"),
    "spread": (
        *("spread", "log_variance", "logvar", "log_var", "z_log_var", "lv", "log_sigma", "s"),
        *("log_var_z", "sigma", "std", "var", "variance", "deviation", "log_std", "logsigma"),
        *("log_deviation", "log_sigma2", "logvar_z"),
    ),
}


def arity(function: Callable[..., Any]) -> tuple[int, int]:
    """Return the least and the largest number of positional arguments that a function takes."""
    try:
        found = inspect.signature(_with_names(function)).parameters.values()
    except (TypeError, ValueError):
        return 1, 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    places = [each for each in found if each.kind in kinds]
    least = sum(each.default is inspect.Parameter.empty for each in places)
    endless = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in found)
    return least, ENDLESS if endless else len(places)


def order_of(function: Callable[..., Any], count: int = 4) -> tuple[int, ...]:
    """Return where each argument of a loss stands in (x, reconstruction, mean, spread).

    Its first ``count`` arguments' names say it, where each is a usual one; else nothing does. Of
    two, they are x and the reconstruction.
    """
    names = names_of(function)[:count]
    if names == ["input", "target"]:  # as PyTorch's losses have them
        return (1, 0)
    places = [
        next((place for place, known in enumerate(_ARGUMENTS.values()) if name.lower() in known), 9)
        for name in names
    ]
    return tuple(places) if sorted(places) == list(range(count)) else ()


def loss_takes(function: Callable[..., Any]) -> int:
    """Return how many arguments a loss is given: 4, 2 without the moments, 1 of the whole model.

    0 stands for a function that can be called with none of these.
    """
    least, most = arity(function)
    if least <= 1 and most < ENDLESS:
        return 1
    if least <= 4 <= most:
        return 4
    return 2 if least <= 2 and len(order_of(function, 2)) == 2 else 0


def names_of(function: Callable[..., Any]) -> list[str]:
    """Return the names of a function's arguments, as far as it says them."""
    try:
        return list(inspect.signature(_with_names(function)).parameters)
    except (TypeError, ValueError):
        return []


def _with_names(function: Any) -> Callable[..., Any]:
    """Return what names the arguments: a module's ``forward``, which is called with any."""
    named: Callable[..., Any] = function.forward if is_module(function) else function
    return named
