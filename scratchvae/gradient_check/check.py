"""The check of a layer, a model or a pair of functions.

A layer's output is weighted by a random upstream gradient and summed, so that errors in different
outputs cannot cancel; a model's loss is taken as it is, its noise frozen. What ``backward`` says is
then compared with finite differences (``finite_differences.py``). Where they differ, the report
says what is probably wrong (``diagnosis.py``).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from scratchvae.arrays import FloatArray, check_count, check_finite, check_positive
from scratchvae.errors import InputError
from scratchvae.gradient_check.comparison import (
    KINK_TOLERANCE,
    SMOOTH_TOLERANCE,
    Elsewhere,
    check_gradients,
)
from scratchvae.gradient_check.finite_differences import slope_along
from scratchvae.gradient_check.report import GradientReport
from scratchvae.gradient_check.subjects import (
    FunctionSubject,
    LayerSubject,
    ModelSubject,
    Subject,
)
from scratchvae.layers import Layer
from scratchvae.models import LatentModel

# One step a third of a decade: enough to see the V, from rounding alone to curvature alone.
CURVE_STEPS = tuple(float(step) for step in np.logspace(-13, 0, 40))


class LayerLike(Protocol):
    """A layer of someone else's: two methods, and perhaps ``parameters`` with value and grad."""

    def forward(self, x: Any) -> Any:
        """Return the output."""

    def backward(self, dy: Any) -> Any:
        """Return ∂loss/∂x."""


def gradcheck(
    layer_or_model: Layer | LatentModel | LayerLike,
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
        A layer of yours or of the package, or a whole model, in float64. Any object with
        ``forward(x)`` and ``backward(dy)`` will do; what it learns, if anything, is in a dict
        ``parameters`` of objects with ``value`` and ``grad``. It is left as it was, its gradients
        apart.
    x
        A batch of inputs in float64. Small batches check as much as large ones.
    training
        Which of the two the forward pass is to do.
    noise
        For a model: the frozen noise of its forward pass; ``None`` draws it from ``seed``. Fresh
        noise in every pass would drown the difference (eq. 8.3 of the lessons).
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
    A report with ``passed``, ``max_relative_error`` and ``rows``, each with its ``diagnosis`` if it
    failed; printed, it is a table.

    Raises
    ------
    InputError
        If anything is float32 (a difference of two numbers of 7 digits has too few left to judge
        a gradient by), not finite, or empty.
    """
    rng = np.random.default_rng(seed)
    subject = _subject(layer_or_model, x, training, noise, labels, rng)
    return _check(subject, rng, max_coordinates, directions, tolerance)


def gradcheck_functions(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *arrays: NDArray[Any],
    seed: int = 0,
    max_coordinates: int = 400,
    directions: int = 4,
    tolerance: float | None = None,
) -> GradientReport:
    """Check a pair of functions of your own: ``gradcheck_functions(forward, backward, x, w, b)``.

    Parameters
    ----------
    forward
        From the arrays to the output y; or to ``(y, cache)``.
    backward
        From dy to one gradient per array, in their order; or to a dict with the names of
        ``forward``'s arguments (``"w"`` or ``"dw"``). If there is a cache it is called as
        ``backward(dy, cache)``.
    arrays
        What ``forward`` is called with, in float64; they are copied.
    seed, max_coordinates, directions, tolerance
        As for ``gradcheck``.

    Raises
    ------
    InputError
        As for ``gradcheck``, and if the functions do not return what is described here.
    """
    if not callable(forward) or not callable(backward):
        raise InputError("gradcheck_functions expects two functions, forward and backward, first")
    if not arrays:
        raise InputError("gradcheck_functions expects at least one array after the two functions")
    for place, array in enumerate(arrays):
        _check_array(array, "x" if place == 0 else f"array {place + 1}")
    rng = np.random.default_rng(seed)
    subject = FunctionSubject(forward, backward, arrays)
    return _check(subject, rng, max_coordinates, directions, tolerance)


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
    """Return how far a finite difference is from the backward pass, by the size of its step.

    In logarithms the curve is a V: from the right the error falls as h (``"one-sided"``), h²
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
        "extrapolated": lambda one_sided, narrow, wide: (4 * narrow - wide) / 3,
    }
    if formula not in formulas:
        raise InputError(f"formula must be one of {', '.join(formulas)}, not {formula!r}")
    rng = np.random.default_rng(seed)
    subject = _subject(layer_or_model, x, training, noise, None, rng)
    try:
        run = _run(subject, rng)
        # One long array stands for all of them.
        names, arrays = list(subject.arrays), list(subject.arrays.values())
        joined = np.concatenate([array.ravel() for array in arrays])
        analytic_all = np.concatenate([run.gradients[name].ravel() for name in names])
        if analytic_all.shape != joined.shape:
            raise InputError("a gradient has the wrong shape: gradcheck says which")
        ends = np.cumsum([array.size for array in arrays])[:-1]

        def value() -> float:
            for array, piece in zip(arrays, np.split(joined, ends), strict=True):
                array[...] = piece.reshape(array.shape)
            return run.value()

        move = rng.choice([-1.0, 1.0], joined.size) / np.sqrt(joined.size)
        analytic = float(analytic_all @ move)
        start, base = joined.copy(), value()
        errors = []
        for step in steps:
            check_positive(step, "each step")
            narrow, wide = slope_along(value, joined, move, step)
            joined[...] = start + step * move
            one_sided = (value() - base) / step
            joined[...] = start
            found = formulas[formula](one_sided, narrow, wide)
            errors.append(abs(found - analytic) / max(abs(analytic), abs(found), 1e-300))
        return ErrorCurve(np.array(steps, dtype=np.float64), np.array(errors))
    finally:
        subject.restore()


