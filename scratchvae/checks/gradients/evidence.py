"""What is known of a gradient that a check has found wrong, and what may be said of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.validation import FloatArray

# Slopes for a diagnosis are measured with one step, to six digits or more; mistakes are larger.
AGREEMENT = 1e-4


class Diagnosis(NamedTuple):
    """A word or two for the cause, and a sentence that says what was seen."""

    cause: str
    sentence: str


@dataclass(frozen=True)
class Facts:
    """How a backward pass behaves, beyond the numbers of one call.

    Attributes
    ----------
    sizes
        Counts that a factor may be made of: ``{"examples": 4, …}``.
    forward_repeats
        Whether the same input gives the same output twice.
    first
        The gradients of a first backward pass, which the next four are compared with.
    again
        The gradients of a second backward pass after the same forward pass; empty if that raised.
    after_another
        The gradients when another batch came just before.
    with_another
        The gradients of another batch with the same dy.
    added
        What two passes, one after the other, add up to in what is accumulated.
    one_example
        The number of the only example that a gradient responds to, by name.
    upstream
        The dy of the check.
    arrays
        What the function depends on.
    """

    sizes: Mapping[str, int] = field(default_factory=dict)
    forward_repeats: bool = True
    first: Mapping[str, FloatArray] = field(default_factory=dict)
    again: Mapping[str, FloatArray] = field(default_factory=dict)
    after_another: Mapping[str, FloatArray] = field(default_factory=dict)
    with_another: Mapping[str, FloatArray] = field(default_factory=dict)
    added: Mapping[str, FloatArray] = field(default_factory=dict)
    one_example: Mapping[str, int] = field(default_factory=dict)
    upstream: FloatArray | None = None
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """An array's gradient, and slopes measured at some of its entries.

    Attributes
    ----------
    name
        What the array is called.
    array, gradient
        Its values, and what the backward pass says; the gradient may be of another shape.
    places
        Flat indices of the entries that were measured.
    numeric
        The slopes there.
    parts
        The slopes of the parts of a loss (reconstruction, weighted KL), (len(places), 2), where
        there are any.
    """

    name: str
    array: FloatArray
    gradient: FloatArray
    places: NDArray[np.intp]
    numeric: FloatArray
    parts: FloatArray | None = None

    @property
    def analytic(self) -> FloatArray:
        """What the backward pass says at ``places``."""
        return self.gradient.ravel()[self.places]

    @property
    def scale(self) -> float:
        """The size of a typical slope, which agreement is measured against."""
        return float(np.abs(self.numeric).max(initial=0.0))

    def fits(self, candidate: NDArray[Any]) -> bool:
        """Whether ``candidate`` has the array's shape and agrees with every slope."""
        if candidate.shape != self.array.shape:
            return False
        return bool(self._close(candidate.ravel()[self.places]).all())

    def right(self) -> NDArray[np.bool_]:
        """Which entries agree."""
        return self._close(self.analytic)

    def _close(self, slopes: FloatArray) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            near: NDArray[np.bool_] = np.abs(slopes - self.numeric) <= AGREEMENT * self.scale
        return near


def same(first: FloatArray, second: FloatArray, tolerance: float = 1e-7) -> bool:
    """Return whether two gradients are the same but for rounding, in shape and kind as well."""
    if first.shape != second.shape or first.dtype == object or second.dtype == object:
        return first.shape == second.shape and first.dtype == second.dtype
    finite = np.isfinite(first)
    if not np.array_equal(finite, np.isfinite(second)):
        return False
    gap = np.abs(first[finite] - second[finite]).max(initial=0.0)
    return bool(gap <= tolerance * np.abs(first[finite]).max(initial=0.0))


# Tells from the evidence whether one usual mistake was made; ``None`` if it was not.
Hypothesis = Callable[[Measured, Facts], Diagnosis | None]
