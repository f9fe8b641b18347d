"""Mistakes that show in what a backward pass does: it forgets, overwrites, draws again."""

from collections.abc import Iterator

import numpy as np

from scratchvae.checks.gradients.evidence import Diagnosis, Facts, Hypothesis, Measured, same


def _random_forward(measured: Measured, facts: Facts) -> Diagnosis | None:
    if facts.forward_repeats:
        return None
    return Diagnosis(
        "random forward",
        "the forward pass gives another output for the same input: noise is drawn inside it; make "
        "the noise an argument, and keep it for the backward pass",
    )


def _drawn_again(measured: Measured, facts: Facts) -> Diagnosis | None:
    first, again = facts.first.get(measured.name), facts.again.get(measured.name)
    if first is None or again is None or same(first, again):
        return None
    return Diagnosis(
        "drawn again",
        "two backward passes after one forward pass disagree: noise is drawn again in the backward "
        "pass, or it changes what the forward pass remembered",
    )


def _stale(measured: Measured, facts: Facts) -> Diagnosis | None:
    first, after = facts.first.get(measured.name), facts.after_another.get(measured.name)
    if first is None or after is None or same(first, after):
        return None
    return Diagnosis(
        "stale",
        "it depends on the batch that came before: something of an earlier pass was kept and not "
        "replaced",
    )


def _missing(measured: Measured, facts: Facts) -> Diagnosis | None:
    if measured.gradient.dtype != object:
        return None
    if measured.name in facts.added:
        return Diagnosis("missing", "its grad is None: let backward add ∂loss/∂value to it")
    return Diagnosis("missing", "backward returned nothing: let it return the gradient")


def _wrong_shape(measured: Measured, facts: Facts) -> Diagnosis | None:
    gradient, shape = measured.gradient, measured.array.shape
    if gradient.shape == shape:
        return None
    if gradient.T.shape == shape and measured.fits(gradient.T):
        return Diagnosis("transpose", "it is right once transposed")
    for axes in _axes_to_sum(gradient.shape, shape):
        summed = gradient.sum(axis=axes).reshape(shape)
        over = _axes_in_words(axes)
        if measured.fits(summed):
            return Diagnosis(
                "missing sum",
                f"it is right once summed over {over}: what the forward pass broadcasts, the "
                "backward pass must add up",
            )
    if gradient.size == measured.array.size and measured.fits(gradient.reshape(shape)):
        return Diagnosis("shape", f"its numbers are right: reshape it to {shape}")
    return Diagnosis("shape", f"it is of shape {gradient.shape} and must be of {shape}")


def _not_a_number(measured: Measured, facts: Facts) -> Diagnosis | None:
    bad = ~np.isfinite(measured.gradient)
    if not bad.any():
        return None
    return Diagnosis(
        "not a number",
        f"{int(bad.sum())} of {bad.size} entries are infinite or NaN: a logarithm or a division of "
        "zero, or an exponential that overflowed",
    )


def _overwritten(measured: Measured, facts: Facts) -> Diagnosis | None:
    first, added = facts.first.get(measured.name), facts.added.get(measured.name)
    if first is None or added is None or not np.any(first) or not same(first, added):
        return None
    return Diagnosis(
        "overwritten",
        "a second backward pass leaves it as it was instead of doubling it: add to the gradient "
        "(+=), don't assign it (=)",
    )


def _zero(measured: Measured, facts: Facts) -> Diagnosis | None:
    if np.any(measured.gradient):
        return None
    return Diagnosis("forgotten", "it is zero everywhere: the backward pass never computes it")


def _one_example(measured: Measured, facts: Facts) -> Diagnosis | None:
    example = facts.one_example.get(measured.name)
    if example is None:
        return None
    return Diagnosis(
        "missing sum",
        f"it responds to example {example} alone: the sum over the examples is missing",
    )


def _axes_to_sum(given: tuple[int, ...], wanted: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield axes whose sum leaves as many numbers as wanted, the first axes first."""
    size = int(np.prod(wanted))
    for count in range(1, len(given) + 1):
        for first in range(len(given) - count + 1):
            axes = tuple(range(first, first + count))
            left = [n for axis, n in enumerate(given) if axis not in axes]
            if int(np.prod(left)) == size:
                yield axes


def _axes_in_words(axes: tuple[int, ...]) -> str:
    if axes == (0,):
        return "axis 0, the examples"
    return f"ax{'i' if len(axes) == 1 else 'e'}s {', '.join(map(str, axes))}"


# In the order in which they are tried.
BEHAVIOURS: tuple[Hypothesis, ...] = (
    _random_forward,
    _drawn_again,
    _stale,
    _missing,
    _wrong_shape,
    _not_a_number,
    _overwritten,
    _zero,
    _one_example,
)
