"""Functions of JAX as targets of a gradient check.

``jax.vjp`` gives the gradients, by the rules of the user's own ``jax.custom_vjp`` or ``custom_jvp``
where there are any. All passes run in float64: ``jax.enable_x64`` holds within them only, so that
nobody's arrays need to be in float64 outside. Nothing is compiled that the user has not compiled,
since what is drawn while a function is compiled would look like a constant.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from scratchvae.checks.gradients.frameworks.arguments import (
    FrameworkTarget,
    Moved,
    is_pair,
    named_leaves,
)
from scratchvae.checks.gradients.input import as_output
from scratchvae.checks.gradients.report import Unseen
from scratchvae.checks.gradients.target import same
from scratchvae.checks.gradients.unseen import within
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# By how much the two forward passes of a custom_vjp may differ: they may round in another order.
_SAME_OUTPUT = 1e-9


def jax_target(
    jax: Any, owner: Any, inputs: Sequence[Any], training: bool | None
) -> "JaxTarget | None":
    """Return a function of JAX as a target; ``None`` if it is none."""
    if not callable(owner) or isinstance(owner, type):
        return None
    given = [] if is_pair(inputs) else jax.tree_util.tree_leaves(list(inputs))
    if not _is_of_jax(owner) and not any(isinstance(leaf, jax.Array) for leaf in given):
        return None
    if training is not None:
        raise InputError("training is for layers and modules; a function has no mode: leave it out")
    return JaxTarget(jax, owner, inputs)


class JaxTarget(FrameworkTarget):
    """What takes arrays of JAX and returns them, with the gradients of ``jax.vjp``.

    Parameters
    ----------
    jax
        The framework.
    function
        From the arguments to the outputs.
    arguments
        Arrays of NumPy or JAX, or dicts, lists and tuples of them, or any registered container.
        Floats of any width are checked in float64. All else is passed on: numbers, keys, and what a
        ``custom_vjp`` or ``custom_jvp`` names in ``nondiff_argnums``.
    """

    def __init__(self, jax: Any, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        self.jax, self._function = jax, function
        title = getattr(function, "__name__", type(function).__name__)
        fixed = {place % len(arguments) for place in getattr(function, "nondiff_argnums", ())}
        self._differentiable = [n for n in range(len(arguments)) if n not in fixed]
        self._layout = jax.tree_util.tree_structure(list(arguments))
        leaves = [
            (name, leaf if place in fixed else self._as_leaf(leaf, name))
            for place, name, leaf in named_leaves(function, arguments, self._leaves_of)
        ]
        super().__init__(title, leaves)
        self.calls = {"forward": title, "backward": f"the backward pass of {title}"}
        self._point: list[Any] = []
        self._y: FloatArray = np.zeros(())

    def forward(self, other: bool = False) -> FloatArray:
        """Return the outputs; another batch is ``of_another_batch``."""
        with float64_in(self.jax):
            arrays = self.inputs.values()
            self._point = [
                self.jax.numpy.array(self.of_another_batch(a) if other else a) for a in arrays
            ]
            self._y = self._joined(self._run(*self._point))
        return self._y.copy()

    def backward(self, dy: FloatArray) -> None:
        """Run the backward pass that ``jax.vjp`` makes of the function."""
        with float64_in(self.jax):
            outputs, pullback = self.jax.vjp(self._run, *self._point)
            self._check_same(self._joined(outputs))
            upstream = [self.jax.numpy.array(d) for d in self.separated(dy)]
            try:
                found = pullback(upstream)
            except (TypeError, ValueError) as error:
                if "bwd rule" not in str(error):
                    raise
                found = self._returned(upstream, error)
            self.input_gradients = {
                name: np.array(gradient) for name, gradient in zip(self.inputs, found, strict=True)
            }

    def unchecked(self) -> list[Unseen]:
        """Return the arrays outside of the arguments that the function computes with."""
        outside = [
            (name, thing)
            for name, thing in within({"": self._function})
            if self._is_float(thing) and np.size(thing)
        ]
        with float64_in(self.jax):
            try:
                traced = self.jax.make_jaxpr(self._run)(*self._point)
            except (TypeError, IndexError):  # what looks at values cannot be traced without them
                return []
            used = [constant for constant in _constants(traced) if self._is_float(constant)]
            return [
                Unseen(name, int(np.size(thing)), "make it an argument to check it")
                for name, thing in outside
                if any(constant is thing or _equal(constant, thing) for constant in used)
            ]

    def _run(self, *point: Any) -> list[Any]:
        """Return the outputs that are floats, for the arrays that are moved."""
        outputs = self.jax.tree_util.tree_leaves(self._function(*self._arguments(point)))
        floats = [o for o in outputs if isinstance(o, float) or self._is_float(o)]
        if not floats:
            raise InputError(f"{self.title} returned no array of floats: return what it computes")
        return [self.jax.numpy.asarray(o) for o in floats]

    def _arguments(self, point: Sequence[Any]) -> list[Any]:
        moved = dict(zip(self.inputs, point, strict=True))
        leaves = [moved.get(name, leaf) for name, leaf in self.leaves]
        arguments: list[Any] = self.jax.tree_util.tree_unflatten(self._layout, leaves)
        return arguments

    def _joined(self, outputs: Sequence[Any]) -> FloatArray:
        return self.joined([as_output(np.asarray(o), self.title) for o in outputs])

    def _check_same(self, y: FloatArray) -> None:
        """Refuse a custom_vjp whose ``fwd`` computes something else than the function."""
        if same(self._y, y, _SAME_OUTPUT):
            return
        if not same(self._y, self._joined(self._run(*self._point)), 0.0):
            return  # it draws noise, which the check says by itself
        raise InputError(
            f"{self.title} returns one output when it is called and another when it is "
            "differentiated: let fwd return the function's own output before what it keeps"
        )

    def _returned(self, upstream: Sequence[Any], error: Exception) -> list[Any]:
        """Return what a custom_vjp's bwd returned, before JAX refused its shape."""
        refused = InputError(f"{self.calls['backward']}: {error!s}")
        tree, rules = self.jax.tree_util, self._function
        fwd, bwd = getattr(rules, "fwd", None), getattr(rules, "bwd", None)
        if fwd is None or bwd is None:
            raise refused from error
        arguments = self._arguments(self._point)
        y, kept = fwd(*arguments)
        dys, layout = iter(upstream), tree.tree_structure(y)
        cotangents = [
            next(dys) if self._is_float(o) else np.zeros(np.shape(o), self.jax.dtypes.float0)
            for o in tree.tree_leaves(y)
        ]
        before = [a for n, a in enumerate(arguments) if n not in self._differentiable]
        found = bwd(*before, kept, tree.tree_unflatten(layout, cotangents))
        gradients = [leaf for each in found for leaf in tree.tree_leaves(each)]
        if len(gradients) != len(self.inputs):
            raise refused from error
        return gradients

    def _leaves_of(self, argument: Any) -> list[tuple[str, Any]]:
        leaves, _ = self.jax.tree_util.tree_flatten_with_path(argument)
        return [(self.jax.tree_util.keystr(way), leaf) for way, leaf in leaves]

    def _as_leaf(self, leaf: Any, name: str) -> Any:
        """Return an array to be checked in float64, and everything else as it is."""
        if not isinstance(leaf, np.ndarray | self.jax.Array):
            return leaf
        if self.jax.numpy.issubdtype(leaf.dtype, np.complexfloating):
            raise InputError(
                f"gradcheck moves real numbers and {name} is {leaf.dtype}: check a function of its "
                "real and imaginary parts"
            )
        return Moved.copy_of(np.asarray(leaf), name) if self._is_float(leaf) else leaf

    def _is_float(self, thing: Any) -> bool:
        array = isinstance(thing, np.ndarray | np.generic | self.jax.Array)
        return bool(array and self.jax.numpy.issubdtype(thing.dtype, np.floating))


