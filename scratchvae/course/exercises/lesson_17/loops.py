"""Loops to write, and one to mend: blocks, the register tile, and sums on several threads.

Dimensions: M rows, K steps, N columns of a product; T rows and W columns of a tile.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import blocked_product
from scratchvae.validation import FloatArray

_THREADS = range(1, 7)
_PIECES = 8


class _Watched(np.ndarray[Any, np.dtype[np.float64]]):
    """An array that notes how large those are that it is used with in an operation."""

    noted: list[int]

    def __array_finalize__(self, source: Any) -> None:
        self.noted = getattr(source, "noted", [])

    def _note(self, arguments: Any) -> list[Any]:
        plain = []
        for argument in arguments:
            if isinstance(argument, _Watched):
                self.noted.append(argument.size)
            plain.append(np.asarray(argument) if isinstance(argument, _Watched) else argument)
        return plain

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **settings: Any) -> Any:
        settings = {name: _plain(value) for name, value in settings.items()}
        return getattr(ufunc, method)(*self._note(inputs), **settings)

    def __array_function__(self, function: Any, types: Any, given: Any, settings: Any) -> Any:
        return function(*self._note(given), **settings)

    def dot(self, other: Any, out: Any = None) -> Any:
        """Multiply as ``np.dot``, which notes it."""
        return np.dot(self, other)


def _plain(value: Any) -> Any:
    return tuple(np.asarray(each) for each in value) if isinstance(value, tuple) else value


def _in_blocks(function: Any) -> Callable[..., Any]:
    def run(a: FloatArray, b: FloatArray, size: int) -> Any:
        watched = [array.view(_Watched) for array in (a, b)]
        noted: list[int] = []
        for array in watched:
            array.noted = noted
        product = function(*watched, size)
        if product is None or product is ...:
            return product
        return np.asarray(product), float(max(noted, default=0) <= size**2)

    return run


def _draw_matrices(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    rows, steps, columns = unequal_sizes(random, 3, 7, 14)
    a, b = random.standard_normal((rows, steps)), random.standard_normal((steps, columns))
    return a, b, int(random.integers(2, 5))


def _blocks(
    a: FloatArray, b: FloatArray, size: int, *, whole: bool = False, adds: bool = True
) -> FloatArray:
    """Return the product with a mistake: only whole blocks, or the last block of steps alone."""
    (rows, steps), columns = a.shape, b.shape[1]
    c = np.zeros((rows, columns))
    ends = [end // size * size if whole else end for end in (rows, steps, columns)]
    for i in range(0, ends[0], size):
        for j in range(0, ends[2], size):
            for k in range(0, ends[1], size):
                block = a[i : i + size, k : k + size] @ b[k : k + size, j : j + size]
                c[i : i + size, j : j + size] = block + adds * c[i : i + size, j : j + size]
    return c


BLOCKED_PRODUCT = Exercise(
    name="blocked-product",
    piece="blocked_product",
    answer=blocked_product,
    use=_in_blocks,
    draw=_draw_matrices,
    mistakes={
        "the product is right, but not made of blocks: no operand may have more than size × size "
        "numbers, so rows, columns and steps are all cut": lambda a, b, size: a @ b,
        "where size does not divide a side, its last rows or columns are left out: the last block "
        "is smaller": lambda a, b, size: _blocks(a, b, size, whole=True),
        "each block of steps overwrites what the one before has put into C: add it": (
            lambda a, b, size: _blocks(a, b, size, adds=False)
        ),
    },
    hints=(
        "Three loops, each range(0, …, size): over rows, columns and steps.",
        "A slice that goes beyond the end stops there, so the last blocks need no care.",
        "c[i : i + size, j : j + size] += a[i : i + size, k : k + size] @ "
        "b[k : k + size, j : j + size]",
    ),
    returns=("the product", "whether all operands are blocks"),
)


def register_tile(
    a: FloatArray, b: FloatArray, start: int, strides: tuple[int, int], steps: tuple[int, int],
    rows: int, width: int,
) -> FloatArray:  # fmt: skip
    """Return a tile (T, W) of flat arrays a and b, by outer products: eq. 17.7."""
    (a_row, a_outer), (outer, inner) = strides, steps
    tile = np.zeros((rows, width))
    for o in range(outer):
        for k in range(inner):
            column = a[start + o * a_outer + k + a_row * np.arange(rows)]
            row = b[(o * inner + k) * width :][:width]
            tile += column[:, None] * row
    return tile


def _draw_tile(random: np.random.Generator) -> tuple[Any, ...]:
    rows, width, outer, inner = unequal_sizes(random, 4, 2, 6)
    start, a_row, a_outer = (int(number) for number in random.permutation(np.arange(7, 11))[:3])
    reach = start + (rows - 1) * a_row + (outer - 1) * a_outer + inner
    most = start + (rows + outer) * (a_row + a_outer) + inner * (a_row + 1)
    a = random.standard_normal(max(reach, most))
    b = random.standard_normal(outer * inner * width)
    return a, b, start, (a_row, a_outer), (outer, inner), rows, width


def _overlapping(b: FloatArray, steps: tuple[int, int], width: int) -> FloatArray:
    """Return the rows o + l of b, in the order in which the steps read them."""
    outer, inner = np.indices(steps)
    rows: FloatArray = b.reshape(-1, width)[outer + inner].ravel()
    return rows


REGISTER_TILE = Exercise(
    name="register-tile",
    answer=register_tile,
    draw=_draw_tile,
    mistakes={
        "a is read from its beginning: the tile begins at start": lambda a, b, start, *rest: (
            register_tile(a, b, 0, *rest)
        ),
        "the two strides of a are exchanged: a_row leads to the next row of the tile, a_outer to "
        "the next turn of the outer loop": lambda a, b, start, strides, *rest: register_tile(
            a, b, start, strides[::-1], *rest
        ),
        "b starts again in each turn of the outer loop; it goes on, to step o·inner + l": (
            lambda a, b, start, strides, steps, rows, width: register_tile(
                a, np.tile(b[: steps[1] * width], steps[0]), start, strides, steps, rows, width
            )
        ),
        "b goes on from one turn of the outer loop to the next, by all inner steps: o·inner + l": (
            lambda a, b, start, strides, steps, rows, width: register_tile(
                a, _overlapping(b, steps, width), start, strides, steps, rows, width
            )
        ),
        "only the first turn of the outer loop is in it": (
            lambda a, b, start, strides, steps, rows, width: register_tile(
                a, b, start, strides, (1, steps[1]), rows, width
            )
        ),
        "each step overwrites the tile: it is a sum over all steps": (
            lambda a, b, start, strides, steps, rows, width: np.outer(
                a[
                    start
                    + (steps[0] - 1) * strides[1]
                    + steps[1]
                    - 1
                    + strides[0] * np.arange(rows)
                ],
                b[-width:],
            )
        ),
    },
    hints=(
        "Two loops, over o and over l. In each step, one number of a for each row, and one row of "
        "b with `width` numbers.",
        "The rows' numbers are a[start + o * a_outer + l + a_row * np.arange(rows)].",
        "The row of b begins at (o * inner + l) * width. Add np.outer of the two.",
    ),
    returns=("the tile",),
)


def total(x: FloatArray, threads: int) -> float:
    """Return the sum of x, cut into a number of pieces that does not depend on the threads."""
    pieces, sums = np.array_split(x, _PIECES), np.zeros(_PIECES)
    for thread in range(threads):
        for place in range(thread, _PIECES, threads):
            sums[place] = pieces[place].sum()
    return float(sums.sum())


def _planted_total(x: FloatArray, threads: int) -> float:
    pieces, result = np.array_split(x, threads), 0.0
    for piece in pieces:
        result += float(piece.sum())
    return result


def _with_several_threads(function: Any) -> Callable[..., Any]:
    def run(x: FloatArray) -> Any:
        sums = [function(x, threads) for threads in _THREADS]
        if any(each is None or each is ... for each in sums):
            return None
        found = np.array(sums, np.float64)
        return found, float((found != found[0]).any())

    return run


def _draw_numbers(random: np.random.Generator) -> tuple[FloatArray]:
    # Of both signs and many sizes: in another order, sums of these differ in some bit.
    count = int(random.integers(900, 1000))
    return (random.standard_normal(count) * np.exp(random.uniform(-8, 0, count)),)


SAME_BITS = Exercise(
    name="same-bits",
    answer=total,
    use=_with_several_threads,
    draw=_draw_numbers,
    planted=_planted_total,
    mistakes={
        "the bits stay, but it is not the sum: some pieces are left out": (
            lambda x, threads: float(np.array_split(x, _PIECES)[0].sum())
        ),
        "the bits stay, but it is the mean": lambda x, threads: float(x.mean()),
        "with more threads, pieces are left out: each piece must be somebody's": (
            lambda x, threads: float(sum(p.sum() for p in np.array_split(x, _PIECES)[::threads]))
        ),
    },
    hints=(
        "Rounding depends on how the numbers are grouped. What decides that here?",
        "Cut x into a number of pieces that is always the same. The threads share them out.",
        "Whoever has computed the sums of the pieces, add them in the order of the pieces.",
    ),
    returns=("the sums", "whether they differ"),
)
