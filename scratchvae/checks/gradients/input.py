"""What a gradient check accepts: arrays in float64, parameters with value and grad, functions."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError
from scratchvae.validation import FloatArray, check_finite


class LayerLike(Protocol):
    """Someone else's layer: two methods, and perhaps ``parameters`` with value and grad."""

    def forward(self, x: Any) -> Any:
        """Return the output."""

    def backward(self, dy: Any) -> Any:
        """Return ∂loss/∂x."""


def check_array(
    x: NDArray[Any], name: str, dtypes: Mapping[str, np.dtype[Any]] | None = None
) -> FloatArray:
    """Return ``x`` if it can be checked in float64; refuse float32 with the reason."""
    if not isinstance(x, np.ndarray):
        raise InputError(f"gradcheck expects {name} as a NumPy array, not {type(x).__name__}")
    for what, dtype in {name: x.dtype, **(dtypes or {})}.items():
        if dtype != np.float64:
            raise InputError(
                f"gradcheck needs float64 and {what} is {dtype}: a difference of two numbers with "
                "7 digits has too few left to judge a gradient by; build with dtype=np.float64 and "
                f"convert {name} with .astype(np.float64)"
            )
    if x.size == 0:
        raise InputError(f"gradcheck expects at least one example, not {name} of shape {x.shape}")
    check_finite(x, name)
    return x


def as_output(y: Any, title: str) -> FloatArray:
    """Return a copy of what a forward pass returned, in float64; refuse what has no numbers."""
    try:
        output = np.array(y)
    except ValueError:  # rows of several lengths
        output = np.array(None)
    if output.dtype.kind not in "biuf":
        raise InputError(
            f"{title} returned {type(y).__name__} where gradcheck expects an array of numbers: "
            "return one, or a number"
        )
    if output.size == 0:
        raise InputError(
            f"{title} returned an empty array, of shape {output.shape}, which says nothing about a "
            "gradient: choose inputs for which something comes out"
        )
    return output.astype(np.float64)


def parameters_of(owner: Any) -> dict[str, Any]:
    """Return what a layer or model learns, by name; refuse what a check cannot move and read."""
    parameters = getattr(owner, "parameters", {})
    title = type(owner).__name__
    if not isinstance(parameters, Mapping):
        raise InputError(
            f"gradcheck expects {title}.parameters to be a dict of objects with value and grad, "
            f"not {type(parameters).__name__}: give each a name"
        )
    for name, parameter in parameters.items():
        value = getattr(parameter, "value", None)
        if not isinstance(value, np.ndarray):
            raise InputError(
                f"gradcheck expects {title}.parameters[{name!r}] to be an object whose value is a "
                f"NumPy array and whose grad is its gradient, not {type(parameter).__name__} with "
                f"a value of {type(value).__name__}: wrap the array in scratchvae.layers.Parameter"
            )
    return dict(parameters)


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has an argument of this name."""
    try:
        return name in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def argument_names(function: Callable[..., Any], count: int) -> list[str]:
    """Return the names of a function's first arguments; usual ones if it does not say."""
    try:
        names = list(inspect.signature(function).parameters)[:count]
    except (TypeError, ValueError):
        names = []
    if len(names) < count:
        names = ["x", "w", "b"][:count] if count <= 3 else [f"argument {i}" for i in range(count)]
    return names
