"""The exercises of lesson 14 on windows: sizes, what they see, and one channel backwards.

Dimensions: a picture of one channel, and a kernel of k by k numbers.
"""

from collections.abc import Sequence

import numpy as np

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.validation import FloatArray


def slide(x: FloatArray, weight: FloatArray) -> FloatArray:
    """Return y[i, j] = Σ weight[r, t] · x[i + r, j + t], with loops: eq. 14.1 without a bias."""
    k = len(weight)
    y = np.empty((len(x) - k + 1, x.shape[1] - k + 1))
    for i, j in np.ndindex(y.shape):
        y[i, j] = (weight * x[i : i + k, j : j + k]).sum()
    return y


def output_size(size: int, window: int, stride: int, padding: int) -> int:
    """Return how many places a window has along a side: eq. 14.3."""
    return (size + 2 * padding - window) // stride + 1


def input_gradient(dy: FloatArray, weight: FloatArray, stride: int, size: int) -> FloatArray:
    """Return dx, (size, size), as one more convolution: dilate, pad, flip, slide: eq. 14.8."""
    return _spread_and_slide(dy, weight[::-1, ::-1], stride, size)


def _spread_and_slide(dy: FloatArray, weight: FloatArray, stride: int, size: int) -> FloatArray:
    spread = np.zeros(tuple(stride * (side - 1) + 1 for side in dy.shape))
    spread[::stride, ::stride] = dy
    seen = slide(np.pad(spread, len(weight) - 1), weight)
    dx = np.zeros((size, size))
    dx[: len(seen), : seen.shape[1]] = seen
    return dx


def receptive_field(windows: Sequence[int], strides: Sequence[int]) -> int:
    """Return the side of what one number sees after so many convolutions: eq. 14.9."""
    side, step = 1, 1
    for window, stride in zip(windows, strides, strict=True):
        side += (window - 1) * step
        step *= stride
    return side


def _own_stride_too(windows: Sequence[int], strides: Sequence[int]) -> int:
    side, step = 1, 1
    for window, stride in zip(windows, strides, strict=True):
        step *= stride
        side += (window - 1) * step
    return side


def _draw_sizes(random: np.random.Generator) -> tuple[int, int, int, int]:
    # A stride of 1, too: rounding hides many a mistake from the others.
    window, stride = int(random.integers(3, 8)), int(random.integers(1, 5))
    return int(random.integers(12, 40)), window, stride, int(random.integers(1, window))


def _draw_gradient(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int, int]:
    window, stride = int(random.integers(2, 5)), int(random.integers(1, 4))
    places = int(random.integers(3, 6))
    size = stride * (places - 1) + window + int(random.integers(stride))
    dy, weight = random.standard_normal((places, places)), random.standard_normal((window, window))
    return dy, weight, stride, size


def _draw_layers(random: np.random.Generator) -> tuple[list[int], list[int]]:
    layers = int(random.integers(2, 5))
    return random.integers(3, 6, layers).tolist(), random.integers(2, 4, layers).tolist()


NUMBERS_OF_A_LAYER = Question(
    name="numbers-of-a-layer",
    kind="predict",
    answer=80.0,
    within=1e-6,
    mistakes={
        "each of the 8 outputs has a bias, too": 72.0,
        "each of the 8 kernels has its own bias: 8 of them, not one": 73.0,
        "the same kernel is used at every place: the number of pixels does not come into it": (
            80.0 * 784
        ),
    },
    hints=(
        "How many numbers has one kernel, and how many kernels are there?",
        "8 kernels of 3 × 3 numbers, and a bias for each of them.",
    ),
)

OUTPUT_SIZE = Exercise(
    name="output-size",
    answer=output_size,
    draw=_draw_sizes,
    mistakes={
        "that is the last place of the window, counted from 0: there is one more": (
            lambda size, window, stride, padding: (size + 2 * padding - window) // stride
        ),
        "that is right for a stride of 1: otherwise count the steps of the stride first, and add "
        "the place 0 after the division": (
            lambda size, window, stride, padding: (size + 2 * padding - window + 1) // stride
        ),
        "the padding is on both sides": (
            lambda size, window, stride, padding: (size + padding - window) // stride + 1
        ),
        "a window that does not fit any more is left out: round down": (
            lambda size, window, stride, padding: -(-(size + 2 * padding - window) // stride) + 1
        ),
        "the window does not fit at every pixel: its own size is missing": (
            lambda size, window, stride, padding: (size + 2 * padding) // stride
        ),
    },
    hints=(
        "The window begins at 0, s, 2s, …; where may it begin at the latest?",
        "At size + 2 padding − window. How many steps of s fit into that?",
        "// divides and rounds down. The place 0 counts as well.",
    ),
    returns=("the size",),
)

UNFLIPPED = Exercise(
    name="find-the-bug-in-the-gradient",
    answer=input_gradient,
    planted=_spread_and_slide,
    draw=_draw_gradient,
    mistakes={
        "the kernel is flipped upside down, but not left to right": (
            lambda dy, weight, stride, size: _spread_and_slide(dy, weight[::-1], stride, size)
        ),
        "the kernel is flipped left to right, but not upside down": (
            lambda dy, weight, stride, size: _spread_and_slide(dy, weight[:, ::-1], stride, size)
        ),
        "transposing is not flipping: that exchanges rows and columns": (
            lambda dy, weight, stride, size: _spread_and_slide(dy, weight.T, stride, size)
        ),
    },
    hints=(
        "It passed with a blur, which looks the same from all sides. What must be different with "
        "other kernels?",
        "Take dy with a single 1 in it. By (14.7) dx must be the kernel itself, put where the "
        "window was. What comes out instead?",
        "weight[::-1, ::-1] is the kernel upside down and left to right.",
    ),
    returns=("dx",),
)

RECEPTIVE_FIELD = Exercise(
    name="receptive-field",
    answer=receptive_field,
    draw=_draw_layers,
    mistakes={
        "that is right without strides; behind a stride, a step of one number is a step of several "
        "pixels": lambda windows, strides: 1 + sum(window - 1 for window in windows),
        "a layer's own stride only matters to the layers after it": _own_stride_too,
        "neighbouring windows overlap: each adds k − 1, not k": (
            lambda windows, strides: receptive_field([w + 1 for w in windows], strides) - 1
        ),
    },
    hints=(
        "Begin with 1. Each layer adds k − 1 of its own steps.",
        "How far apart, in pixels, are two neighbouring inputs of a layer? It is the product "
        "of all strides before it.",
        "side += (window - 1) * step, then step *= stride",
    ),
    returns=("the side",),
)

SHIFTED_DIGITS = Question(
    name="shifted-digits",
    kind="explain",
    answer="B",
    mistakes={
        "it has far fewer weights, and with few weights one can be bad as well": "A",
        "it has never seen a digit anywhere but in the middle": "C",
        "nothing in it removes a shift: its output is shifted just as far": "D",
    },
    hints=(
        "What does (14.2) say about what the network does to a shifted image?",
        "Which weight of the dense network has met a white pixel in that corner before?",
    ),
)
