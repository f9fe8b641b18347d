"""What the kernels take and give: the checks that they share."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.errors import InputError

Array = NDArray[Any]
Sizes = tuple[int, ...]


def require_same_type(name: str, a: Array, b: Array) -> None:
    """Raise an `InputError` unless both are ``float32`` or both ``float64``."""
    if a.dtype != b.dtype or a.dtype.char not in "fd":
        raise InputError(
            f"{name} expected two float32 or two float64 arrays, got {a.dtype} and {b.dtype}; "
            "convert one with astype"
        )


def require_shape(name: str, what: str, array: Array, shape: tuple[int, ...]) -> None:
    """Raise an `InputError` unless `array` has this shape: a loop looks at no bounds."""
    if array.shape != shape:
        raise InputError(
            f"{name} expected {what} of shape {shape}, got {array.shape}; "
            "reshape it, or pass the one that belongs to the other arrays"
        )


def require_c_order(name: str, what: str, array: Array) -> None:
    """Raise an `InputError` unless `array`, which is changed in place, is in C order."""
    if not array.flags.c_contiguous:
        raise InputError(
            f"{name} changes {what} in place and expected it in C order, got another; "
            "pass a copy made with np.ascontiguousarray"
        )


def result(
    name: str,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    out: Array | None,
    accumulate: bool,
) -> Array:
    """Return `out` if it can hold a result of this shape and type, or a new array.

    Raises
    ------
    InputError
        If it cannot, or if there is none to accumulate into.
    """
    if out is None:
        if accumulate:
            raise InputError(f"{name} with accumulate=True expected out, got None; pass an array")
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous:
        order = "C" if out.flags.c_contiguous else "another"
        raise InputError(
            f"{name} expected out of shape {shape}, {dtype}, in C order, "
            f"got {out.shape}, {out.dtype}, in {order} order; allocate it with np.empty"
        )
    return out
