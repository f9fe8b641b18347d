"""What the checks, and the lessons, are given: functions, and what these return."""

from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.validation import FloatArray


def described(value: Any) -> str:
    """Return in a few words what came instead of what was expected."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    of = f" of {value.dtype} and shape {value.shape}" if isinstance(value, np.ndarray) else ""
    return f"{type(value).__name__}{of}"


def check_function(value: Any, name: str, signature: str) -> None:
    """Raise ``InputError`` unless ``value`` can be called; ``signature`` says how it will be."""
    if not callable(value):
        raise InputError(f"{name} must be a function {signature}, not {described(value)}")


def check_result(result: Any, name: str, shape: tuple[int, ...]) -> FloatArray:
    """Return what a function ``name`` returned, if it is an array of numbers of this shape."""
    numbers = isinstance(result, np.ndarray) and result.dtype.kind in "fiu"
    if not numbers or result.shape != shape:
        raise InputError(
            f"{name} must return an array of numbers of shape {shape}, not {described(result)}"
        )
    return np.asarray(result, dtype=np.float64)
