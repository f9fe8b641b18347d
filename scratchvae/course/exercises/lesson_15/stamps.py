"""The exercises of lesson 15 on one channel: stamps, how they overlap, and sizes.

Dimensions: an input of H by W pixels, a kernel of k by k numbers, the stride s.
"""

import numpy as np

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.validation import FloatArray


def stamp(x: FloatArray, weight: FloatArray, stride: int) -> FloatArray:
    """Return the sum of a kernel put down for each pixel, times its value: eq. 15.3, unpadded."""
    return enlarge(x, weight, 0.0, stride)


def enlarge(x: FloatArray, weight: FloatArray, bias: float, stride: int) -> FloatArray:
    """Return the stamps of ``x`` on a ground of ``bias``: eq. 15.5 for one channel, unpadded."""
    k = len(weight)
    y = np.full(_size(x, k, stride), bias)
    for i, j in np.ndindex(x.shape):
        y[stride * i : stride * i + k, stride * j : stride * j + k] += x[i, j] * weight
    return y


def coverage(size: int, window: int, stride: int) -> FloatArray:
    """Return how many stamps fall onto each pixel of a row; away from its ends, eq. 15.7.

    With random weights, the variance of an image's pixel is in proportion to the counts of its row
    and its column: eq. 15.8.
    """
    counts = np.zeros((size - 1) * stride + window)
    for i in range(size):
        counts[stride * i : stride * i + window] += 1
    return counts


def _size(x: FloatArray, window: int, stride: int) -> tuple[int, int]:
    rows, columns = x.shape
    return (rows - 1) * stride + window, (columns - 1) * stride + window


def _last_one_wins(x: FloatArray, weight: FloatArray, stride: int) -> FloatArray:
    k = len(weight)
    y = np.zeros(_size(x, k, stride))
    for i, j in np.ndindex(x.shape):
        y[stride * i : stride * i + k, stride * j : stride * j + k] = x[i, j] * weight
    return y


def _bias_in_the_stamps(x: FloatArray, weight: FloatArray, bias: float, stride: int) -> FloatArray:
    k = len(weight)
    y = np.zeros(_size(x, k, stride))
    for i, j in np.ndindex(x.shape):
        y[stride * i : stride * i + k, stride * j : stride * j + k] += x[i, j] * weight + bias
    return y


def _draw_stamps(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    stride = int(random.integers(1, 4))
    window = stride + int(random.integers(1, 3))  # so that stamps overlap
    rows, columns = random.permutation(np.arange(2, 6))[:2]
    return random.standard_normal((rows, columns)), random.standard_normal((window, window)), stride


def _draw_with_bias(random: np.random.Generator) -> tuple[FloatArray, FloatArray, float, int]:
    x, weight, stride = _draw_stamps(random)
    return x, weight, float(random.uniform(0.5, 2)), stride


def _draw_counts(random: np.random.Generator) -> tuple[int, int, int]:
    size, window, stride = (int(random.integers(*ends)) for ends in ((3, 8), (3, 7), (2, 4)))
    return size, window, stride


TRANSPOSE_OR_INVERSE = Question(
    name="transpose-or-inverse",
    kind="prove",
    answer="C",
    mistakes={
        "the name is misleading; 16 numbers cannot hold 49": "A",
        "as many numbers are not enough: a blur with a stride of 1 still blurs, and its transpose "
        "blurs once more": "B",
        "for that, all of A's columns would have to be orthogonal": "D",
    },
    hints=(
        "How many rows and columns has A, and what can its rank be at most?",
        "Two different images with the same Ax: what does any function of Ax make of them?",
    ),
)

STAMP = Exercise(
    name="stamp",
    answer=stamp,
    draw=_draw_stamps,
    mistakes={
        "where stamps overlap, the later one has replaced the earlier one: they must be added": (
            _last_one_wins
        ),
        "the kernel is flipped: a stamp is the kernel as it is": lambda x, weight, stride: stamp(
            x, weight[::-1, ::-1], stride
        ),
        "the stamps are one pixel apart; they must be a stride apart": (
            lambda x, weight, stride: np.pad(
                stamp(x, weight, 1),
                [(0, (side - 1) * (stride - 1)) for side in x.shape],
            )
        ),
    },
    hints=(
        "Begin with zeros. Go through the pixels of x, and add to k × k pixels of y for each.",
        "Pixel (i, j) stamps from row s·i and column s·j on.",
        "y[s * i : s * i + k, s * j : s * j + k] += x[i, j] * weight",
    ),
    returns=("y",),
)

PRINTED_DECODER = Question(
    name="printed-decoder",
    kind="predict",
    answer=4.0,
    within=1e-6,
    mistakes={
        "that is what it should be; follow (15.4) from a single pixel": 28.0,
        "the output padding of two of the layers adds a row": 1.0,
        "a stride of 2 does not simply double: (15.4) begins with H − 1": 8.0,
    },
    hints=(
        "Apply (15.4) three times, beginning with H = 1.",
        "H = 1: 0 · 2 − 2 + 3 + 0 = 1. The next two have q = 1.",
    ),
)

STAMPED_BIAS = Exercise(
    name="find-the-bug-in-the-stamps",
    answer=enlarge,
    planted=_bias_in_the_stamps,
    draw=_draw_with_bias,
    mistakes={
        "now the bias is missing": lambda x, weight, bias, stride: stamp(x, weight, stride),
        "the bias is multiplied by x: it must be there where x is 0 as well": (
            lambda x, weight, bias, stride: stamp(x, weight + bias, stride)
        ),
    },
    hints=(
        "What does it return for x = 0? What should it?",
        "How often is the bias added to a pixel where four stamps overlap?",
        "Once per output pixel: before the loop, or after it.",
    ),
    returns=("y",),
)

COVERAGE = Exercise(
    name="coverage",
    answer=coverage,
    draw=_draw_counts,
    mistakes={
        "that is whether there is a stamp at all; how many are there?": (
            lambda size, window, stride: np.minimum(coverage(size, window, stride), 1)
        ),
        "that is the number away from the ends, (15.7); the first and last pixels get fewer": (
            lambda size, window, stride: np.ceil(
                (window - np.arange((size - 1) * stride + window) % stride) / stride
            )
        ),
        "the stamps are a stride apart": lambda size, window, stride: np.pad(
            coverage(size, window, 1), (0, (size - 1) * (stride - 1))
        ),
    },
    hints=(
        "Stamp ones: a kernel of k ones, for each of size inputs of 1.",
        "counts[s * i : s * i + k] += 1",
    ),
    returns=("the counts",),
)

CONTRAST = Question(
    name="predict-the-contrast",
    kind="predict",
    answer=4.0,
    within=1e-6,
    mistakes={
        "that is in one direction; an image has two": 2.0,
        "variances add up: n of them make n times the variance, not n² times": 16.0,
        "(15.8) counts the stamps on a pixel, not the weights of the kernel": 9.0,
    },
    hints=(
        "Which n does (15.7) give for even and for odd u?",
        "The most covered pixels have 2 stamps in each direction, the least covered 1.",
    ),
)
