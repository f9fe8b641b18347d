"""The known factors of synthetic digits: how each is drawn, and which values are allowed."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scratchvae.errors import InputError
from scratchvae.validation import as_array


@dataclass(frozen=True)
class Factor:
    """One known factor, drawn from a triangular distribution.

    Attributes
    ----------
    low, mode, high
        The ends and the mode of that distribution.
    least, most
        The bounds of values that a caller may choose.
    unit
        What the number counts.
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
    """Return everything known of each image by name: the digit, then the factors.

    Parameters
    ----------
    labels
        The digits, (N,).
    factors
        The factors, (N, 7), in the order of ``FACTOR_NAMES``.

    Returns
    -------
    ``"digit"``, whole numbers (N,), and under each of ``FACTOR_NAMES`` floats (N,).

    Raises
    ------
    InputError
        If the two are of different numbers of images.
    """
    known = as_array(factors, "factors")
    checked = check_factors(known, len(known) if known.ndim else 0)
    digits: dict[str, NDArray[Any]] = {"digit": check_labels(labels, len(checked))}
    return digits | dict(zip(FACTOR_NAMES, checked.T, strict=True))


def check_labels(labels: ArrayLike, count: int) -> NDArray[np.uint8]:
    """Return labels as (count,) uint8; ``InputError`` if they are not that many digits."""
    array = as_array(labels, "labels")
    if array.shape != (count,) or (count and not np.issubdtype(array.dtype, np.integer)):
        raise InputError(
            f"labels must be whole numbers of shape ({count},), not {array.dtype} of shape "
            f"{array.shape}: give one digit per image"
        )
    if count and (array.min() < 0 or array.max() > 9):
        raise InputError(
            f"labels must be from 0 to 9, not {array.min()} to {array.max()}: give only digits"
        )
    return array.astype(np.uint8)


def check_factors(factors: ArrayLike, count: int) -> NDArray[np.float32]:
    """Return factors as (count, 7) float32; ``InputError`` if one is missing or out of bounds."""
    array = as_array(factors, "factors")
    if array.shape != (count, len(FACTORS)) or array.dtype.kind not in "fiu":
        raise InputError(
            f"factors must be numbers of shape ({count}, {len(FACTORS)}), not {array.dtype} of "
            f"shape {array.shape}: give {', '.join(FACTORS)} in each row"
        )
    for name, factor, column in zip(FACTORS, FACTORS.values(), array.T, strict=True):
        bad = column[~((column >= factor.least) & (column <= factor.most))]  # NaN is bad too
        if len(bad):
            raise InputError(
                f"factor {name} must be from {factor.least} to {factor.most} ({factor.unit}), not "
                f"{bad[0]}: give finite values within these bounds"
            )
    return array.astype(np.float32)
