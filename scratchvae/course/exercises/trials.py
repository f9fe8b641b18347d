"""One call of an answer, which of its entries are right, and what is found to be wrong."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray

AGREEMENT = 1e-6  # how well a hypothesis has to fit: mistakes are larger, rounding is smaller
CLOSE = 1e-3  # below this relative error an answer is an approximation rather than a mistake


class Trial(NamedTuple):
    """One call: its arguments by name, what should have come back, and what did."""

    arguments: dict[str, Any]
    expected: FloatArray
    given: FloatArray


class Finding(NamedTuple):
    """One word for what is wrong, and a sentence."""

    kind: str
    sentence: str


def agrees(given: FloatArray, expected: FloatArray, tolerance: float) -> NDArray[np.bool_]:
    """Return which entries agree, relative to the largest expected entry that is finite."""
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=0.0) or 1.0
    with np.errstate(invalid="ignore"):
        near = np.abs(given - expected) <= tolerance * scale
    same: NDArray[np.bool_] = near | (given == expected) | (np.isnan(given) & np.isnan(expected))
    return same
