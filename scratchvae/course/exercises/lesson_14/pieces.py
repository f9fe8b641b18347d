"""What lesson 14 adds to the reader's own program: patches, their sum, and a convolution.

Dimensions: N images of H by W pixels, C channels in and O out, a window of k by k.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.mistaken_layers import (
    accumulating,
    first_batch,
    flipped,
    mean_of_bias,
    mean_twice,
    without_bias,
)
from scratchvae.course.program import Conv2D, add_patches, patches
from scratchvae.validation import FloatArray


def _draw_images(random: np.random.Generator) -> tuple[FloatArray, int, int, int]:
    count, height, width, channels = unequal_sizes(random, 4, 2, 8)
    window, stride = int(random.integers(2, 4)), int(random.integers(1, 3))
    padding = int(random.integers(1, window))
    x = random.standard_normal((count, height + 2, width + 2, channels))
    return x, window, stride, padding


def _draw_parts(random: np.random.Generator) -> tuple[FloatArray, tuple[int, ...], int, int]:
    x, window, stride, padding = _draw_images(random)
    padding -= int(random.integers(2))  # none at all in some of the draws
    shape = patches(x, window, stride, padding).shape
    return random.standard_normal(shape), x.shape, stride, padding


def _channels_before_window(
    x: FloatArray, window: int, stride: int = 1, padding: int = 0
) -> FloatArray:
    return patches(x, window, stride, padding).transpose(0, 1, 2, 5, 3, 4)


def _columns_before_rows(
    x: FloatArray, window: int, stride: int = 1, padding: int = 0
) -> FloatArray:
    return patches(x, window, stride, padding).transpose(0, 1, 2, 4, 3, 5)


PATCHES = Exercise(
    name="patches",
    piece="patches",
    answer=patches,
    draw=_draw_images,
    mistakes={
        "the padding is missing": lambda x, window, stride, padding: patches(x, window, stride),
        "the stride is missing: that is a patch for every pixel": (
            lambda x, window, stride, padding: patches(x, window, 1, padding)
        ),
        "these are the patches, with the channels before the window; channels come last": (
            _channels_before_window
        ),
        "the rows and columns of each window are exchanged": _columns_before_rows,
    },
    hints=(
        "np.pad(x, ((0, 0), (p, p), (p, p), (0, 0))) puts zeros around the images, not around the "
        "batch or the channels.",
        "np.lib.stride_tricks.sliding_window_view(padded, (k, k), axis=(1, 2)) has every window, "
        "of stride 1, in two new axes at the end: (N, rows, columns, C, k, k).",
        "[:, ::stride, ::stride] leaves the places of the stride, and .transpose(0, 1, 2, 4, 5, 3) "
        "puts the channels last.",
    ),
    returns=("the patches",),
)


def _last_one_wins(
    parts: FloatArray, shape: tuple[int, ...], stride: int = 1, padding: int = 0
) -> FloatArray:
    count, height, width, channels = shape
    padded = np.zeros((count, height + 2 * padding, width + 2 * padding, channels))
    for _, i, j, *_ in np.ndindex(1, *parts.shape[1:3]):
        down = slice(stride * i, stride * i + parts.shape[3])
        across = slice(stride * j, stride * j + parts.shape[3])
        padded[:, down, across] = parts[:, i, j]
    return padded[:, padding : padding + height, padding : padding + width]


def _last_tap_wins(
    parts: FloatArray, shape: tuple[int, ...], stride: int = 1, padding: int = 0
) -> FloatArray:
    count, height, width, channels = shape
    padded = np.zeros((count, height + 2 * padding, width + 2 * padding, channels))
    for r, t in np.ndindex(parts.shape[3:5]):
        down = slice(r, r + stride * parts.shape[1], stride)
        across = slice(t, t + stride * parts.shape[2], stride)
        padded[:, down, across] = parts[:, :, :, r, t]
    return padded[:, padding : padding + height, padding : padding + width]


def _with_the_edge(
    parts: FloatArray, shape: tuple[int, ...], stride: int = 1, padding: int = 0
) -> FloatArray:
    count, height, width, channels = shape
    larger = count, height + 2 * padding, width + 2 * padding, channels
    return add_patches(parts, larger, stride)


def _nothing_left(
    parts: FloatArray, shape: tuple[int, ...], stride: int = 1, padding: int = 0
) -> FloatArray:
    images = add_patches(parts, shape, stride, padding)
    return images if padding else images[:, :0, :0]


ADD_PATCHES = Exercise(
    name="add-patches",
    piece="add_patches",
    answer=add_patches,
    draw=_draw_parts,
    mistakes={
        "where patches overlap, the later one has replaced the earlier one: they must be added, "
        "with +=": _last_one_wins,
        "where patches overlap, the last number has replaced the others: they must be added, with "
        "+=": _last_tap_wins,
        "the rows and columns of each window are exchanged": (
            lambda parts, shape, stride, padding: add_patches(
                parts.transpose(0, 1, 2, 4, 3, 5), shape, stride, padding
            )
        ),
        "the padding is still on it: cut it off": _with_the_edge,
        "it is right but for a padding of 0, where nothing is left: padded[:, p:-p] is empty then, "
        "so end the slice at p + H": _nothing_left,
    },
    hints=(
        "Begin with zeros, as large as the padded images. Go through the k × k places (r, t) of a "
        "window: each of them met one pixel per output pixel, all a stride apart.",
        "padded[:, r : r + s * rows : s, t : t + s * columns : s] += parts[:, :, :, r, t]",
        "At the end cut the padding off: padded[:, p : p + H, p : p + W].",
    ),
    returns=("the images",),
)


def _used_conv(kind: Any) -> Callable[..., Any]:
    def run(
        x: FloatArray,
        weight: FloatArray,
        bias: FloatArray,
        dy: FloatArray,
        stride: int,
        padding: int,
    ) -> Any:
        window, _, inputs, outputs = weight.shape
        layer = kind(inputs, outputs, window, np.random.default_rng(0), stride, padding)
        layer.parameters["weight"][...] = weight
        layer.parameters["bias"][...] = bias
        # Another batch goes first: what is kept of it must not show in the next.
        if layer.forward(1 - x[::-1]) is None or layer.backward(dy[::-1].copy()) is None:
            return None
        y = layer.forward(x)
        dx, gradients = layer.backward(dy), layer.gradients
        return y, dx, gradients.get("weight"), gradients.get("bias")

    return run


def _draw_conv(random: np.random.Generator) -> tuple[Any, ...]:
    count, inputs, outputs, height, width = unequal_sizes(random, 5, 2, 8)
    window, stride = int(random.integers(2, 4)), int(random.integers(1, 3))
    padding = int(random.integers(1, window))
    x = random.standard_normal((count, height + 2, width + 2, inputs))
    weight = random.standard_normal((window, window, inputs, outputs))
    places = patches(x, window, stride, padding).shape[:3]
    dy = random.standard_normal((*places, outputs))
    return x, weight, random.standard_normal(outputs), dy, stride, padding


CONV_LAYER = Exercise(
    name="conv-layer",
    piece="Conv2D",
    answer=Conv2D,
    use=_used_conv,
    draw=_draw_conv,
    mistakes={
        "forwards, the bias is missing": without_bias(Conv2D),
        "the gradients of weight and bias are divided by the number of images; the mean is taken "
        "once, by the loss": mean_twice(Conv2D),
        "the bias's gradient is a sum over images and pixels, not their mean": mean_of_bias(Conv2D),
        "you flipped the kernel; (14.4) takes it as it is": flipped(Conv2D),
        "the gradients of one batch are added to those of the batch before: backward must fill "
        "them anew, with = and not +=": accumulating(Conv2D),
        "backward uses what forward kept of an earlier batch: keep it anew in every call": (
            first_batch(Conv2D, "rows")
        ),
    },
    hints=(
        "forward: patches as rows, .reshape(-1, k * k * C), times the weight as a matrix, plus the "
        "bias; then back to (N, H', W', O). Keep the rows and the shape of x.",
        "backward: with dy as rows, .reshape(-1, O), the weight's and the bias's gradients are "
        "those of Dense. Give the weight's its shape back.",
        "dy's rows times the transposed weight are the gradients at the patches: reshape them to "
        "(N, H', W', k, k, C), and add_patches does the rest.",
    ),
    returns=("y", "dx", "the weight's gradient", "the bias's gradient"),
)
