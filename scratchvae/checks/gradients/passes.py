"""A target's passes, run as a check needs them: its output as one number, and its gradients."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from scratchvae.checks.gradients.target import Target, same
from scratchvae.checks.gradients.unseen import Found, arrays_within, kept_from
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray


class Passes(NamedTuple):
    """A target as a function of its arrays, and what its backward pass says about it.

    Attributes
    ----------
    dy
        The gradient that goes into the backward pass.
    value
        The outputs at what the target's arrays hold at that moment, weighted by dy and summed.
    gradients, repeated
        What the backward pass says, and what a second one says.
    repeats
        Whether a second forward pass gave the same output.
    kept
        Arrays that both found in the target's sources: no pass has replaced them.
    loss_terms
        The two terms of a loss, for one that has them.
    rounding
        What the rounding of the outputs changes of ``value``.
    """

    dy: FloatArray
    value: Callable[[], float]
    gradients: dict[str, FloatArray]
    repeated: dict[str, FloatArray]
    repeats: bool
    kept: list[Found]
    loss_terms: Callable[[], FloatArray] | None
    rounding: float


def run_passes(target: Target, rng: np.random.Generator, dy: FloatArray | None = None) -> Passes:
    """Return a target's outputs as one number, weighted by ``dy`` or at random, and gradients.

    A pass that changes what it was given, or what is learned, is refused.
    """
    # Another batch goes first, so that anything wrongly kept of it shows up.
    with target.watched("forward"):
        y_other = target.forward(other=True)
    target.differentiate(np.ones_like(y_other))
    with target.watched("forward"):
        y_0 = target.forward()
    if not np.isfinite(y_0).all():
        raise InputError(
            f"{target.calls['forward']} returned NaN or infinity, of which there is no slope: "
            "choose inputs at which all that comes out is finite"
        )
    before = arrays_within(target.sources)
    start = target.loss_terms
    if dy is None:
        # From a stream of its own: whoever draws x with the same seed would have dy = x.
        dy = rng.spawn(1)[0].standard_normal(y_0.shape) if y_0.ndim else np.ones(())
    weights = dy
    with target.watched("backward", dy):
        gradients = target.differentiate(dy)
    # A second pass over the same examples must add the same again: a layer that overwrites its
    # gradient instead is wrong wherever a parameter is used twice.
    with target.watched("forward"):
        y_1 = target.forward()
    with target.watched("backward", dy):
        target.backward(dy)
    repeated = target.gradients()
    for name in target.parameters:
        first, both = gradients[name], repeated[name]
        if both.shape == first.shape and object not in (both.dtype, first.dtype):
            with np.errstate(invalid="ignore"):  # infinities, which fail all the same
                repeated[name] = both - first

    def value() -> float:
        # Differences from the unmoved output are summed, not outputs: the sum stays small, and
        # its rounding with it.
        return float(((target.forward() - y_0) * weights).sum())

    def loss_terms() -> FloatArray:
        target.forward()
        assert start is not None
        assert target.loss_terms is not None
        return target.loss_terms - start

    return Passes(
        dy,
        value,
        gradients,
        repeated,
        same(y_0, y_1, 1e-12),
        kept_from(before, arrays_within(target.sources)),
        None if start is None else loss_terms,
        float(np.finfo(np.float64).eps * np.sqrt(np.sum((y_0 * weights) ** 2))),
    )
