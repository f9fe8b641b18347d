"""The register tile: the one loop that every matrix product and convolution spends its time in.

A product of matrices is limited by how often numbers travel between memory and registers. So take
a small block of the result, T rows by two vectors of columns, and keep all of it in registers
during the whole reduction, one outer product per step (eq. 2.16 of the lessons)::

    C[t, j] += Σ_o Σ_l  A[t·rs + o·os + l·ls] · B[o·bos + l·bls + j]

Each step l loads two vectors of B and, for each of the T rows, copies one number of A into all the
lanes of a register and multiplies it by both: 2 + T loads feed 2·T vector multiply-adds. With
AVX-512 there are 32 registers: 14 × 2 accumulators, two vectors of B and a number of A take 31.
With 16 registers, 6 × 2 take 15. NEON, too, has 32, but multiplies by nothing in memory: the loads
of 14 numbers are made ahead, and drive accumulators out, so there it is 12 × 2. More accumulators
would spill to memory.

The strides of A let one tile serve all operations. Rows may be samples of a batch, pixels of an
image, or the pixels under a kernel; o and l may walk along features, kernel taps, or a batch. In
all of these, either neighbouring rows or neighbouring steps are neighbours in memory, so there are
two compiled forms, which differ in the stride that is known to be 1: `UNIT_STEP` and `UNIT_ROW`.

B is always read as whole vectors: the caller provides memory for `panel_columns` columns (see
``packing``). C is read and written only at `rows` × `columns`.

Numba alone cannot keep a block of vectors in registers, so the tile is written in LLVM's language,
through llvmlite. It is compiled once per type and form, as a C function whose address the kernels
are given.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import DTypeLike, NDArray

from scratchvae.kernels.machine import simd
from scratchvae.kernels.machine.addresses import emit_call, integers, pointer
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.numba_interior import (
    JIT_DISABLED,
    c_address,
    cgutils,
    rolled_loop,
)

VECTORS = 2
UNIT_STEP = 0
UNIT_ROW = 1


def tile_rows() -> int:
    """Return the number of rows of a tile: the most that leave registers for B and A."""
    width, number = simd.registers()
    if number == 16:
        return 6
    return 14 if width == 64 else 12


def panel_columns(dtype: DTypeLike) -> int:
    """Return the number of columns of a tile, which is the width of a packed panel of B."""
    return VECTORS * simd.lanes(dtype)


@cache
def tile_address(dtype: DTypeLike, unit: int) -> int:
    """Return the address of the compiled tile (without a compiler: its form, for `run_tile`).

    ``unit`` is the stride of A that is 1: `UNIT_STEP` (along the reduction) or `UNIT_ROW`.
    """
    return compile_tile(_unit_step if unit == UNIT_STEP else _unit_row, dtype, unit)


def compile_tile(form: Callable[..., None], dtype: DTypeLike, unit: int) -> int:
    """Compile a function of A, B, C, strides and sizes as ``run_tile`` calls it.

    Returns its address, or without a compiler `unit`, from which `run_tile` knows what to compute.
    """
    if JIT_DISABLED:
        return unit
    return c_address(form, types.void(*3 * [pointer(dtype)], *2 * [integers(5)]))


@kernel()
def _unit_step(a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> None:
    _tile(UNIT_STEP, a, b, c, strides, sizes)


@kernel()
def _unit_row(a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> None:
    _tile(UNIT_ROW, a, b, c, strides, sizes)


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def _tile(context: Any, unit: Any, a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> Any:
    """Emit one loop for each number of rows and of vectors, and a jump to the one asked for."""
    signature = types.void(unit, a, b, c, strides, sizes)
    vector = simd.vector_type(a.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        _, a, b, c, strides, sizes = arguments
        *strides, c_row = cgutils.unpack_tuple(builder, strides)
        *steps, rows, columns, add = cgutils.unpack_tuple(builder, sizes)
        two = builder.icmp_signed(">", columns, simd.INDEX(vector.count))
        add = builder.icmp_signed("!=", add, simd.INDEX(0))
        choice = builder.add(rows, builder.select(two, simd.INDEX(tile_rows()), simd.INDEX(0)))
        done = builder.append_basic_block("done")
        jump = builder.switch(choice, done)
        for vectors in (1, VECTORS):
            for count in range(1, tile_rows() + 1):
                case = builder.append_basic_block(f"rows{count}.vectors{vectors}")
                jump.add_case(simd.INDEX(count + (vectors - 1) * tile_rows()), case)
                with builder.goto_block(case):
                    emit = _Block(builder, vector, count, vectors)
                    emit.reduce(unit.literal_value, a, b, strides, steps)
                    emit.write(c, c_row, columns, add)
                    builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, generate


class _Block:
    """Emits the code of one shape of tile: `rows` × `vectors` accumulators."""

    def __init__(
        self, builder: ir.IRBuilder, vector: ir.VectorType, rows: int, vectors: int
    ) -> None:
        self.builder, self.vector = builder, vector
        self.rows, self.vectors = range(rows), range(vectors)
        zero = ir.Constant(vector, None)
        # Stack slots in this code; LLVM turns each into a register.
        places = [(t, v) for t in self.rows for v in self.vectors]
        self.sums = {place: cgutils.alloca_once_value(builder, zero) for place in places}
        for slot in self.sums.values():
            builder.store(zero, slot)

    def reduce(self, unit: int, a: Any, b: Any, strides: list[Any], steps: list[Any]) -> None:
        """Emit the two loops of the reduction."""
        builder, lanes = self.builder, self.vector.count
        (stride, a_outer, b_outer, b_step), (outer, inner) = strides, steps
        with cgutils.for_range(builder, outer) as o:
            a_line = builder.gep(a, [builder.mul(o.index, a_outer)])
            b_line = builder.gep(b, [builder.mul(o.index, b_outer)])
            with rolled_loop(builder, inner) as turn:
                b_row = builder.gep(b_line, [builder.mul(turn, b_step)])
                right = [
                    simd.load(builder, builder.gep(b_row, [simd.INDEX(v * lanes)]), self.vector)
                    for v in self.vectors
                ]
                for t in self.rows:
                    row, step = simd.INDEX(t), turn
                    if unit == UNIT_STEP:
                        row = builder.mul(row, stride)
                    else:
                        step = builder.mul(step, stride)
                    number = builder.load(builder.gep(builder.gep(a_line, [step]), [row]))
                    left = simd.broadcast(builder, number, lanes)
                    for v in self.vectors:
                        slot = self.sums[t, v]
                        total = simd.multiply_add(builder, left, right[v], builder.load(slot))
                        builder.store(total, slot)

    def write(self, c: Any, c_row: Any, columns: Any, add: Any) -> None:
        """Emit the writing of the result: whole vectors, or only the columns that exist."""
        builder, lanes = self.builder, self.vector.count
        whole = builder.icmp_signed("==", columns, simd.INDEX(len(self.vectors) * lanes))
        with builder.if_else(whole) as (all_columns, some_columns):
            with all_columns:
                with builder.if_then(add):
                    for (t, v), slot in self.sums.items():
                        old = simd.load(builder, self._place(c, c_row, t, v), self.vector)
                        builder.store(builder.fadd(old, builder.load(slot)), slot)
                for (t, v), slot in self.sums.items():
                    simd.store(builder, builder.load(slot), self._place(c, c_row, t, v))
            with some_columns:
                for v in self.vectors:
                    left = builder.sub(columns, simd.INDEX(v * lanes))
                    mask = simd.first_lanes(builder, left, self.vector)
                    old_mask = builder.and_(mask, simd.broadcast(builder, add, lanes))
                    for t in self.rows:
                        place = self._place(c, c_row, t, v)
                        old = simd.masked_load(builder, place, old_mask, self.vector)
                        total = builder.fadd(old, builder.load(self.sums[t, v]))
                        simd.masked_store(builder, total, place, mask)

    def _place(self, c: Any, c_row: Any, t: int, v: int) -> Any:
        offset = self.builder.mul(c_row, simd.INDEX(t))
        return self.builder.gep(self.builder.gep(c, [offset]), [simd.INDEX(v * self.vector.count)])


@intrinsic  # type: ignore[untyped-decorator]
def _call_tile(
    context: Any, address: Any, a: Any, b: Any, c: Any, starts: Any, strides: Any, sizes: Any
) -> Any:
    """Call the compiled tile at `address` on three flat arrays, each from its own start."""
    signature = types.void(address, a, b, c, starts, strides, sizes)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        address, *arrays, starts, strides, sizes = arguments
        kinds = signature.args[1:4]
        return emit_call(context, builder, kinds, address, arrays, starts, [strides, sizes])

    return signature, generate


def _python_tile(
    address: int,
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any],
    starts: tuple[int, int, int],
    strides: tuple[int, int, int, int, int],
    sizes: tuple[int, int, int, int, int],
) -> None:
    """Compute what the compiled tile does, one number of A at a time."""
    a_start, b_start, c_start = starts
    stride, a_outer, b_outer, b_step, c_row = strides
    outer, inner, rows, columns, add = sizes
    row_stride, step_stride = (stride, 1) if address == UNIT_STEP else (1, stride)
    for t in range(rows):
        total = np.zeros(columns, c.dtype)
        for o in range(outer):
            for step in range(inner):
                left = a[a_start + t * row_stride + o * a_outer + step * step_stride]
                right = b_start + o * b_outer + step * b_step
                total += left * b[right : right + columns]
        place = slice(c_start + t * c_row, c_start + t * c_row + columns)
        c[place] = c[place] + total if add else total


run_tile: Callable[..., None] = _python_tile if JIT_DISABLED else _call_tile
"""run_tile(address, a, b, c, starts, strides, sizes), in a kernel: one tile, on flat arrays.

starts are those of a, b and c; strides are (of A the one that is not 1, a_outer, b_outer, b_step,
c_row); sizes are (outer, inner, rows, columns, add), where add is 1 to add to C and 0 to overwrite
it. At most `tile_rows()` rows and `panel_columns(dtype)` columns; with no steps it writes 0.
"""
