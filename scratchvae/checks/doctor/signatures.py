"""What the arguments of a user's function are, by their number and names."""

import inspect
from collections.abc import Callable
from typing import Any

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
        found = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return 1, 1
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    places = [each for each in found if each.kind in kinds]
    least = sum(each.default is inspect.Parameter.empty for each in places)
    endless = any(each.kind is inspect.Parameter.VAR_POSITIONAL for each in found)
    return least, ENDLESS if endless else len(places)


def order_of(function: Callable[..., Any]) -> tuple[int, ...]:
    """Return where each argument of a loss stands in (x, reconstruction, mean, spread).

    Its arguments' names say it, where each is a usual one; else the order is ours.
    """
    try:
        names = list(inspect.signature(function).parameters)[:4]
    except (TypeError, ValueError):
        return ()
    places = [
        next((place for place, known in enumerate(_ARGUMENTS.values()) if name.lower() in known), 9)
        for name in names
    ]
    return tuple(places) if sorted(places) == [0, 1, 2, 3] else ()
