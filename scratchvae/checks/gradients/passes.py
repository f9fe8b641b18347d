"""A subject's passes, run as a check needs them: its output as one number, and its gradients."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchvae.checks.gradients.subject import Subject
from scratchvae.validation import FloatArray


class Passes(NamedTuple):
    """A subject as a function of its arrays, and what its backward pass says of it."""

    dy: FloatArray
    value: Callable[[], float]
    gradients: dict[str, FloatArray]
    repeated: dict[str, FloatArray]
    parts: Callable[[], FloatArray] | None


def run_passes(subject: Subject, rng: np.random.Generator, dy: FloatArray | None = None) -> Passes:
    """Return a combination of a subject's outputs, random unless given, and its gradients."""
    # Another batch goes first: what a backward pass wrongly keeps of it shows then.
    y_other = subject.forward(other=True)
    subject.clear()
    subject.backward(np.ones_like(y_other))
    y_0 = subject.forward()
    unmoved = subject.parts()
    start = None if unmoved is None else unmoved.copy()
    if dy is None:
        dy = rng.standard_normal(y_0.shape) if y_0.ndim else np.ones(())
    weights = dy
    subject.clear()
    subject.backward(dy)
    gradients = subject.gradients()
    # A second pass over the same examples must add the same again: a layer that overwrites its
    # gradient instead is wrong wherever a parameter is used twice.
    subject.forward()
    subject.backward(dy)
    repeated = subject.gradients()
    for name in subject.accumulating:
        first, both = gradients[name], repeated[name]
        if both.shape == first.shape and object not in (both.dtype, first.dtype):
            with np.errstate(invalid="ignore"):  # of infinities, which fail all the same
                repeated[name] = both - first

    def value() -> float:
        # Differences from the unmoved output are summed, not outputs: the sum stays small, and
        # its rounding with it.
        return float(((subject.forward() - y_0) * weights).sum())

    def parts() -> FloatArray:
        subject.forward()
        now = subject.parts()
        assert now is not None
        assert start is not None
        return now - start

    return Passes(dy, value, gradients, repeated, None if start is None else parts)
