"""Panels: B copied so that the tile reads whole vectors, one step after the other in memory.

A panel holds `panel_columns` columns of B: step l is the `panel_columns` numbers from
``l * panel_columns``. Columns that B does not have are 0. A panel that fits in the first-level
cache is used once for every T rows of A, so that copying it costs little and saves much: in B
itself two steps may be pages apart.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchvae.kernels.machine import simd
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED, array_data, cgutils
from scratchvae.kernels.machine.tile import VECTORS, panel_columns
from scratchvae.validation import Array


@intrinsic  # type: ignore[untyped-decorator]
def _pack(context: Any, panel: Any, panel_start: Any, b: Any, place: Any, sizes: Any) -> Any:
    signature = types.void(panel, panel_start, b, place, sizes)
    vector = simd.vector_type(b.dtype)

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        panel, source, step, steps, columns = _unpack(context, builder, signature, arguments)
        whole = builder.icmp_signed("==", columns, simd.INDEX(VECTORS * vector.count))
        with builder.if_else(whole) as (all_columns, some_columns):
            for masked, branch in ((False, all_columns), (True, some_columns)):
                with branch, cgutils.for_range(builder, steps) as loop:
                    row = builder.gep(source, [builder.mul(loop.index, step)])
                    for v in range(VECTORS):
                        offset = simd.INDEX(v * vector.count)
                        pointer = builder.gep(row, [offset])
                        if masked:
                            mask = simd.first_lanes(builder, builder.sub(columns, offset), vector)
                            value = simd.masked_load(builder, pointer, mask, vector)
                        else:
                            value = simd.load(builder, pointer, vector)
                        to = builder.mul(loop.index, simd.INDEX(VECTORS * vector.count))
                        simd.store(builder, value, builder.gep(panel, [builder.add(to, offset)]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def _pack_transposed(
    context: Any, panel: Any, panel_start: Any, b: Any, place: Any, sizes: Any
) -> Any:
    signature = types.void(panel, panel_start, b, place, sizes)
    vector = simd.vector_type(b.dtype)
    lanes = vector.count

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
        panel, source, step, steps, columns = _unpack(context, builder, signature, arguments)
        width = simd.INDEX(lanes)
        blocks = builder.sdiv(builder.add(steps, simd.INDEX(lanes - 1)), width)
        with (
            cgutils.for_range(builder, simd.INDEX(VECTORS)) as v,
            cgutils.for_range(builder, blocks) as block,
        ):
            first, column = builder.mul(block.index, width), builder.mul(v.index, width)
            rows = []
            for i in range(lanes):
                j = builder.add(column, simd.INDEX(i))
                exists = builder.icmp_signed("<", j, columns)
                left = builder.select(exists, builder.sub(steps, first), simd.INDEX(0))
                mask = simd.first_lanes(builder, left, vector)
                row = builder.gep(source, [builder.add(builder.mul(step, j), first)])
                rows.append(simd.masked_load(builder, row, mask, vector))
            for i, row in enumerate(simd.transpose(builder, rows)):
                above = builder.add(first, simd.INDEX(i))
                to = builder.add(builder.mul(above, simd.INDEX(VECTORS * lanes)), column)
                simd.store(builder, row, builder.gep(panel, [to]))
        return context.get_dummy_value()

    return signature, generate


def _unpack(context: Any, builder: ir.IRBuilder, signature: Any, arguments: Any) -> Any:
    panel, panel_start, b, place, sizes = arguments
    to = builder.gep(array_data(context, builder, signature.args[0], panel), [panel_start])
    start, step = cgutils.unpack_tuple(builder, place)
    source = builder.gep(array_data(context, builder, signature.args[2], b), [start])
    return to, source, step, *cgutils.unpack_tuple(builder, sizes)


def _python(transposed: bool) -> Callable[..., None]:
    """Return what packs without a compiler."""

    def copy(
        panel: Array, panel_start: int, b: Array, place: tuple[int, int], sizes: tuple[int, int]
    ) -> None:
        (start, step), (steps, columns) = place, sizes
        down, across = (1, step) if transposed else (step, 1)
        width = panel_columns(panel.dtype)
        for i in range(steps):
            to, source = panel_start + i * width, start + i * down
            panel[to : to + columns] = b[source : source + columns * across : across]
            panel[to + columns : to + width] = 0

    return copy


pack: Callable[..., None] = _python(False) if JIT_DISABLED else _pack
"""pack(panel, panel_start, b, (start, step), (steps, columns)), in a kernel: step l of the
panel is the `columns` numbers of the flat array b from start + l·step."""

pack_transposed: Callable[..., None] = _python(True) if JIT_DISABLED else _pack_transposed
"""pack_transposed(panel, panel_start, b, (start, step), (steps, columns)), in a kernel: number j of
step l is that of b at start + j·step + l. The panel must have memory for the steps rounded up to a
whole vector: what lies between is overwritten."""
