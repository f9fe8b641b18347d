"""What a gradient check accepts: arrays in float64, gradients, functions."""

import inspect
import traceback
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.arguments import described
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray, check_finite

_TOO_FEW_DIGITS = (
    "a difference of two numbers with 7 digits has too few left to judge a gradient by"
)
_PACKAGE = str(Path(__file__).parents[2])


class LayerLike(Protocol):
    """Someone else's layer: two methods, and perhaps ``parameters`` with their gradients."""

    def forward(self, x: Any) -> Any:
        """Return the output."""

    def backward(self, dy: Any) -> Any:
        """Return ∂loss/∂x."""


def check_array(
    x: NDArray[Any], name: str, dtypes: Mapping[str, np.dtype[Any]] | None = None
) -> FloatArray:
    """Return ``x`` if it can be checked in float64; refuse float32 with the reason."""
    if not isinstance(x, np.ndarray) or isinstance(x, np.ma.MaskedArray):
        raise InputError(f"gradcheck expects {name} as a NumPy array, not {type(x).__name__}")
    check_dtypes({name: x.dtype, **(dtypes or {})}, name)
    if x.size == 0:
        raise InputError(f"gradcheck expects at least one example, not {name} of shape {x.shape}")
    check_finite(x, name)
    return np.asarray(x)


def check_dtypes(dtypes: Mapping[str, np.dtype[Any]], name: str = "x") -> None:
    """Refuse anything but float64 with the reason, and how to convert the array ``name``."""
    for what, dtype in dtypes.items():
        if dtype != np.float64:
            raise InputError(
                f"gradcheck needs float64 and {what} is {dtype}: {_TOO_FEW_DIGITS}; build with "
                f"dtype=np.float64 and convert {name} with .astype(np.float64)"
            )


def as_output(y: Any, title: str) -> FloatArray:
    """Return a copy of what a forward pass returned, in float64; refuse what has no numbers."""
    if _holds_arrays(y):
        raise InputError(
            f"{title} returned a {type(y).__name__} of {len(y)} where gradcheck expects one array: "
            f"say `outputs={len(y)}` if they are so many outputs; backward then takes a gradient "
            "for each"
        )
    output = _as_numbers(y)
    if output is None:
        raise InputError(
            f"{title} returned {described(y)} where gradcheck expects an array of numbers: "
            "return one, or a number"
        )
    if output.dtype in (np.float32, np.float16):
        raise InputError(
            f"{title} was given float64 and returned {output.dtype}: {_TOO_FEW_DIGITS}; compute in "
            "the dtype of the input, as np.zeros(shape, dtype=x.dtype) does"
        )
    if output.size == 0:
        raise InputError(
            f"{title} returned an empty array, of shape {output.shape}, which says nothing about a "
            "gradient: choose inputs for which something comes out"
        )
    return output.astype(np.float64)


def as_gradient(gradient: Any, of: str) -> NDArray[Any]:
    """Return a copy of a gradient in float64; ``None``, which is a wrong one, inside an array."""
    if isinstance(gradient, np.ndarray) and gradient.ndim == 0:
        gradient = gradient.item()
    if gradient is None:
        return np.array(None)
    array = None if _holds_arrays(gradient) else _as_numbers(gradient)
    if array is None:
        raise InputError(
            f"the gradient of {of} is {described(gradient)} where gradcheck expects an array: "
            "return one array for each input, and add those of parameters to their grad"
        )
    return array.astype(np.float64)


def can_call(function: Callable[..., Any], names: Collection[str]) -> bool:
    """Whether a function can be called with so many arguments, as far as it says."""
    try:
        inspect.signature(function).bind(*names)
    except TypeError:
        return False
    except ValueError:  # some functions written in C do not say what they take
        return True
    return True


def check_call(
    function: Callable[..., Any], called: str, names: Collection[str], remedy: str
) -> None:
    """Refuse a function that cannot be called with arguments of these ``names``."""
    if not can_call(function, names):
        raise InputError(
            f"{called} takes {inspect.signature(function)} and gradcheck calls it with "
            f"({', '.join(names)})",
            remedy,
        )


def run(called: str, function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a function of the user's; say in one line what it raises, and in which line of theirs.

    That is the innermost line outside of this package and of what is installed.
    """
    try:
        return function(*arguments, **options)
    except InputError:
        raise
    except Exception as error:
        lines = traceback.extract_tb(error.__traceback__)[1:]
        theirs = [line for line in lines if not _is_installed(line.filename)]
        place = theirs[-1] if theirs else None
        where = f" in {Path(place.filename).name}, line {place.lineno}" if place else ""
        text = f" (`{place.line}`)" if place and place.line else ""
        raise InputError(f"{called} raised {type(error).__name__}: {error}{where}{text}") from error


def _is_installed(path: str) -> bool:
    """Whether a line of code is this package's or a library's."""
    return path.startswith((_PACKAGE, "<frozen", "<__array")) or "-packages" in path


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has an argument of this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return the names of a function's first arguments; usual ones if it does not say."""
    try:
        parameters = inspect.signature(function).parameters.values()
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        names = [its.name for its in parameters if its.kind in kinds][:count]
    except (TypeError, ValueError):
        names = []
    if len(names) < count:
        names = ["x", "w", "b"][:count] if count <= 3 else [f"argument {i}" for i in range(count)]
    return names


def _holds_arrays(value: Any) -> bool:
    return isinstance(value, tuple | list) and any(isinstance(one, np.ndarray) for one in value)


def _as_numbers(value: Any) -> NDArray[Any] | None:
    """Return a copy as an array of real numbers, or ``None``."""
    if isinstance(value, np.ma.MaskedArray):  # whose masked entries are no numbers
        return None
    try:
        array = np.array(value)
    except (TypeError, ValueError):  # rows of several lengths, or what will not be an array
        return None
    return array if array.dtype.kind in "biuf" else None
