"""NumPy arrays to a user's framework and back, its gradients, and its random numbers."""

import inspect
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


class Framework(Protocol):
    """What the doctor asks of the library that a VAE is written in."""

    name: str

    def native(self, array: Float64) -> Any:
        """Return ``array`` as the library's own, in the precision of the model."""

    def gradients(
        self, function: Callable[..., Any], arrays: Sequence[Float64]
    ) -> list[Float64] | None:
        """Return the gradients of a scalar ``function``, zeros where none arrives.

        ``None`` stands for a library without gradients.
        """


class NumPy:
    """Plain arrays; no gradients but those that the user has written."""

    name = "NumPy"

    def __init__(self, dtype: Any = np.float64) -> None:
        self.dtype = dtype

    def native(self, array: Float64) -> Any:
        """Return a copy in the model's precision."""
        return np.array(array, self.dtype)

    def gradients(
        self, function: Callable[..., Any], arrays: Sequence[Float64]
    ) -> list[Float64] | None:
        """Return ``None``: NumPy has none."""
        return None


class Torch:
    """PyTorch, as the user has imported it."""

    name = "PyTorch"

    def __init__(self, dtype: Any = None) -> None:
        self.torch = sys.modules["torch"]
        self.dtype = dtype or self.torch.get_default_dtype()

    def native(self, array: Float64) -> Any:
        """Return a tensor without a gradient."""
        return self.torch.tensor(np.asarray(array), dtype=self.dtype)

    def gradients(
        self, function: Callable[..., Any], arrays: Sequence[Float64]
    ) -> list[Float64] | None:
        """Return autograd's gradients; zeros for an input that the output is not connected to."""
        leaves = [self.native(array).requires_grad_() for array in arrays]
        output = function(*leaves)
        if not getattr(output, "requires_grad", False):
            return [np.zeros(np.shape(array)) for array in arrays]
        found = self.torch.autograd.grad(output, leaves, allow_unused=True)
        return [
            np.zeros(np.shape(array)) if gradient is None else as_numpy(gradient)
            for array, gradient in zip(arrays, found, strict=True)
        ]


class Jax:
    """JAX, as the user has imported it."""

    name = "JAX"

    def __init__(self, dtype: Any = None) -> None:
        self.jax = sys.modules["jax"]
        self.dtype = dtype

    def native(self, array: Float64) -> Any:
        """Return an array of JAX."""
        return self.jax.numpy.asarray(np.array(array), dtype=self.dtype or np.float32)

    def gradients(
        self, function: Callable[..., Any], arrays: Sequence[Float64]
    ) -> list[Float64] | None:
        """Return ``jax.grad``'s gradients."""
        places = tuple(range(len(arrays)))
        gradient = self.jax.grad(lambda *inputs: function(*inputs).sum(), argnums=places)
        return [as_numpy(each) for each in gradient(*(self.native(array) for array in arrays))]


def family(value: Any) -> str:
    """Return the library that ``value`` belongs to: ``"torch"``, ``"jax"``, ``"numpy"`` or none."""
    if _is_torch(value):
        return "torch"
    jax = sys.modules.get("jax")
    if jax is not None and isinstance(value, jax.Array):
        return "jax"
    return "numpy" if isinstance(value, np.ndarray | np.generic) else ""


def is_module(value: Any) -> bool:
    """Return whether ``value`` is a ``torch.nn.Module``."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.nn.Module)


def _is_torch(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "Tensor") and isinstance(value, torch.Tensor)


def as_numpy(value: Any) -> Float64:
    """Return ``value``, of whatever library, as a NumPy array of float64."""
    if _is_torch(value):
        value = value.detach().cpu().double().numpy()
    return np.array(value, np.float64)


def suspects(values: Sequence[Any], functions: Sequence[Callable[..., Any]]) -> list[str]:
    """Return the libraries in which a VAE may be written, the likeliest first.

    ``values`` are its arrays, ``functions`` its callables: a function tells by the modules that it
    mentions, a method of a ``torch.nn.Module`` by its owner.
    """
    found = [family(value) for value in values if family(value) in ("torch", "jax")]
    for function in functions:
        owner = getattr(function, "__self__", function)
        if is_module(owner):
            found.append("torch")
        found += [name for name in ("torch", "jax") if _mentions(function, name)]
    order = [*found, "numpy", *(name for name in ("torch", "jax") if name in sys.modules)]
    return list(dict.fromkeys(order))


def _mentions(function: Any, library: str, depth: int = 2) -> bool:
    """Return whether a function, or one that it calls by name, uses names of a library."""
    if library not in sys.modules:
        return False
    try:
        names = inspect.getclosurevars(function)
    except (TypeError, ValueError):  # a built-in, or an object that can be called
        return False
    for value in [*names.nonlocals.values(), *names.globals.values()]:
        module = value.__name__ if inspect.ismodule(value) else getattr(value, "__module__", None)
        if family(value) == library or str(module).split(".")[0] == library:
            return True
        if depth > 0 and inspect.isfunction(value) and _mentions(value, library, depth - 1):
            return True
    return False


def made(name: str, like: Any = None) -> Framework:
    """Return the adapter of a library, in the precision of the array ``like`` if it has floats."""
    dtype = getattr(like, "dtype", None) if family(like) == name else None
    floating = dtype is not None and ("float" in str(dtype))
    if name == "torch":
        return Torch(dtype if floating else None)
    if name == "jax":
        return Jax(dtype if floating else None)
    return NumPy(dtype if floating else np.float64)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Run a block with all global random numbers seeded; put their states back afterwards."""
    with kept_random_states():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002  # the global state is what the user's code draws from
        torch = sys.modules.get("torch")
        if torch is not None:
            torch.manual_seed(seed)
        yield


@contextmanager
def kept_random_states() -> Iterator[None]:
    """Put the states of Python's, NumPy's and PyTorch's global generators back afterwards."""
    torch = sys.modules.get("torch")
    python, numpy_ = random.getstate(), np.random.get_state()  # noqa: NPY002
    torch_state = torch.get_rng_state() if torch is not None else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy_)  # noqa: NPY002
        if torch is not None and torch_state is not None:
            torch.set_rng_state(torch_state)