def _subject(
    thing: Any,
    x: NDArray[Any],
    training: bool,
    noise: FloatArray | None,
    labels: NDArray[Any] | None,
    rng: np.random.Generator,
) -> Subject:
    """Return the layer or model as a subject; refuse what cannot be checked."""
    layer_like = not isinstance(thing, type) and all(
        callable(getattr(thing, method, None)) for method in ("forward", "backward")
    )
    if not layer_like:
        raise InputError(f"gradcheck expects a layer or a model, not {thing!r}")
    dtypes = {name: p.value.dtype for name, p in getattr(thing, "parameters", {}).items()}
    x = _check_array(x, "x", dtypes)
    if isinstance(thing, LatentModel):
        x = thing.as_images(x, "x")
        frozen = thing.draw_noise(len(x), rng) if noise is None else noise
        if thing.classes and labels is None:
            labels = rng.integers(thing.classes, size=len(x))
        labels = thing.as_labels(labels, len(x))
        return ModelSubject(thing, x, frozen, training, labels)
    for name, value in (("noise is", noise), ("labels are", labels)):
        if value is not None:
            raise InputError(f"{name} for models; a layer has none")
    return LayerSubject(thing, x, training)


def _check_array(
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


def _check(
    subject: Subject,
    rng: np.random.Generator,
    max_coordinates: int,
    directions: int,
    tolerance: float | None,
) -> GradientReport:
    check_count(max_coordinates, "max_coordinates", 0)
    check_count(directions, "directions")
    if tolerance is None:
        tolerance = SMOOTH_TOLERANCE if subject.smooth else KINK_TOLERANCE
    check_positive(tolerance, "tolerance")

    def elsewhere() -> Elsewhere:
        for array in subject.arrays.values():
            spread = float(np.sqrt(np.mean(array**2))) or 1.0
            array += 0.01 * spread * rng.standard_normal(array.shape)
        # With the same dy: an error that depends on it would go away with another.
        moved = _run(subject, rng, run.dy)
        return moved.value, moved.gradients, moved.repeated

    try:
        run = _run(subject, rng)
        return check_gradients(
            subject.title,
            run.value,
            subject.arrays,
            run.gradients,
            rng=rng,
            max_coordinates=max_coordinates,
            directions=directions,
            tolerance=tolerance,
            elsewhere=None if subject.smooth else elsewhere,
            repeated=run.repeated,
            facts=lambda: subject.facts(run.dy),
            parts=run.parts,
        )
    finally:
        subject.restore()


class _Run(NamedTuple):
    """A subject as a function of its arrays, and what its backward pass says of it."""

    dy: FloatArray
    value: Callable[[], float]
    gradients: dict[str, FloatArray]
    repeated: dict[str, FloatArray]
    parts: Callable[[], FloatArray] | None


def _run(subject: Subject, rng: np.random.Generator, dy: FloatArray | None = None) -> _Run:
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
        if repeated[name].shape == gradients[name].shape:
            with np.errstate(invalid="ignore"):  # of infinities, which fail all the same
                repeated[name] = repeated[name] - gradients[name]

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

    return _Run(dy, value, gradients, repeated, None if start is None else parts)
