"""The hot loops, as pure functions on arrays: their definitions are in ``reference``.

There are two backends with the same functions. ``numpy`` is ``reference`` itself: a few lines each,
to be read and stepped through. ``numba`` computes the same on the register tile (see
``machine.tile``), many times faster. ``SCRATCHVAE_KERNELS=numpy`` or ``numba`` chooses one; without
it, it is ``numba`` wherever Numba can be imported. `BACKEND` is the name of the one in use.

Numba takes half a second to import, so the choice is made when the first kernel, or `BACKEND`, is
asked for; hence a kernel is called as ``kernels.matmul(…)``, never imported by its name.
"""

# ruff: noqa: F403  (reference.__all__ says what is imported)
import os
import threading
import warnings
from typing import TYPE_CHECKING, Any

from scratchvae.errors import InputError
from scratchvae.kernels import reference
from scratchvae.kernels.machine.threads import get_threads, set_threads
from scratchvae.progress import say
from scratchvae.validation import VARIABLES, chosen_by_variable

if TYPE_CHECKING:
    from scratchvae.kernels.reference import *

    BACKEND: str

__all__ = ["BACKEND", "get_threads", "set_threads"]
__all__ += reference.__all__

_VARIABLE = "SCRATCHVAE_KERNELS"
_choosing = threading.RLock()


def _check_variables() -> None:
    """Raise ``InputError`` if a variable of ours, or one of Numba's that stops it, makes no sense.

    Here at import, since later it would be in the middle of the work.
    """
    for variable in VARIABLES:
        chosen_by_variable(variable)
    threads = os.environ.get("NUMBA_NUM_THREADS") or "1"
    if not threads.isdecimal() or int(threads) == 0:
        raise InputError(
            f"NUMBA_NUM_THREADS must be a positive integer, not {threads!r}: give 1 or more"
        )
    wanted = os.environ.get(_VARIABLE, "")
    if wanted not in ("", "numpy", "numba"):
        raise InputError(
            f"{_VARIABLE} must be numpy or numba, not {wanted!r}: set one, or unset it"
        )


def _choose_backend() -> str:
    """Return ``"numba"`` or ``"numpy"``; a default that cannot be used is reported in one line."""
    wanted = os.environ.get(_VARIABLE, "")
    problem = "" if wanted == "numpy" else _problem_with_numba()
    if not problem:
        return wanted or "numba"
    if wanted:
        raise InputError(
            f"{_VARIABLE}=numba cannot be had, since {problem}: "
            f"install Numba, or set {_VARIABLE}=numpy"
        )
    say(
        f"scratchvae: computing with NumPy, since {problem}; this is about 2 to 4 times "
        "slower for dense recipes and 4 to 8 times for convolutional ones. Install Numba for "
        f"speed, or set {_VARIABLE}=numpy to hide this line."
    )
    return "numpy"


def _problem_with_numba() -> str:
    """Return why the compiled kernels cannot be used; empty if they can."""
    try:
        with warnings.catch_warnings():
            # Numba ignores a variable of its own that it cannot read, under a traceback.
            warnings.filterwarnings("error", "Environment variable")
            from scratchvae.kernels.machine.numba_interior import (
                broken_assumptions,
                missing_threading_layer,
            )
    except (RuntimeWarning, UserWarning) as warning:
        raise InputError(str(warning).split("\n")[0], "correct it, or unset it") from None
    except Exception as error:  # not only ImportError: a library that does not fit fails in any way
        return f"Numba cannot be imported ({' '.join(str(error).split()) or type(error).__name__})"
    if layer := missing_threading_layer():
        raise InputError(f"NUMBA_THREADING_LAYER={layer} cannot be had here", "unset it")
    missing = broken_assumptions()
    return f"this version of Numba has no {', no '.join(missing)}" if missing else ""


def _compiled_kernels() -> dict[str, Any]:
    """Return the compiled kernel of each definition, by name."""
    from scratchvae.kernels import matrix_product
    from scratchvae.kernels.convolution import convolution
    from scratchvae.kernels.passes import (
        activation,
        adam,
        batch_norm,
        batch_norm_gradients,
        bernoulli,
        bias,
        gaussian,
        latents,
        moments,
    )

    vae = (bernoulli, gaussian, latents)
    norm = (moments, batch_norm, batch_norm_gradients)
    modules = (matrix_product, convolution, bias, activation, *norm, *vae, adam)
    named = {name: value for module in modules for name, value in vars(module).items()}
    return {name: named[name] for name in reference.__all__}


def __getattr__(name: str) -> Any:
    """Choose the backend, and return one of its functions or ``BACKEND``."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with _choosing:
        if "BACKEND" not in globals():
            backend = _choose_backend()
            defined = {each: getattr(reference, each) for each in reference.__all__}
            chosen = _compiled_kernels() if backend == "numba" else defined
            globals().update(chosen, BACKEND=backend)
    return globals()[name]


_check_variables()
