"""Gradient checking: whether the backward pass is the derivative of the forward pass.

A layer's output is weighted by a random upstream gradient and summed, so that errors in different
outputs cannot cancel; a model's loss is taken as it is, its noise frozen. What ``backward`` says is
then compared with finite differences (see ``scratchvae.finite_differences``).

What a gradient check cannot see is a forward pass that computes the wrong thing and differentiates
it correctly: see ``scratchvae.evaluation.distribution_checks``.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray, check_count, check_finite, check_positive
from scratchvae.errors import InputError
from scratchvae.finite_differences import (
    KINK_TOLERANCE,
    SMOOTH_TOLERANCE,
    GradientReport,
    check_gradients,
)
from scratchvae.layers import Layer, Sequential
from scratchvae.models import LatentModel

__all__ = ["GradientReport", "check_gradients", "gradcheck", "is_smooth"]


def gradcheck(
    layer_or_model: Layer | LatentModel,
    x: NDArray[Any],
    *,
    training: bool = True,
    noise: FloatArray | None = None,
    labels: NDArray[Any] | None = None,
    seed: int = 0,
    max_coordinates: int = 400,
    directions: int = 4,
    tolerance: float | None = None,
) -> GradientReport:
    """Compare a backward pass with finite differences.

    Parameters
    ----------
    layer_or_model
        A layer of yours or of the package, or a whole model, in float64. It is left as it was,
        its gradients apart.
    x
        A batch of inputs in float64. Small batches check as much as large ones.
    training
        Which of the two the forward pass is to do.
    noise
        For a model: the frozen noise of its forward pass; ``None`` draws it from ``seed``.
    labels
        For a model that is told the classes of its images: which; ``None`` draws them.
    seed
        Fixes the upstream gradient, the noise and the directions.
    max_coordinates
        Arrays of up to so many entries are checked entry by entry, larger ones along random
        directions.
    directions
        How many.
    tolerance
        The largest relative error that passes; ``None`` takes 1e-6, or 1e-5 where a layer has
        kinks.

    Returns
    -------
    A report with ``passed``, ``max_relative_error`` and ``rows``; printed, it is a table.

    Raises
    ------
    InputError
        If anything is float32 (a difference of two numbers of 7 digits has too few left to judge
        a gradient by), not finite, or empty.
    """
    x = _check_input(layer_or_model, x)
    check_count(max_coordinates, "max_coordinates", 0)
    check_count(directions, "directions")
    if tolerance is None:
        tolerance = SMOOTH_TOLERANCE if is_smooth(layer_or_model) else KINK_TOLERANCE
    check_positive(tolerance, "tolerance")
    rng = np.random.default_rng(seed)
    kept = {name: p.value.copy() for name, p in layer_or_model.parameters.items()}
    buffers = {name: buffer.copy() for name, buffer in layer_or_model.buffers.items()}

    def run() -> _Function:
        if isinstance(layer_or_model, LatentModel):
            return _run_model(layer_or_model, x, training, frozen, given)
        return _run_layer(layer_or_model, x, training, rng)

    if isinstance(layer_or_model, LatentModel):
        x = layer_or_model.as_images(x, "x")
        frozen = layer_or_model.draw_noise(len(x), rng) if noise is None else noise
        if layer_or_model.classes and labels is None:
            labels = rng.integers(layer_or_model.classes, size=len(x))
        labels = layer_or_model.as_labels(labels, len(x))
        given = {} if labels is None else {"labels": labels}
    elif labels is not None:
        raise InputError("labels are for models; a layer has none")
    elif noise is None:
        x = x.copy()  # it will be moved
    else:
        raise InputError("noise is for models; a layer has none")
    value, arrays, gradients = run()

    def elsewhere() -> tuple[Callable[[], float], Mapping[str, FloatArray]]:
        for array in arrays.values():
            spread = float(np.sqrt(np.mean(array**2))) or 1.0
            array += 0.01 * spread * rng.standard_normal(array.shape)
        moved = run()
        return moved.value, moved.gradients

    try:
        return check_gradients(
            type(layer_or_model).__name__,
            value,
            arrays,
            gradients,
            rng=rng,
            max_coordinates=max_coordinates,
            directions=directions,
            tolerance=tolerance,
            elsewhere=None if is_smooth(layer_or_model) else elsewhere,
        )
    finally:
        for name, parameter in layer_or_model.parameters.items():
            parameter.value[...] = kept[name]
        for name, buffer in buffers.items():
            layer_or_model.buffers[name][...] = buffer  # each forward pass had moved them on


def is_smooth(thing: object) -> bool:
    """Whether a layer or model has no kinks, as far as its layers say."""
    if isinstance(thing, LatentModel):
        return thing.smooth and all(is_smooth(part) for part in thing.parts.values())
    if isinstance(thing, Sequential):
        return all(is_smooth(layer) for layer in thing.layers)
    return bool(getattr(thing, "smooth", True))


def _check_input(thing: Layer | LatentModel, x: NDArray[Any]) -> FloatArray:
    """Return ``x`` if a check in float64 can be made with it; refuse float32 with the reason."""
    if not isinstance(thing, Layer | LatentModel):
        raise InputError(f"gradcheck expects a layer or a model, not {thing!r}")
    if not isinstance(x, np.ndarray):
        raise InputError(f"gradcheck expects x as a NumPy array, not {type(x).__name__}")
    dtypes = {"x": x.dtype}
    dtypes |= {name: p.value.dtype for name, p in getattr(thing, "parameters", {}).items()}
    for name, dtype in dtypes.items():
        if dtype != np.float64:
            raise InputError(
                f"gradcheck needs float64 and {name} is {dtype}: a difference of two numbers of 7 "
                "digits has too few left to judge a gradient by; build with dtype=np.float64 and "
                "convert x with .astype(np.float64)"
            )
    if x.size == 0:
        raise InputError(f"gradcheck expects at least one example, not x of shape {x.shape}")
    check_finite(x, "x")
    return x


class _Function(NamedTuple):
    """A layer or model as a function of arrays, and what its backward pass says of it."""

    value: Callable[[], float]
    arrays: dict[str, FloatArray]
    gradients: dict[str, FloatArray]


def _run_layer(layer: Layer, x: FloatArray, training: bool, rng: np.random.Generator) -> _Function:
    """Return a random combination of a layer's outputs as a function of input and parameters."""
    parameters = layer.parameters
    y = layer.forward(x, training)
    y_0 = y.copy()
    dy = rng.standard_normal(y.shape)
    dy_given = dy.copy()

    layer.zero_grad()
    dx = np.array(layer.backward(dy))
    gradients = {name: p.grad.copy() for name, p in parameters.items()}
    # A second pass over the same examples must add the same again: a layer that overwrites its
    # gradient instead is wrong wherever a parameter is used twice.
    layer.forward(x, training)
    layer.backward(dy)
    for name, parameter in parameters.items():
        with np.errstate(invalid="ignore"):  # of infinities, which fail all the same
            second = parameter.grad - gradients[name]
        once = np.isclose(second, gradients[name], rtol=1e-9, atol=1e-12)
        gradients[name] = np.where(once, gradients[name], second)
    if not np.array_equal(dy, dy_given):
        raise InputError(f"{type(layer).__name__}.backward changed its argument dy: copy it first")

    def value() -> float:
        # Differences from the unmoved output are summed, not outputs: the sum stays small, and
        # its rounding with it.
        return float(((layer.forward(x, training) - y_0) * dy).sum())

    arrays = {"x": x} | {name: p.value for name, p in parameters.items()}
    return _Function(value, arrays, {"x": dx} | gradients)


def _run_model(
    model: LatentModel,
    x: FloatArray,
    training: bool,
    noise: FloatArray,
    given: Mapping[str, Any],
) -> _Function:
    """Return a model's loss as a function of its parameters."""
    loss_0 = model.forward(x, noise, training, **given).loss
    model.zero_grad()
    model.backward()
    gradients = {name: p.grad.copy() for name, p in model.parameters.items()}

    def value() -> float:
        return model.forward(x, noise, training, **given).loss - loss_0

    arrays = {name: p.value for name, p in model.parameters.items()}
    return _Function(value, arrays, gradients)
