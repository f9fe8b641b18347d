"""Functions and modules of PyTorch as targets of a gradient check.

What is checked is what a training would use: ``torch.autograd`` runs the backward passes, those of
the user's own ``torch.autograd.Function`` among them, and sums what the forward pass broadcast. A
module is copied, and its copy checked in float64 on the processor.

``torch.autograd.gradcheck`` decides otherwise in places. It allows an error of 1e-5 + 1e-3 |slope|,
so that it acquits whatever is small; here an error is relative, to the array's largest slope. It
knows nothing of kinks, and accuses a ReLU at 0. It takes arguments only, not a module's parameters.
It also sees that a Function breaks where the gradient of an output is ``None``, which is not looked
at here.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from scratchvae.checks.gradients.frameworks.arguments import (
    FrameworkTarget,
    Moved,
    is_pair,
    named_leaves,
)
from scratchvae.checks.gradients.frameworks.pytorch_module import PyTorchModule, has_own_backward
from scratchvae.checks.gradients.frameworks.tensors import floats_within, numpy_of, tensor_of
from scratchvae.checks.gradients.input import as_output
from scratchvae.checks.gradients.target import Target
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# What autograd says of gradients that do not fit the arguments, and of values that are gone.
_OF_AUTOGRAD = ("returned an in", "modified by an inplace operation")
_DTYPES_DIFFER = ("dtype", "scalar type", "Float", "Double")


def pytorch_target(
    torch: Any, owner: Any, inputs: Sequence[Any], training: bool | None
) -> Target | None:
    """Return a Function, a module or a function of tensors as a target; ``None`` if it is none."""
    function = getattr(owner, "__self__", owner)  # of MyFunction.apply
    if _is_function(torch, function):
        return PyTorchTarget(torch, function.__name__, function.apply, inputs, function=function)
    if isinstance(owner, torch.nn.Module):
        module = PyTorchModule(torch, owner, training)
        return PyTorchTarget(torch, type(owner).__name__, module.copy, inputs, module=module)
    if not callable(owner) or is_pair(inputs):
        return None
    if any(
        isinstance(leaf, torch.Tensor) for leaf in torch.utils._pytree.tree_leaves(list(inputs))
    ):
        title = getattr(owner, "__name__", type(owner).__name__)
        return PyTorchTarget(torch, title, owner, inputs)
    return None


class PyTorchTarget(FrameworkTarget):
    """What takes tensors and returns tensors, with the gradients of autograd.

    Parameters
    ----------
    torch
        The framework.
    title
        What the report calls it.
    call
        From the arguments to the outputs.
    arguments
        Arrays or tensors, or dicts, lists and tuples of them. Floats of any width are checked in
        float64; if a tensor among them requires a gradient, of the tensors only those that do.
    function
        The ``torch.autograd.Function``, if it is one.
    module
        The module and what it learns, if it is one.
    """

    def __init__(
        self,
        torch: Any,
        title: str,
        call: Callable[..., Any],
        arguments: Sequence[Any],
        function: Any = None,
        module: PyTorchModule | None = None,
    ) -> None:
        self.torch, self._call, self._function, self._module = torch, call, function, module
        self._tree, self._generator = torch.utils._pytree, torch.get_rng_state()
        _, self._layout = self._tree.tree_flatten(tuple(arguments))
        self._asked = any(_requires_grad(leaf) for leaf in self._tree.tree_leaves(list(arguments)))
        named = function.forward if function else module.copy.forward if module else call
        skipped = int(function is not None and _takes_context(torch, function))
        leaves = named_leaves(named, arguments, self._leaves_of, skipped)
        learned = module.parameters if module else {}
        named_otherwise = {n: f"argument {n}" for _, n, _ in leaves if n in learned}
        super().__init__(
            title,
            [(named_otherwise.get(n, n), self._as_leaf(leaf, n)) for _, n, leaf in leaves],
            module,
        )
        constants = {n: leaf for n, leaf in self.leaves if isinstance(leaf, torch.Tensor)}
        self.sources = floats_within(torch, constants | (module.constants if module else {}))
        known = [*self.arrays.values(), *self.sources.values()]
        known += [numpy_of(buffer) for buffer in module.copy.buffers()] if module else []
        self.sources |= floats_within(torch, {"": module.copy if module else named}, known)
        self.remedy = "make it an argument or a parameter, with requires_grad, to check it"
        if function is not None:
            self.calls["backward"] = f"{title}.backward"
        elif module is None:
            self.calls = {"forward": title, "backward": f"the backward pass of {title}"}
        self._tensors: dict[str, Any] = {}
        self._given: dict[str, Any] = {}
        self._results: list[Any] = []

    def forward(self, other: bool = False) -> FloatArray:
        """Return the outputs; another batch is ``of_another_batch``."""
        self.rewind()
        torch = self.torch
        with torch.enable_grad():
            self._tensors = {
                name: torch.tensor(
                    self.of_another_batch(array) if other else array, requires_grad=True
                )
                for name, array in self.inputs.items()
            }
            # Copies that autograd knows of: what a leaf does not allow, to change it in place.
            given = {name: tensor.clone() for name, tensor in self._tensors.items()}
            history = {name: tensor.grad_fn for name, tensor in given.items()}
            leaves = [given.get(name, leaf) for name, leaf in self.leaves]
            try:
                result = self._call(*self._tree.tree_unflatten(leaves, self._layout))
            except RuntimeError as error:
                raise self._explained(error, "forward") from error
        for name, tensor in given.items():
            if tensor.grad_fn is history[name] and not torch.equal(tensor, self._tensors[name]):
                raise InputError(
                    f"{self.calls['forward']} changed its argument {name} without autograd's "
                    "knowledge: copy it first, or name it in ctx.mark_dirty and return it"
                )
        self._given = given
        self._results = [
            r for r in self._tree.tree_leaves(result) if isinstance(r, torch.Tensor | np.ndarray)
        ]
        outputs = self._outputs()
        if not outputs:
            raise InputError(
                f"{self.calls['forward']} returned no tensor of floats that requires a gradient: "
                "return one that is computed from the arguments by PyTorch's functions"
            )
        return self.joined([as_output(numpy_of(o), self.calls["forward"]) for o in outputs])

    def backward(self, dy: FloatArray) -> None:
        """Run autograd's backward pass, or the module's own."""
        for tensor in self._tensors.values():
            tensor.grad = None
        before = {name: tensor.detach().clone() for name, tensor in self._given.items()}
        self._differentiate(dy)
        for name, tensor in self._given.items():
            if not self.torch.equal(tensor, before[name]):
                raise InputError(
                    f"{self.calls['backward']} changed {name}, the forward pass's argument, which "
                    "others may have kept: copy it first"
                )

    def _differentiate(self, dy: FloatArray) -> None:
        upstream = [tensor_of(self.torch, d) for d in self.separated(dy)]
        if self._module is not None and has_own_backward(self._module.copy):
            self._take(self._module.differentiated(upstream))
            return
        try:
            self.torch.autograd.backward(self._outputs(), upstream, retain_graph=True)
        except RuntimeError as error:
            if not any(words in str(error) for words in _OF_AUTOGRAD):
                raise self._explained(error, "backward") from error
            if self._function is None or "shape" not in str(error):
                raise InputError(f"{self.calls['backward']}: {error!s}") from error
            self._take(self._returned(upstream))
            return
        self.none = {name for name, tensor in self._tensors.items() if tensor.grad is None}
        self.input_gradients = {
            name: np.zeros(tensor.shape) if tensor.grad is None else numpy_of(tensor.grad)
            for name, tensor in self._tensors.items()
        }

    def rewind(self) -> None:
        """Put the module's buffers back as they were."""
        if self._module is not None:
            self._module.rewind()

    def restore(self) -> None:
        """Put everything back, the state of the random generator as well."""
        super().restore()
        self.torch.set_rng_state(self._generator)

    def _outputs(self) -> list[Any]:
        """Return those of the results that have a gradient."""
        if self._module is not None and has_own_backward(self._module.copy):
            return self._results
        return [r for r in self._results if _requires_grad(r) and r.is_floating_point()]

    def _returned(self, upstream: Sequence[Any]) -> Sequence[Any]:
        """Return what a Function's backward returned, before autograd refused its shape."""
        given = dict(zip(map(id, self._outputs()), upstream, strict=True))
        context = self._outputs()[0].grad_fn
        dys = [given.get(id(r), self.torch.zeros_like(r)) for r in self._results]
        with self.torch.no_grad():
            found = self._function.backward(context, *dys)
        return found if isinstance(found, tuple | list) else (found,)

    def _take(self, found: Sequence[Any]) -> None:
        """Sort gradients by the arguments that they belong to."""
        names = [name for name, _ in self.leaves]
        if len(found) < len(self.inputs):
            raise InputError(
                f"{self.calls['backward']} must return a gradient for each of "
                f"{', '.join(self.inputs)}, in this order; it returned {len(found)}"
            )
        by_name = dict(zip(names if len(found) >= len(names) else self.inputs, found, strict=False))
        gradients = {name: by_name[name] for name in self.inputs}
        self.input_gradients = {
            name: numpy_of(g) if isinstance(g, self.torch.Tensor) else g
            for name, g in gradients.items()
        }

    def _leaves_of(self, argument: Any) -> list[tuple[str, Any]]:
        leaves, _ = self._tree.tree_flatten_with_path(argument)
        return [(self._tree.keystr(way), leaf) for way, leaf in leaves]

    def _as_leaf(self, leaf: Any, name: str) -> Any:
        """Return an array to be checked in float64, and everything else as PyTorch takes it."""
        torch = self.torch
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biu":
            return torch.from_numpy(leaf.copy())
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind == "f":
            return Moved.copy_of(leaf, name)
        if not isinstance(leaf, torch.Tensor):
            return leaf
        if leaf.is_complex() or leaf.layout != torch.strided:
            raise InputError(
                f"gradcheck expects {name} as a dense tensor of real numbers, not of {leaf.dtype} "
                f"and layout {leaf.layout}: check a function of torch.view_as_real or of to_dense"
            )
        if not leaf.is_floating_point():
            return leaf.detach().clone()
        if self._asked and not leaf.requires_grad:
            return leaf.detach().cpu().double()
        return Moved.copy_of(numpy_of(leaf), name)

    def _explained(self, error: RuntimeError, way: str) -> Exception:
        """Return the error of a pass in one line, if float32 inside is the cause."""
        if not any(words in str(error) for words in _DTYPES_DIFFER):
            return error
        return InputError(
            f"{self.calls[way]} was given float64 and failed with {str(error)!r}: a "
            "tensor inside is of another dtype; compute in that of the input, and keep constants "
            "as buffers, which are converted"
        )


def _is_function(torch: Any, thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, torch.autograd.Function)


def _requires_grad(leaf: Any) -> bool:
    return bool(getattr(leaf, "requires_grad", False))


def _takes_context(torch: Any, function: Any) -> bool:
    """Whether ``forward`` has ``ctx`` first: not if it is set up by a method of its own."""
    return bool(function.setup_context is torch.autograd.Function.setup_context)
