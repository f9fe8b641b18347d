"""A module of PyTorch: a copy of it in float64, what it learns, and what it keeps."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchvae.checks.gradients.frameworks.tensors import numpy_of
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray


class PyTorchModule:
    """The copy that is checked, so that nothing of the module itself changes.

    Parameters
    ----------
    torch
        The framework.
    module
        A module of any width of floats, on any device.
    training
        Whether the forward pass is that of training; ``None`` leaves each part's own mode.

    Attributes
    ----------
    copy
        The copy.
    parameters
        What it learns, by name.
    constants
        The parameters that require no gradient, by name. Buffers are not among them: what is
        registered as one is meant not to be learned.
    """

    def __init__(self, torch: Any, module: Any, training: bool | None) -> None:
        self._torch = torch
        self.copy = _double(torch, module)
        if training is not None:
            self.copy.train(training)
        named = dict(self.copy.named_parameters())
        self.parameters = {
            n: ModuleParameter(torch, p) for n, p in named.items() if p.requires_grad
        }
        self._buffers = {n: b.detach().clone() for n, b in self.copy.named_buffers()}
        self.constants = {n: p for n, p in named.items() if not p.requires_grad}

    def differentiated(self, upstream: Sequence[Any]) -> Sequence[Any]:
        """Run the module's own backward pass and return what it returned.

        It may assign gradients or add to them: both are summed over passes.
        """
        before = {name: parameter.grad for name, parameter in self.parameters.items()}
        for parameter in self.parameters.values():
            parameter.grad = np.zeros_like(parameter.value)
        found = self.copy.backward(*upstream)
        for name, parameter in self.parameters.items():
            if before[name] is not None and parameter.grad is not None:
                parameter.grad = before[name] + parameter.grad
        return found if isinstance(found, tuple | list) else [found]

    def rewind(self) -> None:
        """Put the buffers back as they were: each pass moves them on, or draws by them."""
        with self._torch.no_grad():
            for name, kept in self._buffers.items():
                path, _, last = name.rpartition(".")
                owner, now = self.copy.get_submodule(path), self.copy.get_buffer(name)
                if now is not None and now.shape == kept.shape and not now.requires_grad:
                    now.copy_(kept)
                else:
                    setattr(owner, last, kept.clone())


class ModuleParameter:
    """One parameter, with ``value`` and ``grad`` as arrays."""

    def __init__(self, torch: Any, parameter: Any) -> None:
        self._torch, self._parameter = torch, parameter
        self._array: FloatArray = parameter.detach().numpy()

    @property
    def value(self) -> FloatArray:
        """The array, which shares its memory with the parameter."""
        now: FloatArray = self._parameter.detach().numpy()
        return self._array if np.shares_memory(now, self._array) else now

    @value.setter
    def value(self, array: FloatArray) -> None:
        if self.value is not array:
            self._parameter.data = self._torch.from_numpy(array)

    @property
    def grad(self) -> Any:
        """The gradient; ``None`` if there is none."""
        gradient = self._parameter.grad
        return None if gradient is None else numpy_of(gradient)

    @grad.setter
    def grad(self, array: FloatArray | None) -> None:
        self._parameter.grad = None if array is None else self._torch.from_numpy(array)


def has_own_backward(module: Any) -> bool:
    """Whether a module has a backward pass as a layer has it, from dy to dx, without autograd."""
    return callable(getattr(module, "backward", None)) and not hasattr(module, "training_step")


def _double(torch: Any, module: Any) -> Any:
    """Return a copy of a module in float64, on the processor."""
    title = type(module).__name__
    for name, parameter in module.named_parameters():
        if isinstance(parameter, torch.nn.parameter.UninitializedParameter):
            raise InputError(
                f"{title}.{name} has no shape yet: run the module once, then check its gradients"
            )
        if parameter.is_complex():
            raise InputError(
                f"gradcheck moves real numbers and {title}.{name} is {parameter.dtype}: check a "
                "function of its real and imaginary parts"
            )
    # A tensor that an earlier pass left, with its history, is the one thing that is not copied.
    held = {
        id(thing): thing.detach().clone()
        for part in module.modules()
        for value in vars(part).values()
        for thing in (value if isinstance(value, tuple | list) else [value])
        if isinstance(thing, torch.Tensor) and not thing.is_leaf
    }
    try:
        return copy.deepcopy(module, held).cpu().double()
    except Exception as error:
        raise InputError(
            f"gradcheck checks a copy of a module in float64, and {title} cannot be copied "
            f"({error}): check a function, as in `gradcheck(lambda x: module(x), x)`, with "
            "module.double() first"
        ) from error
