"""The register tile: a block of C that stays in registers for the whole reduction.

Numba alone cannot keep a block of vectors in registers, so these lines write the loop in LLVM's
language, by way of the few words of ``kernels/machine/simd.py``. The package's own tile has one
such loop for each number of rows, and masks for the columns at the edge; this one is always full.

T rows of two vectors take 2T registers; two vectors of B and a number of A take three more, and all
of them must fit: eq. 17.6.
"""

from functools import cache
from itertools import product
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchvae.kernels.machine import simd
from scratchvae.kernels.machine.numba_interior import array_data, cgutils, rolled_loop

HEIGHT = 12 if simd.registers().number == 32 else 6
"""Rows of a tile. 32 registers have room for 14, but 12 divide more sizes."""


@cache
def tile(rows: int) -> Any:
    """Return what a kernel calls to compute a tile of so many rows and two vectors of columns.

    tile(a, b, c, (a_start, b_start, c_start), (a_row, a_outer, b_step, c_row), (outer, inner))::

        C[t, j] = Σ_o Σ_l A[t·a_row + o·a_outer + l] · B[(o·inner + l)·b_step + j]       eq. 17.7
    """

    @intrinsic  # type: ignore[untyped-decorator]
    def emit(context: Any, a: Any, b: Any, c: Any, starts: Any, strides: Any, steps: Any) -> Any:
        vector = simd.vector_type(a.dtype)
        columns = [simd.INDEX(0), simd.INDEX(vector.count)]

        def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            start, stride, step = (cgutils.unpack_tuple(builder, value) for value in values[3:])
            kinds = zip(signature.args, values[:3], strict=False)
            data = [array_data(context, builder, *kind) for kind in kinds]
            a, b, c = (builder.gep(*place) for place in zip(data, zip(start), strict=True))
            sums = {p: cgutils.alloca_once(builder, vector) for p in product(range(rows), (0, 1))}
            for slot in sums.values():
                builder.store(ir.Constant(vector, None), slot)
            with cgutils.for_range(builder, step[0]) as o, rolled_loop(builder, step[1]) as k:
                at = builder.add(builder.mul(o.index, step[1]), k)
                row = builder.gep(b, [builder.mul(at, stride[2])])
                right = [simd.load(builder, builder.gep(row, [j]), vector) for j in columns]
                line = builder.gep(a, [builder.add(builder.mul(o.index, stride[1]), k)])
                for (t, v), slot in sums.items():
                    number = builder.gep(line, [builder.mul(stride[0], simd.INDEX(t))])
                    left = simd.broadcast(builder, builder.load(number), vector.count)
                    total = simd.multiply_add(builder, left, right[v], builder.load(slot))
                    builder.store(total, slot)
            for (t, v), slot in sums.items():
                line = builder.gep(c, [builder.mul(stride[3], simd.INDEX(t))])
                simd.store(builder, builder.load(slot), builder.gep(line, [columns[v]]))
            return context.get_dummy_value()

        return types.void(a, b, c, starts, strides, steps), generate

    return emit