def float64_in(jax: Any) -> AbstractContextManager[Any]:
    """Have JAX compute in float64 for a while."""
    if hasattr(jax, "enable_x64"):
        context: AbstractContextManager[Any] = jax.enable_x64(True)
        return context
    if not jax.config.jax_enable_x64:
        raise InputError(
            "gradcheck needs float64, which this JAX keeps switched off: call "
            'jax.config.update("jax_enable_x64", True) first'
        )
    return nullcontext()


def _is_of_jax(owner: Any) -> bool:
    """Whether something is callable because JAX made it so: compiled, or with rules of its own."""
    while isinstance(owner, functools.partial):
        owner = owner.func
    return type(owner).__module__.split(".")[0] in ("jax", "jaxlib")


def _equal(constant: Any, thing: Any) -> bool:
    """Whether a constant is a copy of an array of NumPy's."""
    return isinstance(thing, np.ndarray) and np.array_equal(np.asarray(constant), thing)


def _constants(closed: Any) -> Iterator[Any]:
    """Yield the arrays that a traced function, or one that it calls, has from outside."""
    yield from getattr(closed, "consts", ())
    for equation in getattr(closed, "eqns", ()):
        for value in equation.params.values():
            for inner in value if isinstance(value, tuple | list) else [value]:
                if hasattr(inner, "eqns"):
                    yield from _constants(inner)
