"""Matrix products that leave out zeros of the left operand, for a network's first layer.

Four of five pixels of a handwritten digit are 0. Of x w, and of the weight gradient xᵀ dy, the
steps of the reduction at which a few neighbouring rows are all 0 add nothing; leaving them out
saves more than half of the time (see ``machine.skipping_tile``). Whether that pays depends on the
data, so it is decided at each run, by a first task that looks through the left operand and stops as
soon as it has seen too few zeros. Then the second task computes the product as ``matrix_product``
does.

The result does not depend on that choice. What is left out are additions of 0, the others are
made in the same order and the same blocks, so that not a bit differs but the sign of a 0. But
0 · ∞ is not 0: the first task also looks whether the right operand is finite, and if it is not,
nothing is left out.
"""

from scratchvae.kernels import matrix_product
from scratchvae.kernels.machine import simd
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.nonzero_bits import (
    WORD,
    all_finite,
    bits_of_rows,
    bits_of_steps,
    count_bits,
)
from scratchvae.kernels.machine.skipping_tile import (
    ROWS,
    run_skipping_tile,
    skipping_tile_address,
    skipping_vectors,
)
from scratchvae.kernels.machine.tasks import Resources, Task
from scratchvae.validation import Array, FloatArray

# The share of steps up to which skipping the others pays. On digits it is a third.
_MOST_STEPS = 0.85 if simd.registers().number == 32 else 0.65
_GLANCE = 8  # after this fraction of the rows, too few zeros end the search for more
_LOOKING_NANOSECONDS = 0.1  # a number, roughly


def matmul_tasks(
    resources: Resources, a: FloatArray, b: FloatArray, out: FloatArray, accumulate: bool = False
) -> list[Task]:
    """Return tasks that write a b to ``out``, or add it, as ``matrix_product.matmul_tasks`` do."""
    tasks = matrix_product.matmul_tasks(resources, a, b, out, accumulate)
    return _skipping(resources, tasks, out)


def matmul_transposed_left_tasks(
    resources: Resources, x: FloatArray, dy: FloatArray, out: FloatArray, accumulate: bool = False
) -> list[Task]:
    """Return tasks for xᵀ dy, as ``matrix_product.matmul_transposed_left_tasks`` does."""
    tasks = matrix_product.matmul_transposed_left_tasks(resources, x, dy, out, accumulate)
    return _skipping(resources, tasks, out)


