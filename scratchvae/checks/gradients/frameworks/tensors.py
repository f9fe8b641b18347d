"""Tensors as NumPy arrays that share their memory, and where an object keeps them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.unseen import within

_SUBMODULE = re.compile(r"\.?_(?:modules|parameters|buffers)\['(\w+)'\]")


def numpy_of(tensor: Any) -> NDArray[Any]:
    """Return a tensor's numbers: its own memory, where NumPy can read that."""
    if isinstance(tensor, np.ndarray):
        return tensor
    tensor = tensor.detach()
    tensor = tensor.to_dense() if tensor.is_sparse else tensor
    tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    array: NDArray[Any] = tensor.cpu().resolve_neg().numpy()
    return array


def tensor_of(torch: Any, array: NDArray[Any]) -> Any:
    """Return an array as a tensor: of its own memory, where a tensor can have that."""
    return torch.from_numpy(array.copy() if min(array.strides, default=0) < 0 else array)


def floats_within(
    torch: Any, sources: Mapping[str, Any], known: Sequence[NDArray[Any]] = ()
) -> dict[str, NDArray[Any]]:
    """Return the tensors of floats in NumPy's reach that objects hold, as arrays by name.

    Those that share memory with ``known`` ones are left out.
    """
    found: dict[str, NDArray[Any]] = {}
    for path, thing in within(sources):
        array = _in_place(torch, thing)
        taken = [*known, *found.values()]
        if array is not None and not any(np.may_share_memory(array, own) for own in taken):
            found[_SUBMODULE.sub(r".\1", path).lstrip(".")] = array
    return found


def _in_place(torch: Any, thing: Any) -> NDArray[Any] | None:
    """Return an array that moves with a tensor; ``None`` if there is none."""
    if not isinstance(thing, torch.Tensor):
        return thing if isinstance(thing, np.ndarray) and thing.dtype.kind == "f" else None
    if thing.layout != torch.strided or thing.device.type != "cpu" or not thing.numel():
        return None
    if thing.dtype not in (torch.float64, torch.float32, torch.float16):
        return None
    array: NDArray[Any] = thing.detach().numpy()
    return array
