"""Matrix products that leave out zeros of the left operand, for a network's first layer.

Four of five pixels of a handwritten digit are 0. Of x w, and of the weight gradient xᵀ dy, the
steps of the reduction at which a few neighbouring rows are all 0 add nothing; leaving them out
saves more than half of the time (see ``machine.skipping_tile``). Whether that pays depends on the
data, so each chunk decides it at each run: it looks through its rows of the left operand, and stops
where it has seen too few zeros. Then it computes its piece as ``matrix_product`` does.

The result does not depend on that choice. What is left out are additions of 0, the others are
made in the same order and the same blocks, so that not a bit differs but the sign of a 0. But
0 · ∞ is not 0: where the right operand is not finite, nothing is left out.
"""

from typing import Any

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
from scratchvae.kernels.matrix_product import multiply
from scratchvae.validation import Array, FloatArray

# The share of steps up to which skipping the others pays. On digits it is a third.
_MOST_STEPS = 0.85 if simd.registers().number == 32 else 0.65
_GLANCE = 8  # after this fraction of the rows, too few zeros end the search for more


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
    """Put the search for zeros, and the choice, before the kernel of a product."""
    (dense,) = tasks
    if dense.kernel is not multiply:
        return tasks  # BLAS's, which was asked for
    *_, (rows, columns, steps), (_, _, _, block, *_), _, _ = dense.arguments
    lanes = simd.lanes(out.dtype)
    if columns < lanes or not rows * steps:
        return tasks  # the tile writes whole vectors
    words, stride = -(-block // WORD), -(-rows // lanes) * lanes
    size = -(-steps // block) * words * stride
    bits = resources.memory.scratch("nonzero bits", resources.threads * size, "i8")
    cut = (block, words, stride, size, lanes, skipping_vectors())
    arguments = (skipping_tile_address(out.dtype), bits, cut, dense.arguments)
    return [Task(multiply_without_zeros, dense.nanoseconds, arguments)]


@kernel()
def multiply_without_zeros(
    chunk: int,
    chunks: int,
    skipping_tile: int,
    bits: Array,
    zero_cut: tuple[int, ...],
    dense: tuple[Any, ...],
) -> None:
    """Compute one chunk of a product, with zeros left out where that pays and changes nothing.

    `dense` are the arguments of ``multiply``. The chunks are its chunks, so that each can choose by
    itself.
    """
    if chunk == ALL:
        return run_all(chunks)
    over_rows, _, unit_row, a, b, c, _, sizes, cut, _, accumulate = dense
    (rows, columns, _), width = sizes, cut[1]
    piece = (0, rows, 0, columns)
    if over_rows:
        first, last = bounds(chunk, chunks, rows)
        piece = (first, last, 0, columns)
    else:
        first, last = bounds(chunk, chunks, (columns + width - 1) // width)
        piece = (0, rows, first * width, min(last * width, columns))
    if _can_skip(unit_row, a, b, bits, chunk, piece, sizes, zero_cut):
        _skip(skipping_tile, unit_row, a, b, c, bits, chunk, piece, sizes, zero_cut, accumulate)
    else:
        multiply(chunk, chunks, *dense)


@kernel(inside=True)
def _can_skip(
    unit_row: bool,
    a: Array,
    b: Array,
    bits: Array,
    chunk: int,
    piece: tuple[int, ...],
    sizes: tuple[int, ...],
    cut: tuple[int, ...],
) -> bool:
    """Write the bits of the piece's rows; return whether steps may be skipped, and it pays."""
    first, last, left, right = piece
    (_, columns, steps), lanes = sizes, cut[4]
    if right - left < lanes:
        return False
    # Whole tiles at a time and, where rows are side by side, whole vectors.
    unit = ROWS * lanes if unit_row else ROWS
    whole = (last - first) // ROWS * steps
    seen, needed = 0, 0  # steps of the tiles so far
    for row in range(first, last, unit):
        if needed > _MOST_STEPS * seen and seen * _GLANCE > whole:
            return False
        tall = min(unit, last - row)
        needed += _write_bits(unit_row, a, bits, chunk, row - first, row, tall, sizes, cut)
        seen += (tall + ROWS - 1) // ROWS * steps
    if needed > _MOST_STEPS * seen:
        return False
    if right - left == columns:
        return all_finite(b, 0, steps * columns)
    finite = True
    for step in range(steps):
        finite = finite and all_finite(b, step * columns + left, right - left)
    return finite


@kernel(inside=True)
def _write_bits(
    unit_row: bool,
    a: Array,
    bits: Array,
    chunk: int,
    to: int,
    first: int,
    tall: int,
    sizes: tuple[int, ...],
    cut: tuple[int, ...],
) -> int:
    """Write the bits of `tall` rows from `first`, and return how many steps their tiles need."""
    rows, _, steps = sizes
    block, words, stride, size, lanes, _ = cut
    needed = 0
    for k in range(0, steps, block):
        deep, word = min(block, steps - k), chunk * size + k // block * words * stride + to
        if unit_row:
            for step in range(0, deep, WORD):
                for t in range(0, tall, lanes):
                    place = (word + step // WORD * stride + t, first + t + (k + step) * rows, rows)
                    bits_of_rows(bits, a, place, (min(WORD, deep - step), min(lanes, tall - t)))
        else:
            for t in range(tall):
                bits_of_steps(bits, a, (word + t, (first + t) * steps + k, stride), deep)
        for at in range(word, word + (deep + WORD - 1) // WORD * stride, stride):
            for t in range(0, tall, ROWS):
                joined = bits[at + t]
                for other in range(t + 1, min(t + ROWS, tall)):
                    joined |= bits[at + other]
                needed += count_bits(joined)
    return needed


@kernel(inside=True)
def _skip(
    tile: int,
    unit_row: bool,
    a: Array,
    b: Array,
    c: Array,
    bits: Array,
    chunk: int,
    piece: tuple[int, ...],
    sizes: tuple[int, ...],
    cut: tuple[int, ...],
    accumulate: bool,
) -> None:
    """Compute the piece from its bits: in the blocks of ``multiply``, so that sums are the same."""
    first, last, left, right = piece
    rows, columns, steps = sizes
    block, words, stride, size, lanes, vectors = cut
    a_row, a_step = (1, rows) if unit_row else (steps, 1)
    across = (right - left + lanes - 1) // lanes
    strips = (across + vectors - 1) // vectors
    for k in range(0, steps, block):
        deep = min(block, steps - k)
        adds = 1 if accumulate or k > 0 else 0
        for row in range(first, last, ROWS):
            word = chunk * size + k // block * words * stride + row - first
            start = row * a_row + k * a_step
            for s in range(strips):
                # Strips of nearly equal width: none is a part of a vector by itself.
                near = left + across * s // strips * lanes
                far = min(left + across * (s + 1) // strips * lanes, right)
                run_skipping_tile(
                    tile,
                    bits,
                    a,
                    b,
                    c,
                    (word, start, k * columns + near, row * columns + near),
                    (stride, a_row, a_step, columns, columns),
                    ((deep + WORD - 1) // WORD, min(ROWS, last - row), far - near, adds),
                )
