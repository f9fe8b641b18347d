"""The tile that skips zeros: a register tile that runs only the steps at which a row is not 0.

It computes what the tile of ``tile`` does, in the same order with the same multiply-adds, but for
the steps l at which all its rows of A are 0: there 0 · B[l, j] would add nothing to a sum::

    C[t, j] += Σ_l  A[t·rs + l·ls] · B[l·bs + j]        over the l with A[t, l] ≠ 0 for any t

The more rows a tile has, the more steps have a number in one of them that is not 0. So it is low
and wide: few rows by many vectors of columns.

Which numbers of A are not 0 is written beforehand, as bits: bit l of word w of row t says that
A[t, 64·w + l] is not. The tile joins the words of its rows, and goes from one bit that is set to
the next. Looking for them costs nothing: it is done while the multiply-adds are waited for.

B is read where it lies. The last vector of columns ends where they end: it may share columns with
the one before it, which are then computed twice, with the same result.
"""

from collections.abc import Callable, Sequence
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
from scratchvae.kernels.machine.nonzero_bits import WORD
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED, c_address, cgutils


def skipping_vectors() -> int:
    """Return the most vectors of columns of a tile, at least 3: they fill the registers."""
    return 9 if simd.registers().number == 32 else 4


# Measured on digits: two rows read B too often for what they skip, four skip too little.
ROWS = 3


@cache
def skipping_tile_address(dtype: DTypeLike) -> int:
    """Return the address of the compiled tile (0 without a compiler)."""
    if JIT_DISABLED:
        return 0
    words = types.CPointer(types.int64)
    return c_address(_entry, types.void(words, *3 * [pointer(dtype)], integers(5), integers(4)))


