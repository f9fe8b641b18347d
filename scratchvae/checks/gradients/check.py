"""The check of a layer, a model or a pair of functions.

A layer's output is weighted by a random upstream gradient and summed, so that errors in different
outputs cannot cancel; a model's loss is taken as it is, its noise frozen. What ``backward`` says is
then compared with finite differences (``finite_differences.py``). Where they differ, the report
says what is probably wrong (``diagnosis.py``).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from numpy.typing import NDArray

from scratchvae.checks.gradients.frameworks import framework_target, wants_own_arrays
from scratchvae.checks.gradients.frameworks.pairs import in_numpy
from scratchvae.checks.gradients.function_target import FunctionTarget, check_functions
from scratchvae.checks.gradients.input import LayerLike
from scratchvae.checks.gradients.layer_target import (
    is_layer,
    is_model_with_loss,
    refuse_of_models,
    target_of,
)
from scratchvae.checks.gradients.report import GradientReport
from scratchvae.checks.gradients.target_check import Settings, check_target
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
    outputs: int | None = None,
    constants: str | Iterable[str] = (),
    kinks: bool | Mapping[str, NDArray[Any]] = False,
    burn_in: int = 0,
    seed: int = 0,
    max_coordinates: int = 400,
    directions: int = 4,
    tolerance: float | None = None,
) -> GradientReport:
    """Compare a backward pass with finite differences.

    Where the forward pass has a kink (two slopes, or a jump) entries are tried again at points
    nearby, and if there is a kink there as well they are not judged; a layer need not say that it
    has any. Arrays that are one number everywhere, as zero biases are, hide some mistakes: if all
    is right, it is checked once more with these moved. Arrays that the output depends on and that
    are not in ``parameters`` are not checked, and the report says so.

    Parameters
    ----------
    layer_or_model
        A layer of yours or of the package, or a whole model, in float64. Any object with
        ``forward(x)`` and ``backward(dy)`` will do, and with the cache that ``gradcheck_functions``
        knows. What it learns, if anything, is in a dict or list ``parameters``, or in what a method
        of this name returns: objects with ``grad`` and ``value`` or ``data``. Or there are arrays,
        whose gradients ``backward`` fills into a dict ``gradients`` (``params`` and ``grads`` will
        do, and lists); or attributes such as ``W``, with their gradients in ``dW``. It is left as
        it was, except for its gradients.

        Or a model with ``params`` and ``loss(x, y)``, which returns the loss and a dict of
        gradients, as in CS231n. Or a function: ``gradcheck(f, x, …)`` is
        ``gradcheck_functions(f, None, x, …)``, and ``gradcheck(forward, backward, x, …)`` is
        ``gradcheck_functions(forward, backward, x, …)``.

        Or what PyTorch and JAX differentiate: a ``torch.autograd.Function`` or its ``apply``, a
        ``torch.nn.Module``, a function of tensors; a ``jax.custom_vjp`` or ``custom_jvp``, a
        function of arrays of JAX, which is faster if it is compiled. A module is copied, and its
        copy checked in float64; nothing of the module itself changes.
    x, others
        A batch of inputs in float64, and what ``forward`` takes after it: other inputs, targets,
        labels, settings. Small batches check as much as large ones.

        For PyTorch and JAX: arrays of NumPy or of the framework, or dicts, lists and tuples of
        them. Floats of any width are copied into float64 and checked, all else is passed on. If a
        tensor requires a gradient, of the tensors only those that do are checked.
    training
        Whether the forward pass is that of training; ``None``: yes, and for a module of PyTorch
        whatever its own mode is.
    noise
        For a model: the frozen noise of its forward pass; ``None`` draws it from ``seed``. Fresh
        noise in every pass would drown the difference (eq. 10.3 of the lessons).
    labels
        For a class-conditional model: the class of each image; ``None`` draws them.
    outputs
        How many outputs ``forward`` returns, if several.
    constants
        The names of those arguments of ``forward`` that are arrays of floats and not
        differentiated, as targets: ``constants="target"``. All that is no array of floats is
        constant anyway.
    kinks
        ``True`` if the function has kinks, as ``smooth = False`` says of a layer. Or masks by the
        names of arrays, ``{"x": x == 0}``: entries that are not judged, as at a kink there.
    burn_in
        Check once more after so many training steps, when nothing is as it was initialised; 0 does
        not. What is learned is put back.
    seed
        Fixes the upstream gradient, the noise and the directions.
    max_coordinates
        Of arrays of up to this many entries every entry is checked, of larger ones random
        directions; and so it is with smaller ones of a layer of hundreds of thousands of numbers.
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
        a gradient by), not finite, or empty; if a pass raises an error; if it changes what it is
        given or what is learned; if ``forward`` or ``backward`` takes or returns something else.
    """
    settings = Settings(seed, max_coordinates, directions, tolerance, kinks, burn_in)
    target = framework_target(layer_or_model, (x, *others), training)
    if target is not None:
        refuse_of_models(noise, labels)
        return check_target(target, settings.rng(), settings)
    known = is_layer(layer_or_model) or is_model_with_loss(layer_or_model)
    if callable(layer_or_model) and not isinstance(layer_or_model, type) and not known:
        backward, given = (x, others) if callable(x) else (None, (x, *others))
        try:
            return _check_functions(layer_or_model, backward, given, outputs, constants, settings)
        except InputError as error:
            if not wants_own_arrays(error):
                raise
            words = "give a function of PyTorch or JAX its own arrays"
            raise InputError(f"{error}; {words}") from error
    rng = settings.rng()
    target = target_of(
        layer_or_model,
        (x, *others),
        training is not False,
        rng,
        noise=noise,
        labels=labels,
        outputs=outputs,
        constants=constants,
    )
    return check_target(target, rng, settings)


def gradcheck_functions(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    *arguments: Any,
    outputs: int | None = None,
    constants: str | Iterable[str] = (),
    kinks: bool | Mapping[str, NDArray[Any]] = False,
    burn_in: int = 0,
    seed: int = 0,
    max_coordinates: int = 400,
    directions: int = 4,
    tolerance: float | None = None,
) -> GradientReport:
    """Check a pair of functions of your own: ``gradcheck_functions(forward, backward, x, w, b)``.

    Parameters
    ----------
    forward
        From the arguments to the output y; or to ``(y, cache)``.
    backward
        From dy to one gradient per array, in their order; or to a dict with the names of
        ``forward``'s arguments (``"w"`` or ``"dw"``). If there is a cache it is called as
        ``backward(dy, cache)``; that of a loss need not take dy.

        ``None`` if ``forward`` returns it, ``(y, backward)``, or if it returns a loss and its
        gradients: ``(loss, dx)``.
    arguments
        What ``forward`` is called with. Arrays in float64 are differentiated, and dicts and lists
        of these; they are copied. Whole numbers, masks, numbers, texts and settings in dicts are
        passed on as they are, a copy to every pass: running means in them stay as they were. If
        there are tensors of PyTorch or arrays of JAX among them, both functions are given the
        framework's, in float64.
    outputs
        How many outputs ``forward`` returns, if several: ``(y₁, y₂)`` or ``(y₁, y₂, cache)`` for 2.
        ``backward`` then takes a gradient for each, ``backward(dy₁, dy₂)``, before the cache.
    constants, kinks, burn_in, seed, max_coordinates, directions, tolerance
        As for ``gradcheck``.

    Raises
    ------
    InputError
        As for ``gradcheck``, and if the functions do not return what is described here.
    """
    settings = Settings(seed, max_coordinates, directions, tolerance, kinks, burn_in)
    return _check_functions(forward, backward, arguments, outputs, constants, settings)


def _check_functions(
    forward: Callable[..., Any],
    backward: Callable[..., Any] | None,
    arguments: tuple[Any, ...],
    outputs: int | None,
    constants: str | Iterable[str],
    settings: Settings,
) -> GradientReport:
    check_functions(forward, backward)
    if not arguments:
        raise InputError("gradcheck_functions expects at least one array after the two functions")
    if backward is not None:
        forward, backward, arguments = in_numpy(forward, backward, arguments)
    if outputs is not None:
        check_count(outputs, "outputs")

    def checked(outputs: int | None) -> tuple[FunctionTarget, GradientReport]:
        target = FunctionTarget(forward, backward, arguments, outputs, constants)
        target.arguments.check_some()
        return target, check_target(target, settings.rng(), settings)

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
