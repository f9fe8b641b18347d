"""Gradient checking: whether the backward pass is the derivative of the forward pass.

Every entry x of a parameter or input is moved by a step h both ways, and the slope of the output

    D(h) = [f(x + h) − f(x − h)] / 2h

is compared with what ``backward`` says. The error of D(h) falls as h², and that of the combination
(4 D(h) − D(2h)) / 3, which is used here, as h⁴; but the rounding of f, divided by h, grows as h
shrinks. So several steps are tried, largest first, until one agrees: a right gradient agrees at
one of them; a wrong one at none. f is a random combination of the outputs, so that errors in
different outputs cannot cancel.

What a gradient check cannot see is a forward pass that computes the wrong thing and differentiates
it correctly: see ``scratchvae.evaluation.distribution_checks``.

Source of the theory: the notes of the course CS231n, "gradient checks".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray, check_count, check_finite, check_positive
from scratchvae.errors import InputError
from scratchvae.layers import Layer, Sequential
from scratchvae.models import LatentModel

# Steps relative to an entry of size 1. At the first the h⁴ error of a function with derivatives of
# order 1 is 1e-12, far below any tolerance; the others are for strongly curved functions, and for
# those with a kink, which the smaller step is less likely to straddle.
STEPS = (1e-3, 1e-4, 1e-5, 1e-6)

# Relative errors: rounding leaves about 1e-9 of a smooth layer and 1e-7 of a whole model, whose
# loss of hundreds of nats is rounded to 1e-13 of itself; the smallest real bug is of order 1e-2.
SMOOTH_TOLERANCE = 1e-6
# An entry whose step straddles a kink at every step size (or a jump of curvature, as ELU's) keeps
# an error of the order of the smallest step that rounding still allows.
KINK_TOLERANCE = 1e-5


@dataclass(frozen=True)
class CheckRow:
    """The check of one parameter or input.

    Attributes
    ----------
    name
        What was checked.
    size
        How many entries it has.
    checked
        How many were checked, one by one; or how many random directions, each moving all.
    max_relative_error
        The largest |analytic − numeric| / max(|analytic|, |numeric|, 1e-3 of the largest).
    where
        The index of that entry, or the direction's number.
    analytic, numeric
        The two derivatives there.
    tolerance
        The largest error that passes.
    """

    name: str
    size: int
    checked: int
    max_relative_error: float
    where: str
    analytic: float
    numeric: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.max_relative_error <= self.tolerance


@dataclass(frozen=True)
class GradientReport:
    """What a gradient check found; printed, it is a table.

    Attributes
    ----------
    title
        What was checked.
    rows
        One per parameter and input.
    """

    title: str
    rows: list[CheckRow] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there is something to pass, and all of it does."""
        return bool(self.rows) and all(row.passed for row in self.rows)

    @property
    def max_relative_error(self) -> float:
        """The largest error of all rows (NaN if any is)."""
        return float(np.max([row.max_relative_error for row in self.rows], initial=0.0))

    def __str__(self) -> str:
        width = max([len(row.name) for row in self.rows] + [9])
        lines = [
            self.title,
            f"  {'':{width}}  {'checked':>15}  {'largest error':>13}  {'where':>14}  verdict",
        ]
        for row in self.rows:
            verdict = (
                "ok"
                if row.passed
                else (f"WRONG: backward says {row.analytic:.6g}, the slope is {row.numeric:.6g}")
            )
            lines.append(
                f"  {row.name:{width}}  {f'{row.checked} of {row.size}':>15}  "
                f"{row.max_relative_error:13.1e}  {row.where:>14}  {verdict}"
            )
        return "\n".join(lines)


