"""A constant matrix applied to the rows and to the columns of a grid of vectors: Y = M X Mᵀ.

The grid is of pixels, or of taps, and each entry has a vector of channels: the matrix mixes
pixels, never channels, so every operation is on whole vectors. The matrices of Winograd's
convolutions are small, and many of their entries are 0 or ±1; written out as code, entry by entry,
those cost nothing or an addition. Two points ±a give two rows that differ in the signs of every
other entry: the sums over even and over odd columns are made once for both.

Numba alone would work on numbers one by one here, so the code is written in LLVM's language, and
compiled once per matrix and type.
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
from scratchvae.kernels.machine.numba_interior import (
    JIT_DISABLED,
    c_address,
    cgutils,
    rolled_loop,
)

Rows = tuple[tuple[float, ...], ...]

_python_matrices: list[Rows] = []


@cache
def transform_address(name: str, matrix: Rows, dtype: DTypeLike) -> int:
    """Return the address of the compiled transform by a matrix.

    The compiled code is kept under the name, which must say which matrix it is. Without a compiler,
    the result is what `transform_grid` knows the matrix by.
    """
    if JIT_DISABLED:
        _python_matrices.append(matrix)
        return len(_python_matrices) - 1
    emit = _grid(matrix)

    def code(source: Any, zeros: Any, to: Any, strides: Any, sizes: Any) -> None:
        emit(source, zeros, to, strides, sizes)

    code.__name__ = code.__qualname__ = f"transform.{name}"
    numbers = [*3 * [pointer(dtype)], integers(4), integers(7)]
    return c_address(kernel()(code), types.void(*numbers))


def _grid(matrix: Rows) -> Callable[..., None]:
    """Return what emits the transform by a matrix."""

    @intrinsic  # type: ignore[untyped-decorator]
    def grid(context: Any, source: Any, zeros: Any, to: Any, strides: Any, sizes: Any) -> Any:
        signature = types.void(source, zeros, to, strides, sizes)
        vector = simd.vector_type(source.dtype)

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            source, zeros, to, strides, sizes = values
            strides = cgutils.unpack_tuple(builder, strides)
            *inside, many = cgutils.unpack_tuple(builder, sizes)
            between = cgutils.alloca_once(builder, vector, simd.INDEX(len(matrix) * len(matrix[0])))
            with cgutils.for_range(builder, many) as loop:
                start = builder.mul(loop.index, simd.INDEX(vector.count))
                source, to = (builder.gep(pointer, [start]) for pointer in (source, to))
                emit = _Passes(builder, vector, matrix, between)
                emit.down_columns(source, zeros, strides[:2], inside[:4])
                emit.along_rows(to, strides[2:], inside[4:])
            return context.get_dummy_value()

        return signature, generate

    return grid  # type: ignore[no-any-return]


class _Passes:
    """Emits the two passes over one vector of channels: M X, put in between, and that times Mᵀ."""

    def __init__(
        self, builder: ir.IRBuilder, vector: ir.VectorType, matrix: Rows, between: Any
    ) -> None:
        self.builder, self.vector, self.matrix, self.between = builder, vector, matrix, between
        self.points = len(matrix[0])

    def down_columns(self, source: Any, zeros: Any, strides: Any, inside: Any) -> None:
        """Emit M X, column by column: what is outside of the image counts as 0."""
        builder, (row, column) = self.builder, strides
        top, bottom, left, right = inside
        lines = []
        for i in range(self.points):
            # A row outside is read from an array of zeros: that is faster than to ask at each read.
            place = builder.gep(source, [builder.mul(row, simd.INDEX(i))])
            lines.append(builder.select(self._within(simd.INDEX(i), top, bottom), place, zeros))
        with rolled_loop(builder, simd.INDEX(self.points)) as j:
            exists = self._within(j, left, right)
            with builder.if_else(exists) as (is_inside, is_outside):
                with is_inside:
                    across = builder.mul(column, j)
                    values = [
                        simd.load(builder, builder.gep(line, [across]), self.vector)
                        for line in lines
                    ]
                    for a, value in enumerate(combine(builder, self.matrix, values)):
                        builder.store(value, self._place(simd.INDEX(a), j))
                with is_outside:
                    for a in range(len(self.matrix)):
                        builder.store(ir.Constant(self.vector, None), self._place(simd.INDEX(a), j))

    def along_rows(self, to: Any, strides: Any, sizes: Any) -> None:
        """Emit the product with Mᵀ, row by row, and write the rows and columns that are wanted."""
        builder, (row, column), (rows, columns) = self.builder, strides, sizes
        with rolled_loop(builder, rows) as a:
            line = builder.gep(to, [builder.mul(row, a)])
            values = [builder.load(self._place(a, simd.INDEX(j))) for j in range(self.points)]
            for b, value in enumerate(combine(builder, self.matrix, values)):
                wanted = builder.icmp_signed("<", simd.INDEX(b), columns)
                with builder.if_then(wanted, likely=True):
                    place = builder.gep(line, [builder.mul(column, simd.INDEX(b))])
                    simd.store(builder, value, place)

    def _within(self, number: Any, first: Any, last: Any) -> Any:
        builder = self.builder
        above = builder.icmp_signed(">=", number, first)
        return builder.and_(above, builder.icmp_signed("<", number, last))

    def _place(self, a: Any, j: Any) -> Any:
        at = self.builder.add(self.builder.mul(a, simd.INDEX(self.points)), j)
        return self.builder.gep(self.between, [at])


def combine(builder: ir.IRBuilder, matrix: Rows, values: list[Any]) -> list[Any]:
    """Emit the product of a matrix and a list of vectors."""
    results: list[Any] = [None] * len(matrix)
    for i, row in enumerate(matrix):
        if results[i] is not None:
            continue
        mirrored = tuple(-c if j % 2 else c for j, c in enumerate(row))
        twin, sign = _twin(matrix, i, mirrored)
        if twin is None:
            results[i] = _sum(builder, list(zip(row, values, strict=True)))
            continue
        terms = list(zip(row, values, strict=True))
        even, odd = _sum(builder, terms[::2]), _sum(builder, terms[1::2])
        results[i] = builder.fadd(even, odd)
        results[twin] = builder.fsub(*((even, odd) if sign > 0 else (odd, even)))
    return results


def _twin(matrix: Rows, i: int, mirrored: tuple[float, ...]) -> tuple[int | None, int]:
    """Return which later row is, or is minus, the mirrored row i, and its sign."""
    if any(matrix[i][::2]) and any(matrix[i][1::2]):
        for k in range(i + 1, len(matrix)):
            for sign in (1, -1):
                if matrix[k] == tuple(sign * c for c in mirrored):
                    return k, sign
    return None, 0


def _sum(builder: ir.IRBuilder, terms: Sequence[tuple[float, Any]]) -> Any:
    """Emit Σ coefficient · vector; at least one coefficient is not 0."""
    # Those of 1 first: a sum that begins with one needs no multiplication for it.
    terms = sorted((term for term in terms if term[0]), key=lambda term: term[0] != 1)
    total: Any = None
    for coefficient, value in terms:
        constant = ir.Constant(value.type, [coefficient] * value.type.count)
        if total is None:
            total = value if coefficient == 1 else builder.fmul(constant, value)
        elif abs(coefficient) == 1:
            total = (builder.fadd if coefficient > 0 else builder.fsub)(total, value)
        else:
            total = simd.multiply_add(builder, constant, value, total)
    return total


@intrinsic  # type: ignore[untyped-decorator]
def _call(
    context: Any,
    address: Any,
    source: Any,
    zeros: Any,
    to: Any,
    starts: Any,
    strides: Any,
    sizes: Any,
) -> Any:
    """Call the compiled transform at `address`, from and to where the starts say."""
    signature = types.void(address, source, zeros, to, starts, strides, sizes)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        address, *arrays, starts, strides, sizes = arguments
        kinds = signature.args[1:4]
        return emit_call(context, builder, kinds, address, arrays, starts, [strides, sizes])

    return signature, generate


def _python(
    address: int,
    source: NDArray[Any],
    zeros: NDArray[Any],
    to: NDArray[Any],
    starts: tuple[int, int, int],
    strides: tuple[int, int, int, int],
    sizes: tuple[int, int, int, int, int, int, int],
) -> None:
    """Compute what the compiled transform does."""
    matrix = np.array(_python_matrices[address], to.dtype)
    row, column, to_row, to_column = strides
    top, bottom, left, right, rows, columns, many = sizes
    channels, points = many * simd.lanes(to.dtype), matrix.shape[1]
    grid = np.zeros((points, points, channels), to.dtype)
    for i in range(max(top, 0), min(bottom, points)):
        for j in range(max(left, 0), min(right, points)):
            place = starts[0] + i * row + j * column
            grid[i, j] = source[place : place + channels]
    result = np.einsum("ai,bj,ijc->abc", matrix, matrix, grid)
    for a in range(rows):
        for b in range(columns):
            place = starts[2] + a * to_row + b * to_column
            to[place : place + channels] = result[a, b]


transform_grid: Callable[..., None] = _python if JIT_DISABLED else _call
"""transform_grid(address, source, zeros, to, starts, strides, sizes), in a kernel, on flat arrays.

starts are those of the three arrays; strides are (source row, source column, result
row, result column); sizes are (top, bottom, left, right, rows, columns, vectors). The grid's rows
from `top` to `bottom` and columns from `left` to `right` exist, the others count as 0. The first
`rows` and `columns` of the result are written, for so many vectors of channels. ``zeros`` are as
many zeros as a row of the grid spans in the source, and are read if rows do not exist.
"""
