"""Where numbers are not 0, as bits: a word for 64 steps of a reduction.

Bit l of word w of row t says that the number of row t at step 64·w + l is not 0. The words of
neighbouring rows are neighbours in memory. Both forms of the tile's A are looked through along
memory: where steps are neighbours, 64 of them at a time make the word of one row; where rows are,
a vector of them gets a bit a step.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchvae.kernels.machine import simd
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED, array_data, cgutils, rolled_loop
from scratchvae.validation import Array

WORD = 64  # steps


def _nonzero(builder: ir.IRBuilder, numbers: Any) -> Any:
    """Return a mask of what is not 0: NaN is not."""
    return builder.fcmp_unordered("!=", numbers, ir.Constant(numbers.type, None))


@contextmanager
def _words(builder: ir.IRBuilder, a: Any, count: Any, vector: ir.VectorType) -> Iterator[Any]:
    """Emit a loop over 64 of ``count`` numbers at a time, with 0 for those beyond the last."""
    wide = ir.VectorType(vector.element, WORD)
    last = builder.sdiv(builder.add(count, simd.INDEX(WORD - 1)), simd.INDEX(WORD))
    numbers = cgutils.alloca_once(builder, wide)
    with cgutils.for_range(builder, last) as loop:
        start = builder.mul(loop.index, simd.INDEX(WORD))
        left, place = builder.sub(count, start), builder.gep(a, [start])
        whole = builder.icmp_signed(">=", left, simd.INDEX(WORD))
        with builder.if_else(whole) as (all_numbers, some_numbers):
            with all_numbers:
                builder.store(simd.load(builder, place, wide), numbers)
            with some_numbers:
                mask = simd.first_lanes(builder, left, wide)
                builder.store(simd.masked_load(builder, place, mask, wide), numbers)
        yield loop.index, builder.load(numbers)


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of_steps(context: Any, bits: Any, a: Any, place: Any, steps: Any) -> Any:
    signature = types.void(bits, a, place, steps)
    vector = simd.vector_type(a.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        to, a, stride, steps = _unpack(context, builder, signature, arguments)
        with _words(builder, a, steps, vector) as (index, numbers):
            word = builder.bitcast(_nonzero(builder, numbers), simd.INDEX)
            builder.store(word, builder.gep(to, [builder.mul(index, stride)]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def _bits_of_rows(context: Any, bits: Any, a: Any, place: Any, sizes: Any) -> Any:
    signature = types.void(bits, a, place, sizes)
    vector = simd.vector_type(a.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        to, a, stride, sizes = _unpack(context, builder, signature, arguments)
        steps, rows = cgutils.unpack_tuple(builder, sizes)
        words = ir.VectorType(simd.INDEX, vector.count)
        zero, one = ir.Constant(words, None), ir.Constant(words, [1] * vector.count)
        found, bit = (cgutils.alloca_once(builder, words) for _ in range(2))
        builder.store(zero, found)
        builder.store(one, bit)
        mask = simd.first_lanes(builder, rows, vector)
        with rolled_loop(builder, steps) as step:
            row = builder.gep(a, [builder.mul(step, stride)])
            numbers, present = simd.masked_load(builder, row, mask, vector), builder.load(bit)
            more = builder.select(_nonzero(builder, numbers), present, zero)
            builder.store(builder.or_(builder.load(found), more), found)
            builder.store(builder.add(present, present), bit)
        simd.store(builder, builder.load(found), to)
        return context.get_dummy_value()

    return signature, generate


def _unpack(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    bits, a, place, sizes = arguments
    to, start, stride = cgutils.unpack_tuple(builder, place)
    to = builder.gep(array_data(context, builder, signature.args[0], bits), [to])
    a = builder.gep(array_data(context, builder, signature.args[1], a), [start])
    return to, a, stride, sizes


@intrinsic  # type: ignore[untyped-decorator]
def _count_bits(context: Any, word: Any) -> Any:
    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        return simd.call_intrinsic(builder, "llvm.ctpop.i64", simd.INDEX, list(arguments))

    return types.int64(word), generate


@intrinsic  # type: ignore[untyped-decorator]
def _all_finite(context: Any, a: Any, start: Any, count: Any) -> Any:
    """Add up 0 · a in a vector: it is NaN where a number is infinite or NaN."""
    vector = simd.vector_type(a.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        a, start, count = arguments
        a = builder.gep(array_data(context, builder, signature.args[0], a), [start])
        zero = ir.Constant(ir.VectorType(vector.element, WORD), None)
        total = cgutils.alloca_once(builder, zero.type)
        builder.store(zero, total)
        with _words(builder, a, count, vector) as (_, numbers):
            more = builder.fmul(numbers, zero)
            builder.store(builder.fadd(builder.load(total), more), total)
        wrong = _nonzero(builder, builder.load(total))
        return builder.icmp_signed("==", builder.bitcast(wrong, simd.INDEX), simd.INDEX(0))

    return types.boolean(a, start, count), generate


def _python_bits_of_steps(bits: Array, a: Array, place: tuple[int, int, int], steps: int) -> None:
    to, start, stride = place
    for first in range(0, steps, WORD):
        numbers = a[start + first : start + min(first + WORD, steps)]
        bits[to + first // WORD * stride] = _as_word(numbers)


def _python_bits_of_rows(
    bits: Array, a: Array, place: tuple[int, int, int], sizes: tuple[int, int]
) -> None:
    (to, start, stride), (steps, rows) = place, sizes
    for t in range(rows):
        first = start + t
        bits[to + t] = _as_word(a[first : first + (steps - 1) * stride + 1 : stride])


def _as_word(numbers: Array) -> int:
    there = np.zeros(WORD, bool)
    there[: len(numbers)] = numbers != 0
    return int(np.packbits(there, bitorder="little").view("<i8")[0])


bits_of_steps: Callable[..., None] = _python_bits_of_steps if JIT_DISABLED else _bits_of_steps
"""bits_of_steps(bits, a, (to, start, stride), steps), in a kernel: the words of one row of `steps`
neighbouring numbers of the flat array a from `start` go to bits[to], bits[to + stride], …"""

bits_of_rows: Callable[..., None] = _python_bits_of_rows if JIT_DISABLED else _bits_of_rows
"""bits_of_rows(bits, a, (to, start, stride), (steps, rows)), in a kernel: a word for each of up to
`lanes` neighbouring rows, whose numbers at step l are those of a from start + l·stride. There must
be memory for `lanes` words from bits[to]; at most 64 steps."""

count_bits: Callable[[int], int] = (
    (lambda word: (int(word) & (1 << WORD) - 1).bit_count()) if JIT_DISABLED else _count_bits
)
"""count_bits(word), in a kernel: how many bits are set."""

all_finite: Callable[[Array, int, int], bool] = (
    (lambda a, start, count: bool(np.isfinite(a[start : start + count]).all()))
    if JIT_DISABLED
    else _all_finite
)
"""all_finite(a, start, count), in a kernel: whether no number is infinite or NaN."""
