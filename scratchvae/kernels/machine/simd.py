"""The vectors of the machine that the kernels are compiled for, and operations on them in LLVM."""

import platform
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import DTypeLike

from scratchvae.kernels.machine.numba_interior import cgutils, named_cpu, target_cpu

INDEX = ir.IntType(64)
LANE = ir.IntType(32)

# What ``NUMBA_CPU_NAME`` may say without saying the features; other names get the least.
_VECTOR_BYTES = dict.fromkeys(("haswell", "x86-64-v3", "znver3"), 32)
_VECTOR_BYTES |= dict.fromkeys(("skylake-avx512", "x86-64-v4"), 64)


class Registers(NamedTuple):
    """The vector registers of a processor."""

    width: int  # in bytes
    number: int


@cache
def registers() -> Registers:
    """Return how wide the vector registers are and how many there are."""
    if platform.machine().lower() in ("arm64", "aarch64"):
        return Registers(width=16, number=32)
    named = named_cpu()
    if named is not None:
        width = _VECTOR_BYTES.get(named, 16)
    else:
        present = set(target_cpu()[1].split(","))
        width = 64 if "+avx512f" in present else 32 if {"+avx2", "+fma"} <= present else 16
    return Registers(width=width, number=32 if width == 64 else 16)


def lanes(dtype: DTypeLike) -> int:
    """Return how many numbers of this type one vector holds."""
    return registers().width // np.dtype(dtype).itemsize


def vector_type(scalar: Any) -> ir.VectorType:
    """Return the LLVM vector of a Numba scalar type, ``float32`` or ``float64``."""
    if scalar == types.float32:
        return ir.VectorType(ir.FloatType(), lanes(np.float32))
    return ir.VectorType(ir.DoubleType(), lanes(np.float64))


def call_intrinsic(builder: ir.IRBuilder, name: str, result: ir.Type, arguments: list[Any]) -> Any:
    """Call the LLVM intrinsic of this name."""
    signature = ir.FunctionType(result, [argument.type for argument in arguments])
    function = cgutils.get_or_insert_function(builder.module, signature, name)
    return builder.call(function, arguments)


def _suffix(vector: ir.VectorType) -> str:
    return f"v{vector.count}f{32 if isinstance(vector.element, ir.FloatType) else 64}"


def _address(builder: ir.IRBuilder, pointer: Any, vector: ir.VectorType) -> Any:
    return builder.bitcast(pointer, vector.as_pointer())


def _alignment(vector: ir.VectorType) -> int:
    return 4 if isinstance(vector.element, ir.FloatType) else 8


def load(builder: ir.IRBuilder, pointer: Any, vector: ir.VectorType) -> Any:
    """Read one vector from any address."""
    return builder.load(_address(builder, pointer, vector), align=_alignment(vector))


def store(builder: ir.IRBuilder, value: Any, pointer: Any) -> None:
    """Write one vector to any address."""
    builder.store(value, _address(builder, pointer, value.type), align=_alignment(value.type))


def broadcast(builder: ir.IRBuilder, scalar: Any, count: int) -> Any:
    """Return a vector with `scalar` in every lane."""
    undefined = ir.Constant(ir.VectorType(scalar.type, count), ir.Undefined)
    first = builder.insert_element(undefined, scalar, LANE(0))
    return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(LANE, count), None))


def multiply_add(builder: ir.IRBuilder, x: Any, y: Any, z: Any) -> Any:
    """Return x · y + z, fused where the machine can: ``fma`` would be a library call elsewhere."""
    return call_intrinsic(builder, f"llvm.fmuladd.{_suffix(x.type)}", x.type, [x, y, z])


def first_lanes(builder: ir.IRBuilder, number: Any, vector: ir.VectorType) -> Any:
    """Return the mask of the first `number` lanes (none if negative, all if beyond the last)."""
    indices = ir.Constant(ir.VectorType(LANE, vector.count), list(range(vector.count)))
    bound = broadcast(builder, builder.trunc(number, LANE), vector.count)
    return builder.icmp_signed("<", indices, bound)


def masked_load(builder: ir.IRBuilder, pointer: Any, mask: Any, vector: ir.VectorType) -> Any:
    """Read only the masked lanes; the others are 0, and their memory is not touched."""
    address = _address(builder, pointer, vector)
    arguments = [address, LANE(_alignment(vector)), mask, ir.Constant(vector, None)]
    return call_intrinsic(builder, f"llvm.masked.load.{_suffix(vector)}.p0", vector, arguments)


def masked_store(builder: ir.IRBuilder, value: Any, pointer: Any, mask: Any) -> None:
    """Write only the masked lanes."""
    address = _address(builder, pointer, value.type)
    arguments = [value, address, LANE(_alignment(value.type)), mask]
    name = f"llvm.masked.store.{_suffix(value.type)}.p0"
    call_intrinsic(builder, name, ir.VoidType(), arguments)


def swap_lanes(builder: ir.IRBuilder, first: Any, second: Any, bit: int) -> tuple[Any, Any]:
    """Return two vectors that have swapped the lanes whose numbers differ in this bit.

    The result's first has the lanes of both that have 0 there, and the second those that have 1.
    """
    lanes = first.type.count
    low = [k if not k & bit else lanes + k - bit for k in range(lanes)]
    high = [k + bit if not k & bit else lanes + k for k in range(lanes)]
    masks = (ir.Constant(ir.VectorType(LANE, lanes), order) for order in (low, high))
    swapped_first, swapped_second = (builder.shuffle_vector(first, second, m) for m in masks)
    return swapped_first, swapped_second


def transpose(builder: ir.IRBuilder, rows: list[Any]) -> list[Any]:
    """Return the columns of a square of vectors.

    Lane k of row i goes to lane i of row k: bit by bit of the two numbers, pairs of rows that
    differ in that bit swap the lanes that differ in it.
    """
    rows, bit = list(rows), 1
    while bit < len(rows):
        for i in range(len(rows)):
            if not i & bit:
                rows[i], rows[i + bit] = swap_lanes(builder, rows[i], rows[i + bit], bit)
        bit *= 2
    return rows
