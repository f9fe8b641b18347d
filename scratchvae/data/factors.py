"""The known factors of synthetic digits: how each is drawn, and what may be asked for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scratchvae.errors import InputError


@dataclass(frozen=True)
class Factor:
    """One known factor: triangular on [low, high] with the given mode, and what may be asked for.

    Attributes
    ----------
    low, mode, high : the triangular distribution that the factor is drawn from.
    least, most : the bounds of values that may be given by the caller.
    unit : what the number counts.
    """

    low: float
    mode: float
    high: float
    least: float
    most: float
    unit: str


FACTORS: dict[str, Factor] = {
    "slant": Factor(-18.0, 10.0, 44.0, -60.0, 60.0, "degrees, the top towards the right"),
    "rotation": Factor(-14.0, 0.0, 14.0, -180.0, 180.0, "degrees, clockwise"),
    "width": Factor(0.65, 1.0, 1.35, 0.1, 3.0, "times the natural width"),
    "height": Factor(0.84, 1.0, 1.0, 0.1, 1.5, "times the 20 pixels of the box"),
    "thickness": Factor(1.4, 2.2, 4.2, 0.5, 8.0, "pixels across the pen line"),
    "shift_x": Factor(-1.5, 0.0, 1.5, -14.0, 14.0, "pixels to the right"),
    "shift_y": Factor(-1.5, 0.0, 1.5, -14.0, 14.0, "pixels downwards"),
}
FACTOR_NAMES: tuple[str, ...] = tuple(FACTORS)
THICKNESS = FACTOR_NAMES.index("thickness")
SHIFT = slice(FACTOR_NAMES.index("shift_x"), None)


def named_factors(labels: ArrayLike, factors: ArrayLike) -> dict[str, NDArray[Any]]:
    """Return all that is known of each image by name: the digit, then the factors.

    Parameters
    ----------
    labels : (N,) the digits.
    factors : (N, 7) the factors, in the order of `FACTOR_NAMES`.

    Returns
    -------
    dict
        ``"digit"``, whole numbers (N,), and under each of `FACTOR_NAMES` floats (N,).

    Raises
    ------
    InputError
        If the two are not of equally many images.
    """
    digits, known = _as_array("labels", labels), _as_array("factors", factors)
    checked = check_factors(known, len(known) if known.ndim else 0)
    return {
        "digit": check_labels(digits, len(checked)),
        **dict(zip(FACTOR_NAMES, checked.T, strict=True)),
    }


def check_labels(labels: ArrayLike, count: int) -> NDArray[np.uint8]:
    """Return labels as (count,) uint8; ``InputError`` if they are not so many digits."""
    array = _as_array("labels", labels)
    if array.shape != (count,) or (count and not np.issubdtype(array.dtype, np.integer)):
        raise InputError(
            f"labels must be {count} whole numbers, shape ({count},), got shape {array.shape} of "
            f"{array.dtype}; give one digit per image"
        )
    if count and (array.min() < 0 or array.max() > 9):
        raise InputError(
            f"labels must lie in 0 to 9, got {array.min()} to {array.max()}; give digits only"
        )
    return array.astype(np.uint8)


def check_factors(factors: ArrayLike, count: int) -> NDArray[np.float32]:
    """Return factors as (count, 7) float32; ``InputError`` if one is missing or out of bounds."""
    array = _as_array("factors", factors)
    if array.shape != (count, len(FACTORS)) or array.dtype.kind not in "fiu":
        raise InputError(
            f"factors must be numbers of shape ({count}, {len(FACTORS)}), got shape {array.shape} "
            f"of {array.dtype}; give {', '.join(FACTORS)} in each row"
        )
    for name, factor, column in zip(FACTORS, FACTORS.values(), array.T, strict=True):
        bad = column[~((column >= factor.least) & (column <= factor.most))]  # NaN is bad too
        if len(bad):
            raise InputError(
                f"factor {name} must lie in {factor.least} to {factor.most} ({factor.unit}), got "
                f"{bad[0]}; give finite values within these bounds"
            )
    return array.astype(np.float32)


def _as_array(name: str, values: ArrayLike) -> NDArray[Any]:
    try:
        return np.asarray(values)
    except ValueError:
        raise InputError(
            f"{name} must be an array, got rows of different lengths; make them equally long"
        ) from None
