"""The check of a layer, a model or a pair of functions.

A layer's output is weighted by a random upstream gradient and summed, so that errors in different
outputs cannot cancel; a model's loss is taken as it is, its noise frozen. What ``backward`` says is
then compared with finite differences (``finite_differences.py``). Where they differ, the report
says what is probably wrong (``diagnosis.py``).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.arguments import described
from scratchvae.checks.gradients.comparison import (
    KINK_TOLERANCE,
    SMOOTH_TOLERANCE,
    RetryPoint,
    check_gradients,
    check_settings,
)
from scratchvae.checks.gradients.frameworks import framework_target
from scratchvae.checks.gradients.frameworks.pairs import in_numpy
from scratchvae.checks.gradients.function_target import FunctionTarget
from scratchvae.checks.gradients.input import LayerLike, check_array
from scratchvae.checks.gradients.layer_target import refuse_of_models, target_of
from scratchvae.checks.gradients.passes import run_passes
from scratchvae.checks.gradients.probes import probe
from scratchvae.checks.gradients.report import GradientReport
from scratchvae.checks.gradients.snapshot import Snapshot
from scratchvae.checks.gradients.target import Target
from scratchvae.checks.gradients.unseen import unseen_arrays
from scratchvae.errors import InputError
from scratchvae.layers import Layer
from scratchvae.models import LatentModel
from scratchvae.validation import FloatArray, check_count


def gradcheck(
    layer_or_model: Layer | LatentModel | LayerLike | Callable[..., Any],
    x: Any,
    *others: Any,
    training: bool | None = None,
    noise: FloatArray | None = None,
    labels: NDArray[Any] | None = None,
    seed: int = 0,
    max_coordinates: int = 400,
    directions: int = 4,
    tolerance: float | None = None,
) -> GradientReport:
    """Compare a backward pass with finite differences.

    Where the forward pass has a kink (two slopes, or a jump) entries are tried again at points
    nearby, and if there is a kink there as well they are not judged; a layer need not say that it
    has any. Arrays that the output depends on and that are not in ``parameters`` are not checked,
    and the report says so.

    Parameters
    ----------
    layer_or_model
        A layer of yours or of the package, or a whole model, in float64. Any object with
        ``forward(x)`` and ``backward(dy)`` will do. What it learns, if anything, is in a dict
        ``parameters`` of objects with ``value`` and ``grad``; or of arrays, whose gradients
        ``backward`` fills into a dict ``gradients``; or in attributes such as ``W``, with their
        gradients in ``dW``. It is left as it was, except for its gradients.

        Or what PyTorch and JAX differentiate: a ``torch.autograd.Function`` or its ``apply``, a
        ``torch.nn.Module``, a function of tensors; a ``jax.custom_vjp`` or ``custom_jvp``, a
        function of arrays of JAX, which is faster if it is compiled. A module is copied, and its
        copy checked in float64; nothing of the module itself changes.
    x, others
        A batch of inputs in float64. Small batches check as much as large ones.

        For PyTorch and JAX: the arguments, as arrays of NumPy or of the framework, or dicts, lists
        and tuples of them. Floats of any width are copied into float64 and checked, all else is
        passed on. If a tensor requires a gradient, of the tensors only those that do are checked.
    training
        Whether the forward pass is that of training; ``None``: yes, and for a module of PyTorch
        whatever its own mode is.
    noise
        For a model: the frozen noise of its forward pass; ``None`` draws it from ``seed``. Fresh
        noise in every pass would drown the difference (eq. 10.3 of the lessons).
    labels
        For a class-conditional model: the class of each image; ``None`` draws them.
    seed
        Fixes the upstream gradient, the noise and the directions.
    max_coordinates
        Arrays of up to this many entries are checked entry by entry, larger ones along random
        directions.
    directions
        The number of these directions.
    tolerance
        The largest relative error that passes; ``None`` takes 1e-6, or 1e-5 if a layer has kinks.

    Returns
    -------
    A report with ``passed``, ``max_relative_error`` and ``rows``, each row with a ``diagnosis`` if
    it failed; printed, it is a table.

    Raises
    ------
    InputError
        If anything is float32 (a difference of two numbers with 7 digits has too few left to judge
        a gradient by), not finite, or empty; if a pass changes what it is given or what is
        learned; if ``forward`` or ``backward`` takes or returns something else.
    """
    rng = np.random.default_rng(check_count(seed, "seed", 0, None))
    target = framework_target(layer_or_model, (x, *others), training)
    if target is not None:
        refuse_of_models(noise, labels)
        return _check(target, rng, max_coordinates, directions, tolerance)
    if others:
        raise InputError(
            f"gradcheck expects a layer or a model and one batch of inputs, and got {len(others)} "
            "more: check a function of several arrays with gradcheck_functions"
        )
    target = target_of(layer_or_model, x, training is not False, noise, labels, rng)
    return _check(target, rng, max_coordinates, directions, tolerance)


def gradcheck_functions(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *arrays: NDArray[Any],
    outputs: int | None = None,
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
        What ``forward`` is called with, in float64; they are copied. If there are tensors of
        PyTorch or arrays of JAX among them, they are copied into float64, and both functions are
        given the framework's.
    outputs
        How many outputs ``forward`` returns, if several: ``(y₁, y₂)`` or ``(y₁, y₂, cache)`` for 2.
        ``backward`` then takes a gradient for each, ``backward(dy₁, dy₂)``, before the cache.
    seed, max_coordinates, directions, tolerance
        As for ``gradcheck``.

    Raises
    ------
    InputError
        As for ``gradcheck``, and if the functions do not return what is described here.
    """
    if not callable(forward) or not callable(backward):
        raise InputError(
            "gradcheck_functions expects two functions, forward and backward, not "
            f"{described(forward)} and {described(backward)}: put the arrays after them"
        )
    if not arrays:
        raise InputError("gradcheck_functions expects at least one array after the two functions")
    forward, backward, arrays = in_numpy(forward, backward, arrays)
    for place, array in enumerate(arrays):
        check_array(array, "x" if place == 0 else f"array {place + 1}")
    if outputs is not None:
        check_count(outputs, "outputs")
    check_count(seed, "seed", 0, None)

    def checked(outputs: int | None) -> tuple[FunctionTarget, GradientReport]:
        target = FunctionTarget(forward, backward, arrays, outputs)
        rng = np.random.default_rng(seed)
        return target, _check(target, rng, max_coordinates, directions, tolerance)

    target, report = checked(outputs)
    if not report.passed and target.cache_like_output and _passes(lambda: checked(2)[1]):
        raise InputError(
            f"{target.title} returned two arrays, and backward is right if both are outputs: say "
            "so with `outputs=2`, or `outputs=1` if the second is only kept for backward"
        )
    return report