@kernel()
def _entry(bits: Any, a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> None:
    _tile(bits, a, b, c, strides, sizes)


@intrinsic  # type: ignore[untyped-decorator]
def _tile(context: Any, bits: Any, a: Any, b: Any, c: Any, strides: Any, sizes: Any) -> Any:
    """Emit one loop for each number of vectors, and a jump to the one asked for."""
    signature = types.void(bits, a, b, c, strides, sizes)
    vector = simd.vector_type(a.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        bits, a, b, c, strides, sizes = arguments
        word, a_row, a_step, b_step, c_row = cgutils.unpack_tuple(builder, strides)
        words, rows, columns, add = cgutils.unpack_tuple(builder, sizes)
        add = builder.icmp_signed("!=", add, simd.INDEX(0))
        lanes = simd.INDEX(vector.count)
        vectors = builder.sdiv(builder.add(columns, simd.INDEX(vector.count - 1)), lanes)
        last = builder.sub(columns, lanes)
        done = builder.append_basic_block("done")
        jump = builder.switch(vectors, done)
        for count in range(1, skipping_vectors() + 1):
            case = builder.append_basic_block(f"vectors{count}")
            jump.add_case(simd.INDEX(count), case)
            with builder.goto_block(case):
                block = _Block(builder, vector, rows, [*range(count - 1)], last)
                some = block.reduce(bits, word, words, (a, a_row, a_step), (b, b_step))
                with builder.if_then(builder.or_(some, builder.not_(add))):
                    block.write(c, c_row, add)
                builder.branch(done)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return signature, generate


class _Block:
    """Emits the code of a tile of some number of vectors.

    Rows that are not there are computed as the last one that is, and not written.
    """

    def __init__(
        self,
        builder: ir.IRBuilder,
        vector: ir.VectorType,
        rows: Any,
        whole: Sequence[int],
        last: Any,
    ) -> None:
        self.builder, self.vector = builder, vector
        self.exists = [builder.icmp_signed("<", simd.INDEX(t), rows) for t in range(ROWS)]
        bottom = builder.sub(rows, simd.INDEX(1))
        self.rows = [
            builder.select(there, simd.INDEX(t), bottom) for t, there in enumerate(self.exists)
        ]
        self.columns = [simd.INDEX(v * vector.count) for v in whole] + [last]
        zero = ir.Constant(vector, None)
        # Stack slots in this code; LLVM turns each into a register.
        places = [(t, v) for t in range(len(self.rows)) for v in range(len(self.columns))]
        self.sums = {place: cgutils.alloca_once_value(builder, zero) for place in places}
        for slot in self.sums.values():
            builder.store(zero, slot)

    def reduce(self, bits: Any, word: Any, words: Any, a: Any, b: Any) -> Any:
        """Emit the loop over words, and in it the one over bits that are set; return if any was."""
        builder = self.builder
        (a, a_row, a_step), (b, b_step) = a, b
        lines = [builder.gep(a, [builder.mul(row, a_row)]) for row in self.rows]
        left = cgutils.alloca_once(builder, simd.INDEX)
        some = cgutils.alloca_once(builder, simd.INDEX)
        builder.store(simd.INDEX(0), some)
        with cgutils.for_range(builder, words) as loop:
            first = builder.gep(bits, [builder.mul(loop.index, word)])
            found = [builder.load(builder.gep(first, [row])) for row in self.rows]
            joined = found[0]
            for other in found[1:]:
                joined = builder.or_(joined, other)
            builder.store(joined, left)
            builder.store(builder.or_(builder.load(some), joined), some)
            start = builder.mul(loop.index, simd.INDEX(WORD))
            head, body, after = (builder.append_basic_block() for _ in range(3))
            builder.branch(head)
            builder.position_at_end(head)
            remaining = builder.load(left)
            builder.cbranch(builder.icmp_signed("!=", remaining, simd.INDEX(0)), body, after)
            builder.position_at_end(body)
            below = simd.call_intrinsic(
                builder, "llvm.cttz.i64", simd.INDEX, [remaining, ir.Constant(ir.IntType(1), 1)]
            )
            builder.store(builder.and_(remaining, builder.sub(remaining, simd.INDEX(1))), left)
            self._step(lines, a_step, b, b_step, builder.add(start, below))
            builder.branch(head)
            builder.position_at_end(after)
        return builder.icmp_signed("!=", builder.load(some), simd.INDEX(0))

    def _step(self, lines: Sequence[Any], a_step: Any, b: Any, b_step: Any, step: Any) -> None:
        builder = self.builder
        offset, b_row = builder.mul(step, a_step), builder.gep(b, [builder.mul(step, b_step)])
        numbers = [builder.load(builder.gep(line, [offset])) for line in lines]
        lefts = [simd.broadcast(builder, number, self.vector.count) for number in numbers]
        for v, column in enumerate(self.columns):
            right = simd.load(builder, builder.gep(b_row, [column]), self.vector)
            for t, left in enumerate(lefts):
                slot = self.sums[t, v]
                builder.store(simd.multiply_add(builder, left, right, builder.load(slot)), slot)

    def write(self, c: Any, c_row: Any, add: Any) -> None:
        """Emit the writing of the result. All of C is read before any is written: see above."""
        builder = self.builder
        places = {}
        for t, row in enumerate(self.rows):
            line = builder.gep(c, [builder.mul(row, c_row)])
            for v, column in enumerate(self.columns):
                places[t, v] = builder.gep(line, [column])
        with builder.if_then(add):
            for place, slot in self.sums.items():
                old = simd.load(builder, places[place], self.vector)
                builder.store(builder.fadd(old, builder.load(slot)), slot)
        for t, there in enumerate(self.exists):
            with builder.if_then(there):
                for v in range(len(self.columns)):
                    simd.store(builder, builder.load(self.sums[t, v]), places[t, v])


@intrinsic  # type: ignore[untyped-decorator]
def _call_tile(
    context: Any,
    address: Any,
    bits: Any,
    a: Any,
    b: Any,
    c: Any,
    starts: Any,
    strides: Any,
    sizes: Any,
) -> Any:
    """Call the compiled tile at `address` on four flat arrays, each from its own start."""
    signature = types.void(address, bits, a, b, c, starts, strides, sizes)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        address, *arrays, starts, strides, sizes = arguments
        kinds = signature.args[1:5]
        return emit_call(context, builder, kinds, address, arrays, starts, [strides, sizes])

    return signature, generate


def _python_tile(
    address: int,
    bits: NDArray[Any],
    a: NDArray[Any],
    b: NDArray[Any],
    c: NDArray[Any],
    starts: tuple[int, int, int, int],
    strides: tuple[int, int, int, int, int],
    sizes: tuple[int, int, int, int],
) -> None:
    """Compute what the compiled tile does, one number of A at a time."""
    first, a_start, b_start, c_start = starts
    word, a_row, a_step, b_step, c_row = strides
    words, rows, columns, add = sizes
    found = [
        step
        for step in range(WORD * words)
        if any(bits[first + step // WORD * word + t] >> step % WORD & 1 for t in range(rows))
    ]
    if add and not found:
        return
    for t in range(rows):
        total = np.zeros(columns, c.dtype)
        for step in found:
            right = b_start + step * b_step
            total += a[a_start + t * a_row + step * a_step] * b[right : right + columns]
        place = slice(c_start + t * c_row, c_start + t * c_row + columns)
        c[place] = c[place] + total if add else total


run_skipping_tile: Callable[..., None] = _python_tile if JIT_DISABLED else _call_tile
"""run_skipping_tile(address, bits, a, b, c, starts, strides, sizes), in a kernel: one tile.

starts are those of the four flat arrays; strides are (bits from word to word, a from row to row and
from step to step, b_step, c_row); sizes are (words, rows, columns, add), as of `run_tile`. At most
`ROWS` rows, and columns for `skipping_vectors()` vectors, but no fewer than one vector has. Where
no bit is set and it is to add, C is left as it is.
"""
