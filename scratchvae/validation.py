"""Array types, and the checks of what a public function, or the environment, was given.

Every array inside the package is ``float32`` (to train) or ``float64`` (to check gradients); the
dtype that comes in goes out. A check returns the array unchanged or raises ``InputError``.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae.errors import InputError

Array = NDArray[Any]
FloatArray = NDArray[np.floating[Any]]

# The environment variables that choose among a few ways of computing, and their choices.
VARIABLES = {
    "SCRATCHVAE_ENGINE": ("on", "off"),
    "SCRATCHVAE_WINOGRAD": ("on", "off"),
    "SCRATCHVAE_PRODUCTS": ("tile", "blas", "auto"),
    "SCRATCHVAE_BACKOFF": ("1", "0"),
}
FLOAT_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def check_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """Return ``dtype`` as a NumPy dtype; anything but float32 and float64 is an ``InputError``."""
    try:
        checked = np.dtype(dtype)
    except TypeError:
        checked = None
    # NumPy takes None for float64, and finds a dtype equal to it.
    if dtype is None or checked is None or checked not in FLOAT_DTYPES:
        raise InputError(
            f"dtype must be float32 (to train) or float64 (to check gradients), not {dtype!r}"
        )
    return checked


def check_floats(x: Any, name: str, dtype: np.dtype[Any] | None = None) -> FloatArray:
    """Return ``x`` if it is an array of floats (of ``dtype``, where one is asked for).

    Nothing is converted in silence: a wrong dtype in a hand-written layer is a bug to be seen.
    """
    if not isinstance(x, np.ndarray):
        raise InputError(f"{name} must be a NumPy array, not {type(x).__name__}")
    if x.dtype not in FLOAT_DTYPES:
        raise InputError(
            f"{name} must hold float32 or float64, not {x.dtype}: convert it with .astype"
        )
    if dtype is not None and x.dtype != dtype:
        raise InputError(
            f"{name} is {x.dtype} where {dtype} is expected: "
            f"build with dtype=np.{x.dtype} or convert it with .astype(np.{dtype})"
        )
    return x


def check_array(
    x: Any,
    name: str,
    shape: tuple[int | str, ...],
    dtype: np.dtype[Any],
    remedy: str = "reshape it",
) -> None:
    """Raise ``InputError`` unless ``x`` has this dtype and shape; a letter stands for any size."""
    check_floats(x, name, dtype)
    if len(x.shape) != len(shape) or any(
        size not in (n, "N", "H", "W") for n, size in zip(x.shape, shape, strict=True)
    ):
        wanted = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise InputError(f"{name} must be of shape ({wanted}), not {x.shape}: {remedy}")


def remembered(layer: Any, name: str) -> Any:
    """Return what ``layer.forward`` stored as ``name``, or say that it has not run."""
    try:
        return layer.__dict__[name]
    except KeyError:
        raise InputError(
            f"{type(layer).__name__}.backward needs a forward pass first: call forward(x)"
        ) from None


def remembered_output(layer: Any, dy: FloatArray) -> FloatArray:
    """Return the output ``y`` that ``layer.forward`` stored, if ``dy`` can be its gradient."""
    y: FloatArray = remembered(layer, "y")
    check_array(dy, f"{type(layer).__name__}: dy", y.shape, y.dtype)
    return y


def check_same_shape(first: FloatArray, second: FloatArray, names: str) -> None:
    """Raise ``InputError`` unless the two arrays have one shape."""
    if first.shape != second.shape:
        raise InputError(f"{names} must have one shape, not {first.shape} and {second.shape}")


def check_shape(array: FloatArray, name: str, shape: tuple[int, ...]) -> None:
    """Raise ``InputError`` unless ``array`` has this shape."""
    if array.shape != shape:
        raise InputError(
            f"{name} must have shape {shape}, not {array.shape}: "
            "reshape it, or pass the one that belongs to the other arrays"
        )


def check_same_dtype(names: str, *arrays: Any) -> None:
    """Raise ``InputError`` unless all are arrays of float32, or all of float64."""
    dtypes = [x.dtype if isinstance(x, np.ndarray) else type(x).__name__ for x in arrays]
    if dtypes[0] not in FLOAT_DTYPES or dtypes.count(dtypes[0]) < len(dtypes):
        raise InputError(
            f"{names} must be arrays of only float32 or only float64, not "
            f"{' and '.join(map(str, dtypes))}: convert with .astype"
        )


def check_in_place(array: FloatArray, name: str) -> None:
    """Raise ``InputError`` unless ``array`` can be changed through a flat view of it."""
    if not (array.flags.c_contiguous and array.flags.writeable):
        fault = "read-only" if array.flags.c_contiguous else "in another order"
        raise InputError(
            f"{name} must be writeable and in C order to be changed in place, not {fault}: "
            "pass a copy made with .copy()"
        )


def check_finite(x: NDArray[Any], name: str) -> None:
    """Raise ``InputError`` if ``x`` holds a NaN or an infinity, and say where the first is."""
    finite = np.isfinite(x)
    if not finite.all():
        where = tuple(int(i) for i in np.argwhere(~finite)[0])
        raise InputError(
            f"{name} must be finite numbers, but {name}{list(where)} is {x[where]} "
            f"({int(np.count_nonzero(~finite))} of {x.size} are not finite): clean the data first"
        )


def check_count(value: Any, name: str, minimum: int = 1) -> int:
    """Return ``value`` as an ``int``; ``InputError`` unless whole and at least ``minimum``."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not whole or value < minimum:
        raise InputError(f"{name} must be a whole number of at least {minimum}, not {value!r}")
    return int(value)


def check_positive(value: Any, name: str) -> float:
    """Return ``value`` as a ``float``; ``InputError`` unless it is a finite number above 0."""
    return _number(value, name, "a finite number above 0", lambda number: number > 0)


def check_not_negative(value: Any, name: str) -> float:
    """Return ``value`` as a ``float``; ``InputError`` unless finite and at least 0."""
    return _number(value, name, "a finite number of at least 0", lambda number: number >= 0)


def check_share_kept(value: Any, name: str) -> float:
    """Return the share that a running mean keeps; ``InputError`` unless at least 0 and below 1."""
    # With 1 the mean would never change.
    return _number(value, name, "at least 0 and below 1", lambda number: 0 <= number < 1)


def chosen_by_variable(variable: str) -> str:
    """Return what one of the ``VARIABLES`` of the environment chooses; by default the first.

    An `InputError` is raised if it is none of its choices.
    """
    choices = VARIABLES[variable]
    wanted = os.environ.get(variable) or choices[0]
    if wanted not in choices:
        known = f"{', '.join(choices[:-1])} or {choices[-1]}"
        raise InputError(f"{variable} must be {known}, not {wanted!r}", "set one, or unset it")
    return wanted


def _number(value: Any, name: str, wanted: str, allowed: Callable[[float], bool]) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and allowed(number)):
        raise InputError(f"{name} must be {wanted}, not {value!r}")
    return number