def gradcheck(
    layer_or_model: Layer | LatentModel,
    x: NDArray[Any],
    *,
    training: bool = True,
    noise: FloatArray | None = None,
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
    if isinstance(layer_or_model, LatentModel):
        value, arrays, gradients = _run_model(layer_or_model, x, training, noise, rng)
    elif noise is None:
        value, arrays, gradients = _run_layer(layer_or_model, x, training, rng)
    else:
        raise InputError("noise is for models; a layer has none")
    return check_gradients(
        type(layer_or_model).__name__,
        value,
        arrays,
        gradients,
        rng=rng,
        max_coordinates=max_coordinates,
        directions=directions,
        tolerance=tolerance,
    )


def check_gradients(
    title: str,
    value: Callable[[], float],
    arrays: Mapping[str, FloatArray],
    gradients: Mapping[str, FloatArray],
    *,
    rng: np.random.Generator,
    max_coordinates: int = 400,
    directions: int = 4,
    tolerance: float = SMOOTH_TOLERANCE,
) -> GradientReport:
    """Compare gradients of any function with finite differences.

    Parameters
    ----------
    title
        What to call it.
    value
        Returns the function's value at what ``arrays`` hold at that moment.
    arrays
        What it depends on, by name, in float64. Each is moved in place, and put back.
    gradients
        The derivative with respect to each, of the same names and shapes.
    rng, max_coordinates, directions, tolerance
        As for ``gradcheck``.
    """
    rows = []
    for name, array in arrays.items():
        gradient = gradients[name]
        if gradient.shape != array.shape:
            # A wrong shape is a wrong gradient, not a reason to stop.
            where = f"shape {gradient.shape}"
            rows.append(CheckRow(name, array.size, 0, np.inf, where, np.nan, np.nan, tolerance))
            continue
        if array.size <= max_coordinates:
            moves = (_unit(array.shape, index) for index in range(array.size))
            count, label = array.size, lambda i, a=array: str(_index(i, a.shape))
        else:
            moves = (_random_signs(array.shape, rng) for _ in range(directions))
            count, label = directions, "direction {}".format
        pairs = [_derivatives(value, array, gradient, move, tolerance) for move in moves]
        rows.append(_row(name, array.size, count, pairs, label, tolerance))
    return GradientReport(title, rows)


def is_smooth(thing: object) -> bool:
    """Whether a layer or model has no kinks, as far as its layers say."""
    if isinstance(thing, LatentModel):
        return is_smooth(thing.encoder) and is_smooth(thing.decoder)
    if isinstance(thing, Sequential):
        return all(is_smooth(layer) for layer in thing.layers)
    return bool(getattr(thing, "smooth", True))


def _check_input(thing: Layer | LatentModel, x: NDArray[Any]) -> FloatArray:
    """Return ``x`` if a check in float64 can be made with it; refuse float32 with the reason."""
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


def _run_layer(
    layer: Layer, x: FloatArray, training: bool, rng: np.random.Generator
) -> tuple[Callable[[], float], dict[str, FloatArray], dict[str, FloatArray]]:
    """Return a layer as a function of its input and parameters, and its own gradients."""
    x = x.copy()
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
        gradients[name] = np.where(
            np.isclose(parameter.grad, 2 * gradients[name], rtol=1e-9, atol=1e-300),
            gradients[name],
            parameter.grad - gradients[name],
        )
    if not np.array_equal(dy, dy_given):
        raise InputError(f"{type(layer).__name__}.backward changed its argument dy: copy it first")

    def value() -> float:
        # Differences from the unmoved output are summed, not outputs: the sum stays small, and
        # its rounding with it.
        return float(((layer.forward(x, training) - y_0) * dy).sum())

    arrays = {"x": x} | {name: p.value for name, p in parameters.items()}
    return value, arrays, {"x": dx} | gradients


def _run_model(
    model: LatentModel,
    x: FloatArray,
    training: bool,
    noise: FloatArray | None,
    rng: np.random.Generator,
) -> tuple[Callable[[], float], dict[str, FloatArray], dict[str, FloatArray]]:
    """Return a model's loss as a function of its parameters, and its own gradients."""
    x = model.as_images(x, "x")
    frozen = model.draw_noise(len(x), rng) if noise is None else noise
    loss_0 = model.forward(x, frozen, training).loss
    model.zero_grad()
    model.backward()
    gradients = {name: p.grad.copy() for name, p in model.parameters.items()}

    def value() -> float:
        return model.forward(x, frozen, training).loss - loss_0

    return value, {name: p.value for name, p in model.parameters.items()}, gradients


def _unit(shape: tuple[int, ...], index: int) -> FloatArray:
    move = np.zeros(shape)
    move.flat[index] = 1
    return move


def _random_signs(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Return a direction of length 1 along which every entry moves by the same amount."""
    signs = rng.choice([-1.0, 1.0], shape)
    direction: FloatArray = signs / np.sqrt(signs.size)
    return direction


def _index(flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(i) for i in np.unravel_index(flat, shape))


def _derivatives(
    value: Callable[[], float],
    array: FloatArray,
    gradient: FloatArray,
    move: FloatArray,
    tolerance: float,
) -> tuple[float, float]:
    """Return the analytic and the best numeric derivative of ``value`` along ``move``."""
    analytic = float((gradient * move).sum())
    start = array.copy()
    scale = max(1.0, float(np.abs(start[move != 0]).max(initial=0)))

    def at(step: float) -> float:
        array[...] = start + step * move
        return value()

    best = np.nan
    try:
        for relative in STEPS:
            h = relative * scale
            narrow = (at(h) - at(-h)) / (2 * h)
            wide = (at(2 * h) - at(-2 * h)) / (4 * h)
            numeric = (4 * narrow - wide) / 3
            if not abs(best - analytic) <= abs(numeric - analytic):
                best = numeric
            if abs(best - analytic) <= 0.1 * tolerance * abs(analytic):
                break
    finally:
        array[...] = start
    return analytic, best


def _row(
    name: str,
    size: int,
    checked: int,
    pairs: list[tuple[float, float]],
    label: Callable[[int], str],
    tolerance: float,
) -> CheckRow:
    """Return the worst of the pairs of analytic and numeric derivatives."""
    analytic, numeric = np.array(pairs, dtype=np.float64).reshape(-1, 2).T
    larger = np.maximum(np.abs(analytic), np.abs(numeric))
    # Entries a thousand times smaller than the largest are measured against the largest: their own
    # size is of the order of the rounding. An array whose gradients are all zero has no error.
    floor = max(1e-3 * float(larger.max(initial=0)), np.finfo(np.float64).tiny)
    errors = np.abs(analytic - numeric) / np.maximum(larger, floor)
    errors[~np.isfinite(errors)] = np.inf
    worst = int(errors.argmax()) if len(errors) else 0
    if not len(errors):
        return CheckRow(name, size, checked, 0.0, "-", 0.0, 0.0, tolerance)
    return CheckRow(
        name,
        size,
        checked,
        float(errors[worst]),
        label(worst),
        float(analytic[worst]),
        float(numeric[worst]),
        tolerance,
    )
