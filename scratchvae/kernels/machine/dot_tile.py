"""The tile for one column: inner products of several rows of A with the same numbers.

With one column of B, the register tile would leave all lanes of its vectors but one idle. Here the
lanes lie along the reduction instead, and each row has one vector of partial sums::

    C[t] = Σ_o Σ_l  A[t·rs + o·os + l] · B[o·bos + l]

A vector of B is loaded once for all rows. At the end the lanes are added up, for all rows together:
a tree of additions, in which each halves the vectors, leaves the sum of row t in lane t.

It is called as the register tile is (see ``tile``), with a panel of one column, and overwrites C.
"""

from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import DTypeLike

from scratchvae.kernels.machine import simd
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.numba_interior import cgutils
from scratchvae.kernels.machine.tile import UNIT_STEP, compile_tile


def dot_rows(dtype: DTypeLike) -> int:
    """Return the number of rows of the tile: their sums fill one vector."""
    return simd.lanes(dtype)


@cache
def dot_address(dtype: DTypeLike) -> int:
    """Return the address of the compiled tile (without a compiler: its form, for `run_tile`)."""
    return compile_tile(_dot, dtype, UNIT_STEP)


@kernel()
def _dot(a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> None:
    _dot_tile(a, b, c, strides, sizes)


@intrinsic  # type: ignore[untyped-decorator]
def _dot_tile(context: Any, a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> Any:
    """Emit one loop for each number of rows, and a jump to the one asked for."""
    signature = types.void(a, b, c, strides, sizes)
    vector = simd.vector_type(a.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        a, b, c, strides, sizes = arguments
        *strides, _, c_row = cgutils.unpack_tuple(builder, strides)
        *steps, rows, _, _ = cgutils.unpack_tuple(builder, sizes)
        done = builder.append_basic_block("done")
        jump = builder.switch(rows, done)
        for count in range(1, vector.count + 1):
            case = builder.append_basic_block(f"rows{count}")
            jump.add_case(simd.INDEX(count), case)
            with builder.goto_block(case):
                sums = _reduce(builder, vector, count, a, b, strides, steps)
                _write(builder, _add_lanes(builder, sums), count, c, c_row)
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, generate


def _reduce(
    builder: ir.IRBuilder,
    vector: ir.VectorType,
    count: int,
    a: Any,
    b: Any,
    strides: list[Any],
    steps: list[Any],
) -> list[Any]:
    """Emit the loops of the reduction, and return each row's vector of partial sums."""
    (stride, a_outer, b_outer), (outer, inner) = strides, steps
    zero, width = ir.Constant(vector, None), simd.INDEX(vector.count)
    slots = [cgutils.alloca_once_value(builder, zero) for _ in range(count)]
    for slot in slots:
        builder.store(zero, slot)
    whole = builder.sdiv(inner, width)
    rest = builder.sub(inner, builder.mul(whole, width))
    mask = simd.first_lanes(builder, rest, vector)
    with cgutils.for_range(builder, outer) as o:
        a_line = builder.gep(a, [builder.mul(o.index, a_outer)])
        b_line = builder.gep(b, [builder.mul(o.index, b_outer)])

        def step(start: Any, read: Any, *mask: Any) -> None:
            right = read(builder, builder.gep(b_line, [start]), *mask, vector)
            for t, slot in enumerate(slots):
                row = builder.gep(a_line, [builder.mul(simd.INDEX(t), stride)])
                left = read(builder, builder.gep(row, [start]), *mask, vector)
                total = simd.multiply_add(builder, left, right, builder.load(slot))
                builder.store(total, slot)

        with cgutils.for_range(builder, whole) as block:
            step(builder.mul(block.index, width), simd.load)
        with builder.if_then(builder.icmp_signed(">", rest, simd.INDEX(0))):
            step(builder.mul(whole, width), simd.masked_load, mask)
    return [builder.load(slot) for slot in slots]


def _add_lanes(builder: ir.IRBuilder, rows: list[Any]) -> Any:
    """Return the vector whose lane t is the sum of the lanes of row t.

    Bit by bit of the number of a row and of a lane: of two rows that differ in that bit, the first
    keeps the sums of its pairs of lanes that differ in it where the bit is 0, the second where it
    is 1. So both fit into one vector.
    """
    zero, lanes, bit = ir.Constant(rows[0].type, None), rows[0].type.count, 1
    while bit < lanes:
        pairs = zip(rows[::2], [*rows[1::2], zero], strict=False)
        rows = [builder.fadd(*simd.swap_lanes(builder, one, other, bit)) for one, other in pairs]
        bit *= 2
    return rows[0]


def _write(builder: ir.IRBuilder, sums: Any, count: int, c: Any, c_row: Any) -> None:
    """Emit the writing of the first `count` lanes: at once if they are neighbours in C."""
    together = builder.icmp_signed("==", c_row, simd.INDEX(1))
    with builder.if_else(together) as (neighbours, apart):
        with neighbours:
            mask = simd.first_lanes(builder, simd.INDEX(count), sums.type)
            simd.masked_store(builder, sums, c, mask)
        with apart:
            for t in range(count):
                place = builder.gep(c, [builder.mul(c_row, simd.INDEX(t))])
                builder.store(builder.extract_element(sums, simd.LANE(t)), place)
