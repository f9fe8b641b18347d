"""Functions that kernels call by their address, on flat arrays, each from its own start.

What is compiled once, for all kernels, is a C function of pointers and of tuples of integers. A
kernel is given its address as a number.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import DTypeLike

from scratchvae.kernels.machine.numba_interior import array_data, cgutils


def pointer(dtype: DTypeLike) -> Any:
    """Return Numba's type of a pointer to numbers of float32 or float64."""
    return types.CPointer(types.float32 if np.dtype(dtype) == np.float32 else types.float64)


def integers(count: int) -> Any:
    """Return Numba's type of a tuple of integers."""
    return types.UniTuple(types.intp, count)


def emit_call(
    context: Any,
    builder: ir.IRBuilder,
    kinds: Sequence[Any],
    address: Any,
    arrays: Sequence[Any],
    starts: Any,
    others: Sequence[Any],
) -> Any:
    """Emit a call of the function at `address`, and return what an intrinsic of no result does.

    Its arguments are pointers into the arrays, of these kinds, at the numbers of the tuple
    `starts`, and the others as they are.
    """
    values = [
        builder.gep(array_data(context, builder, kind, array), [start])
        for kind, array, start in zip(
            kinds, arrays, cgutils.unpack_tuple(builder, starts), strict=True
        )
    ]
    values += others
    function = ir.FunctionType(ir.VoidType(), [value.type for value in values]).as_pointer()
    builder.call(builder.inttoptr(address, function), values)
    return context.get_dummy_value()
