"""A pair of functions, forward and backward, written for tensors or for arrays of JAX."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial, wraps
from typing import Any

import numpy as np

from scratchvae.checks.gradients.frameworks.jax_target import float64_in
from scratchvae.checks.gradients.frameworks.tensors import numpy_of, tensor_of


def in_numpy(
    forward: Callable[..., Any], backward: Callable[..., Any], arrays: Sequence[Any]
) -> tuple[Callable[..., Any], Callable[..., Any], tuple[Any, ...]]:
    """Return a pair of functions, and what they are called with, as NumPy has it.

    Tensors and arrays of JAX are copied into float64. What the functions are given is then of the
    framework again, and what they return of NumPy; where none was given, nothing is changed.
    """
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    if torch is not None and any(isinstance(a, torch.Tensor) for a in arrays):
        given = [
            numpy_of(a).astype(np.float64) if isinstance(a, torch.Tensor) else a for a in arrays
        ]
        pair = [
            _translated(f, torch.Tensor, partial(tensor_of, torch), numpy_of, torch.no_grad)
            for f in (forward, backward)
        ]
    elif jax is not None and any(isinstance(a, jax.Array) for a in arrays):
        given = [np.array(a, np.float64) if isinstance(a, jax.Array) else a for a in arrays]
        pair = [
            _translated(f, jax.Array, jax.numpy.array, np.asarray, lambda: float64_in(jax))
            for f in (forward, backward)
        ]
    else:
        return forward, backward, tuple(arrays)
    return pair[0], pair[1], tuple(given)


def _translated(
    function: Callable[..., Any],
    kind: type,
    to_framework: Callable[[Any], Any],
    to_numpy: Callable[[Any], Any],
    context: Callable[[], AbstractContextManager[Any]],
) -> Callable[..., Any]:
    """Return a function of the framework's arrays, of this ``kind``, as one of NumPy's."""

    def there(value: Any) -> Any:
        return to_framework(value) if isinstance(value, np.ndarray) else value

    def back(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {name: back(one) for name, one in value.items()}
        if isinstance(value, tuple | list):
            return tuple(to_numpy(one) if isinstance(one, kind) else one for one in value)
        return to_numpy(value) if isinstance(value, kind) else value

    @wraps(function)
    def translated(*given: Any) -> Any:
        with context():
            return back(function(*map(there, given)))

    return translated
