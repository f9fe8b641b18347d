"""What a gradient check is made of: a layer, a model or a pair of functions, seen alike.

A subject has arrays that it depends on, a forward pass that takes them to an output, and a backward
pass that takes ∂loss/∂output to a gradient for each array. It can also be run on *another* batch,
which is how a check finds what is left over from one pass to the next.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.evidence import Facts
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray, check_finite


class Subject:
    """What all subjects share.

    Attributes
    ----------
    title
        What the report calls it.
    arrays
        What it depends on, by name. The check moves them in place.
    accumulating
        The names of those whose gradient a backward pass adds to.
    smooth
        Whether it has no kinks, as far as it says.
    """

    title: str
    arrays: dict[str, FloatArray]
    accumulating: frozenset[str] = frozenset()
    smooth = True

    def forward(self, other: bool = False) -> FloatArray:
        """Return the output, an array that stays as it is; ``other``: that of another batch."""
        raise NotImplementedError

    def backward(self, dy: FloatArray) -> None:
        """Run the backward pass of the last forward pass."""
        raise NotImplementedError

    def clear(self) -> None:
        """Set all gradients to zero."""

    def gradients(self) -> dict[str, FloatArray]:
        """Return a copy of the gradients as they stand."""
        raise NotImplementedError

    def parts(self) -> FloatArray | None:
        """Return the two parts of the last forward pass's loss, (2,), where there are such."""
        return None

    def restore(self) -> None:
        """Put everything back as it was before the check, gradients apart."""

    def sizes(self, y: FloatArray) -> dict[str, int]:
        """Return the counts that a wrong factor may be made of."""
        sizes = {}
        if y.ndim:
            sizes = {"examples": len(y), "numbers per example": y[0].size, "numbers": y.size}
        return sizes

    def facts(self, dy: FloatArray) -> Facts:
        """Run the passes once more in several orders, and say how they behave."""
        y = self.forward()
        repeats = np.array_equal(y, self.forward(), equal_nan=True)
        first = self._gradients(dy)
        again: dict[str, FloatArray] = {}
        try:
            self.clear()
            self.backward(dy)
            again = self.gradients()
        except Exception:  # one forward pass for each backward pass is a fair rule for a stranger
            again = {}
        self.forward(other=True)
        with_another = self._gradients(dy)
        self.forward(other=True)
        self.backward(dy[::-1] if dy.ndim else dy)
        self.forward()
        after = self._gradients(dy)
        self.clear()
        for _ in range(2):
            self.forward()
            self.backward(dy)
        added = {name: g for name, g in self.gradients().items() if name in self.accumulating}
        return Facts(
            sizes=self.sizes(y),
            forward_repeats=repeats,
            first=first,
            again=again,
            after_another=after,
            with_another=with_another,
            added=added,
            one_example=self._single_examples(dy, first),
            upstream=dy,
            arrays=self.arrays,
        )

    def _gradients(self, dy: FloatArray) -> dict[str, FloatArray]:
        self.clear()
        self.backward(dy)
        return self.gradients()

    def _single_examples(self, dy: FloatArray, first: Mapping[str, FloatArray]) -> dict[str, int]:
        """Return which gradients stay the same if dy is zero for all examples but one."""
        if dy.ndim < 2 or len(dy) < 2:
            return {}
        found: dict[str, int] = {}
        for example in (0, len(dy) - 1):
            alone = np.zeros_like(dy)
            alone[example] = dy[example]
            self.forward()
            for name, gradient in self._gradients(alone).items():
                same = gradient.shape == first[name].shape and gradient.dtype != object
                if same and np.any(gradient) and np.array_equal(gradient, first[name]):
                    found[name] = example
        return found


def check_output(y: Any, title: str) -> FloatArray:
    """Return a copy of what a forward pass gave, in float64; refuse what holds no numbers."""
    try:
        output = np.array(y)
    except ValueError:  # rows of several lengths
        output = np.array(None)
    if output.dtype.kind not in "biuf":
        raise InputError(
            f"{title} gave {type(y).__name__} where gradcheck expects an array of numbers: return "
            "one, or a number"
        )
    if output.size == 0:
        raise InputError(
            f"{title} gave an empty array, of shape {output.shape}, which says nothing of a "
            "gradient: choose inputs from which something comes out"
        )
    return output.astype(np.float64)


def check_array(
    x: NDArray[Any], name: str, dtypes: Mapping[str, np.dtype[Any]] | None = None
) -> FloatArray:
    """Return ``x`` if a check in float64 can be made with it; refuse float32 with the reason."""
    if not isinstance(x, np.ndarray):
        raise InputError(f"gradcheck expects {name} as a NumPy array, not {type(x).__name__}")
    for what, dtype in {name: x.dtype, **(dtypes or {})}.items():
        if dtype != np.float64:
            raise InputError(
                f"gradcheck needs float64 and {what} is {dtype}: a difference of two numbers of 7 "
                "digits has too few left to judge a gradient by; build with dtype=np.float64 and "
                f"convert {name} with .astype(np.float64)"
            )
    if x.size == 0:
        raise InputError(f"gradcheck expects at least one example, not {name} of shape {x.shape}")
    check_finite(x, name)
    return x