def _passes(check: Callable[[], GradientReport]) -> bool:
    try:
        return check().passed
    except Exception:  # whatever a function does with arguments that are not meant for it
        return False


def _check(
    target: Target,
    rng: np.random.Generator,
    max_coordinates: int,
    directions: int,
    tolerance: float | None,
) -> GradientReport:
    if tolerance is None:
        tolerance = SMOOTH_TOLERANCE if target.smooth else KINK_TOLERANCE
    tolerance = check_settings(max_coordinates, directions, tolerance)

    def retry() -> RetryPoint:
        for array in target.arrays.values():
            spread = float(np.sqrt(np.mean(array**2))) or 1.0
            array += 0.01 * spread * rng.standard_normal(array.shape)
        # With the same dy: an error that depends on it would go away with another.
        moved = run_passes(target, rng, passes.dy)
        return RetryPoint(moved.value, moved.gradients, moved.repeated)

    gradients = [getattr(parameter, "grad", None) for parameter in target.parameters.values()]
    snapshot = Snapshot(target.sources, gradients)
    try:
        passes = run_passes(target, rng)
        unseen = unseen_arrays(target, passes.kept) if passes.repeats else []
        report = check_gradients(
            target.title,
            passes.value,
            target.arrays,
            passes.gradients,
            rng=rng,
            max_coordinates=max_coordinates,
            directions=directions,
            tolerance=tolerance,
            retry=retry if passes.repeats else None,
            smooth=target.smooth,
            repeated=passes.repeated,
            probe=lambda: probe(target, passes.dy),
            loss_terms=passes.loss_terms,
        )
        return replace(report, unseen=unseen)
    finally:
        target.restore()
        snapshot.restore()
