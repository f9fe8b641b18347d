"""An array beside what it should be: what any hypothesis must explain."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray


class Diagnosis(NamedTuple):
    """A word or two for the cause, and a sentence that says what was seen."""

    cause: str
    sentence: str


@dataclass(frozen=True)
class Comparison:
    """A given array beside the expected one, and what both were computed from.

    Attributes
    ----------
    given, expected
        The two, perhaps of different shapes. Where ``expected`` is NaN it is not known.
    arguments
        What the arrays are functions of, by name.
    counts
        Numbers that a wrong factor may be made of, by name: ``{"the number of examples": 4}``.
    """

    given: FloatArray
    expected: FloatArray
    arguments: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """Comparisons that a single mistake must explain.

    Attributes
    ----------
    comparisons
        At least one; the names in their ``arguments`` and ``counts`` are the same.
    tolerance
        How well a hypothesis must fit, relative to the largest expected entry.
    allowed
        The largest error of an entry that counts as right, in the same units.
    """

    comparisons: Sequence[Comparison]
    tolerance: float
    allowed: float

    def fits(self, change: Callable[[FloatArray], FloatArray]) -> bool:
        """Whether each given array is the expected one after this change."""
        return all(fits(change(c.given), c.expected, self.tolerance) for c in self.comparisons)

    def wrong(self) -> list[NDArray[np.bool_]]:
        """Return which entries of each comparison are wrong."""
        return [~agrees(c.given, c.expected, self.allowed) for c in self.comparisons]


def agrees(given: FloatArray, expected: FloatArray, tolerance: float) -> NDArray[np.bool_]:
    """Return which entries agree, relative to the largest expected one that is finite."""
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=0.0) or 1.0
    with np.errstate(invalid="ignore"):
        near = np.abs(given - expected) <= tolerance * scale
    agreeing: NDArray[np.bool_] = near | (given == expected) | np.isnan(expected)
    return agreeing


def fits(given: FloatArray, expected: FloatArray, tolerance: float) -> bool:
    """Whether the shapes are the same and all entries agree, of which some are known."""
    if given.shape != expected.shape or np.isnan(expected).all():
        return False
    return bool(agrees(given, expected, tolerance).all())


def common_ratio(above: FloatArray, below: FloatArray, tolerance: float) -> float | None:
    """Return the one ratio of all known entries of two arrays, or ``None``."""
    finite = np.isfinite(below)
    if not agrees(above[~finite], below[~finite], tolerance).all():
        return None
    above, below = above[finite], below[finite]
    if not np.isfinite(above).all():
        return None
    scale, size = np.abs(below).max(initial=0.0), np.abs(above).max(initial=0.0)
    if scale == 0 or size < tolerance * scale:
        return None
    ratio = float(above @ below / (below @ below))
    return ratio if np.abs(above - ratio * below).max() <= tolerance * size else None
