"""Two results of three taps with four multiplications.

Dimensions: any number of signals of 4 numbers, 3 taps, 2 results.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import short_convolution
from scratchvae.validation import FloatArray


def _draw_signals(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    count = int(random.integers(5, 9))
    return random.standard_normal((count, 4)), random.standard_normal((count, 3))


def _pair(
    x: FloatArray, w: FloatArray, signs: tuple[int, int, int, int] = (1, 1, 1, 1), half: float = 0.5
) -> tuple[FloatArray, FloatArray]:
    """Return products and results with other signs of m2 and m3 in the second, or another half."""
    products, _ = short_convolution(x, w)
    products = products * np.array([1, 2 * half, 2 * half, 1])
    m0, m1, m2, m3 = products.T
    first, second = m0 + signs[0] * m1 + signs[1] * m2, m1 - signs[2] * m2 + signs[3] * m3
    return products, np.stack([first, second], axis=-1)


SHORT_CONVOLUTION = Exercise(
    name="short-convolution",
    piece="short_convolution",
    answer=short_convolution,
    draw=_draw_signals,
    mistakes={
        "the halves are missing in the second and the third product": (
            lambda x, w: _pair(x, w, half=1.0)
        ),
        "in the second result the product at −1 counts with a minus, since t = −1": (
            lambda x, w: _pair(x, w, (1, 1, -1, 1))
        ),
        "the sign of the last product is wrong in the second result": (
            lambda x, w: _pair(x, w, (1, 1, 1, -1))
        ),
        "you turned the taps round: w0 meets the first number of its window": (
            lambda x, w: short_convolution(x, w[:, ::-1])
        ),
    },
    hints=(
        "The four products are given; what is asked is which of them each result is the sum of.",
        "Write out m1 + m2 and m1 − m2: one has w0 + w2, the other w1.",
        "y0 = m0 + m1 + m2. In y1, x3 occurs in m3 only.",
    ),
    returns=("the products", "the results"),
)