def _skipping(resources: Resources, tasks: list[Task], out: FloatArray) -> list[Task]:
    """Put the search for zeros before the task of a product, and a choice into the task itself."""
    (dense,) = tasks
    _, _, unit_row, a, b, _, _, (rows, columns, steps), (_, _, _, block, *_), *_ = dense.arguments
    lanes = simd.lanes(out.dtype)
    if columns < lanes or not rows * steps:
        return tasks  # the tile writes whole vectors
    # Rows are looked through in units of whole tiles and, where they lie side by side, of vectors.
    unit = ROWS * lanes if unit_row else ROWS
    units = -(-rows // unit)
    words, stride = -(-block // WORD), units * unit
    bits = resources.memory.scratch("nonzero bits", -(-steps // block) * words * stride, "i8")
    skips = resources.memory.scratch("skips zeros", units, "?")
    sizes, cut = (rows, columns, steps), (block, units, unit, words, stride, lanes)
    search = (unit_row, a, b, bits, skips, sizes, cut)
    choice = (skipping_tile_address(out.dtype), skipping_vectors(), bits, skips, cut)
    return [
        Task(look_for_zeros, _LOOKING_NANOSECONDS * a.size, search),
        Task(multiply_without_zeros, dense.nanoseconds, (*choice, *dense.arguments)),
    ]


@kernel()
def look_for_zeros(
    chunk: int,
    chunks: int,
    unit_row: bool,
    a: Array,
    b: Array,
    bits: Array,
    skips: Array,
    sizes: tuple[int, ...],
    cut: tuple[int, ...],
) -> None:
    """Write the bits of some units of rows, and for each whether steps may be skipped.

    They may where that pays, and where the unit's share of B is finite.
    """
    if chunk == ALL:
        return run_all(chunks)
    rows, _, steps = sizes
    _, units, unit, _, _, _ = cut
    own = rows * steps // chunks
    seen, needed = 0, 0  # steps of the tiles so far
    for u in range(chunk, units, chunks):
        if needed > _MOST_STEPS * seen and seen * ROWS * _GLANCE > own:
            break
        first, last = u * unit, min((u + 1) * unit, rows)
        needed += _write_bits(unit_row, a, bits, first, last, sizes, cut)
        seen += (last - first + ROWS - 1) // ROWS * steps
    pays = needed <= _MOST_STEPS * seen
    for u in range(chunk, units, chunks):
        start, end = bounds(u, units, b.size)
        skips[u] = pays and all_finite(b, start, end - start)


@kernel(inside=True)
def _write_bits(
    unit_row: bool,
    a: Array,
    bits: Array,
    first: int,
    last: int,
    sizes: tuple[int, ...],
    cut: tuple[int, ...],
) -> int:
    """Write the bits of a unit of rows, and return how many steps its tiles need."""
    rows, _, steps = sizes
    block, _, _, words, stride, lanes = cut
    needed = 0
    for k in range(0, steps, block):
        deep, word = min(block, steps - k), k // block * words * stride
        if unit_row:
            for step in range(0, deep, WORD):
                to, size = word + step // WORD * stride, min(WORD, deep - step)
                for row in range(first, last, lanes):
                    place = (to + row, row + (k + step) * rows, rows)
                    bits_of_rows(bits, a, place, (size, min(lanes, last - row)))
        else:
            for row in range(first, last):
                bits_of_steps(bits, a, (word + row, row * steps + k, stride), deep)
        for place in range(word, word + (deep + WORD - 1) // WORD * stride, stride):
            for row in range(first, last, ROWS):
                joined = bits[place + row]
                for other in range(row + 1, min(row + ROWS, last)):
                    joined |= bits[place + other]
                needed += count_bits(joined)
    return needed


@kernel()
def multiply_without_zeros(
    chunk: int,
    chunks: int,
    skipping_tile: int,
    vectors: int,
    bits: Array,
    skips: Array,
    zero_cut: tuple[int, ...],
    over_rows: bool,
    tile: int,
    unit_row: bool,
    a: Array,
    b: Array,
    c: Array,
    buffer: Array,
    sizes: tuple[int, ...],
    cut: tuple[int, ...],
    transposed: bool,
    accumulate: bool,
) -> None:
    """Compute one chunk of a product: every so many tiles of rows, or what ``multiply`` does."""
    if chunk == ALL:
        return run_all(chunks)
    block, units, _, words, stride, lanes = zero_cut
    for u in range(units):
        if not skips[u]:
            matrix_product.multiply(
                chunk,
                chunks,
                over_rows,
                tile,
                unit_row,
                a,
                b,
                c,
                buffer,
                sizes,
                cut,
                transposed,
                accumulate,
            )
            return
    rows, columns, steps = sizes
    a_row, a_step = (1, rows) if unit_row else (steps, 1)
    first_vector, last_vector = 0, (columns + lanes - 1) // lanes
    first_row, row_step = 0, ROWS
    if last_vector >= chunks * vectors // 2:
        # Each chunk has its own columns of B to fetch.
        first_vector, last_vector = bounds(chunk, chunks, last_vector)
    else:
        # The rows in the middle of an image have more to do: each chunk takes some everywhere.
        first_row, row_step = chunk * ROWS, chunks * ROWS
    across = last_vector - first_vector
    strips = (across + vectors - 1) // vectors
    for k in range(0, steps, block):
        deep = min(block, steps - k)
        adds = 1 if accumulate or k > 0 else 0
        for row in range(first_row, rows, row_step):
            word, start = k // block * words * stride + row, row * a_row + k * a_step
            for s in range(strips):
                # Strips of nearly equal width: none is a part of a vector by itself.
                left = (first_vector + across * s // strips) * lanes
                right = min((first_vector + across * (s + 1) // strips) * lanes, columns)
                run_skipping_tile(
                    skipping_tile,
                    bits,
                    a,
                    b,
                    c,
                    (word, start, k * columns + left, row * columns + left),
                    (stride, a_row, a_step, columns, columns),
                    ((deep + WORD - 1) // WORD, min(ROWS, rows - row), right - left, adds),
                )
