"""What is counted or predicted: operations, bytes, registers, and which loop is fast.

Dimensions: M rows, K steps, N columns of a product.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question


def flops_and_bytes(rows: int, steps: int, columns: int) -> tuple[int, int]:
    """Return the operations of a float32 product, and the fewest bytes: eq. 17.1, eq. 17.2."""
    numbers = rows * steps + steps * columns + rows * columns
    return 2 * rows * steps * columns, 4 * numbers


def _draw_shape(random: np.random.Generator) -> tuple[int, int, int]:
    rows, steps, columns = unequal_sizes(random, 3, 5, 90)
    return rows, steps, columns


FLOPS_AND_BYTES = Exercise(
    name="flops-and-bytes",
    answer=flops_and_bytes,
    draw=_draw_shape,
    mistakes={
        "a multiply-add is two operations, and you counted it once": (
            lambda m, k, n: (m * k * n, 4 * (m * k + k * n + m * n))
        ),
        "K products have K − 1 additions between them; but the sum begins at 0, and (17.1) counts "
        "K of them": lambda m, k, n: (m * (2 * k - 1) * n, 4 * (m * k + k * n + m * n)),
        "those are numbers; each takes 4 bytes": (
            lambda m, k, n: (2 * m * k * n, m * k + k * n + m * n)
        ),
        "each number takes 8 bytes as a float64, but these are float32": (
            lambda m, k, n: (2 * m * k * n, 8 * (m * k + k * n + m * n))
        ),
        "the result must be written, too": lambda m, k, n: (2 * m * k * n, 4 * (m * k + k * n)),
        "that is what a loop fetches which keeps nothing: two numbers for each multiply-add; "
        "at the least, each matrix is moved once": lambda m, k, n: (2 * m * k * n, 8 * m * k * n),
    },
    hints=(
        "How many entries has C, and how many multiply-adds does each take?",
        "The matrices have M·K, K·N and M·N numbers, of 4 bytes each.",
    ),
    returns=("the operations", "the bytes"),
)

WHICH_ORDER = Question(
    name="which-order-is-fastest",
    kind="predict",
    answer="B",
    mistakes={
        "it walks down a column of B, where each number is in another cache line, and every "
        "addition waits for the one before": "A",
        "both A and C are walked down a column: each step is in another cache line": "C",
        "the arithmetic is the same; what the memory sees is not": "D",
    },
    hints=(
        "In memory, neighbours in a row are neighbours. What does the innermost loop of each walk "
        "along?",
        "Which of them walks along rows only?",
    ),
)

WHY_NO_VECTORS = Question(
    name="why-no-vectors",
    kind="explain",
    answer="B",
    mistakes={
        "nothing is written in the loop, so nothing can be overwritten": "A",
        "products are not the problem: the other loops multiply vectors": "C",
        "Numba checks no bounds unless it is asked to": "D",
    },
    hints=(
        "What would a vector of four running sums do to the order of the additions?",
        "In floating point, is (a + b) + c always a + (b + c)?",
    ),
)

ROWS_OF_A_TILE = Question(
    name="rows-of-a-tile",
    kind="predict",
    answer=14,
    within=0.01,
    mistakes={
        "a tile has whole rows only: round down": 14.5,
        "then no register is left for the number of A": 15,
        "then no register is left for the two vectors of B and the number of A": 16,
        "that is one vector of columns; the tile has two": 29,
        "that is a machine with 16 registers": 6,
    },
    hints=(
        "T rows of two vectors are 2T sums. What else must be in registers in a step?",
        "Solve (17.6) for T, and round down.",
    ),
)

SAVED_MULTIPLICATIONS = Question(
    name="saved-multiplications",
    kind="predict",
    answer=4.0,
    within=0.01,
    mistakes={
        "that is along one direction; an image has two": 2.0,
        "that is for 2×2 results": 2.25,
        "that is for 5×5 taps": 6.25,
        "that is the share that is left; by what factor are they fewer?": 0.25,
        "those are the multiplications that are left; by what factor are they fewer?": 36.0,
    },
    hints=(
        "Put m = 4 and r = 3 into (17.10).",
        "Directly, 16 results take 9 multiplications each. How many positions has the grid?",
    ),
)
