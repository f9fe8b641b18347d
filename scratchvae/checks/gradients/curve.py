"""The error of a finite difference against the size of its step."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.finite_differences import extrapolate, slope_along
from scratchvae.checks.gradients.input import LayerLike
from scratchvae.checks.gradients.layer_target import target_of
from scratchvae.checks.gradients.passes import run_passes
from scratchvae.errors import InputError
from scratchvae.layers import Layer
from scratchvae.models import LatentModel
from scratchvae.validation import FloatArray, check_choice, check_count, check_positive

# Three steps a decade: enough to see the V, from pure rounding to pure curvature.
CURVE_STEPS = tuple(float(step) for step in np.logspace(-13, 0, 40))


class ErrorCurve(NamedTuple):
    """Step sizes, and the relative error of a finite difference at each."""

    steps: FloatArray
    errors: FloatArray


def error_curve(
    layer_or_model: Layer | LatentModel | LayerLike,
    x: NDArray[Any],
    *,
    formula: str = "central",
    steps: Sequence[float] = CURVE_STEPS,
    training: bool = True,
    noise: FloatArray | None = None,
    seed: int = 0,
) -> ErrorCurve:
    """Return how far a finite difference is from the backward pass, for each size of its step.

    On logarithmic axes the curve is a V: from the right the error falls as h (``"one-sided"``), h²
    (``"central"``) or h⁴ (``"extrapolated"``), until on the left the rounding of the function,
    divided by h, takes over. A wrong gradient has no V: its error is level.

    Parameters
    ----------
    layer_or_model, x, training, noise, seed
        As for ``gradcheck``. All arrays are moved at once, along one random direction.
    formula
        ``"one-sided"``, ``"central"`` or ``"extrapolated"``, which ``gradcheck`` uses.
    steps
        The steps h to try.
    """
    formulas: dict[str, Callable[[float, float, float], float]] = {
        "one-sided": lambda one_sided, narrow, wide: one_sided,
        "central": lambda one_sided, narrow, wide: narrow,
        "extrapolated": lambda one_sided, narrow, wide: extrapolate(narrow, wide),
    }
    check_choice(formula, "formula", formulas)
    if isinstance(steps, str) or not isinstance(steps, Iterable):
        raise InputError(f"steps must be a sequence of numbers above 0, not {steps!r}")
    steps = [check_positive(step, "each step") for step in steps]
    if not steps:
        raise InputError("steps must have at least one")
    rng = np.random.default_rng(check_count(seed, "seed", 0, None))
    target = target_of(layer_or_model, (x,), training, rng, noise=noise)
    try:
        passes = run_passes(target, rng)
        # One long array stands for all of them.
        names, arrays = list(target.arrays), list(target.arrays.values())
        joined = np.concatenate([array.ravel() for array in arrays])
        analytic_all = np.concatenate([passes.gradients[name].ravel() for name in names])
        if analytic_all.shape != joined.shape:
            raise InputError("a gradient has the wrong shape: gradcheck says which one")
        ends = np.cumsum([array.size for array in arrays])[:-1]

        def value() -> float:
            for array, piece in zip(arrays, np.split(joined, ends), strict=True):
                array[...] = piece.reshape(array.shape)
            return passes.value()

        move = rng.choice([-1.0, 1.0], joined.size) / np.sqrt(joined.size)
        analytic = float(analytic_all @ move)
        start, base = joined.copy(), value()
        errors = []
        for step in steps:
            narrow, wide = slope_along(value, joined, move, step)
            joined[...] = start + step * move
            one_sided = (value() - base) / step
            joined[...] = start
            found = formulas[formula](one_sided, narrow, wide)
            errors.append(abs(found - analytic) / max(abs(analytic), abs(found), 1e-300))
        return ErrorCurve(np.array(steps, dtype=np.float64), np.array(errors))
    finally:
        target.restore()
