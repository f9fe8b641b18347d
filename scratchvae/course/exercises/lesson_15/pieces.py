"""What lesson 15 adds to the reader's own program: a transposed convolution.

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
from scratchvae.course.program import ConvTranspose2D, output_padding
from scratchvae.validation import FloatArray


def _used_sides(function: Any) -> Callable[..., Any]:
    def run(before: int, window: int, stride: int, padding: int) -> Any:
        smallest = (before - 1) * stride - 2 * padding + window
        afters = range(smallest - 2, smallest + stride + 1)  # two below, one above
        found = [function(before, after, window, stride, padding) for after in afters]
        return None if found[0] is None else np.array(found)

    return run


def _draw_sides(random: np.random.Generator) -> tuple[int, int, int, int]:
    before, window, stride = (int(random.integers(*ends)) for ends in ((4, 12), (3, 6), (2, 4)))
    return before, window, stride, int(random.integers(1, window))


OUTPUT_PADDING = Exercise(
    name="output-padding",
    piece="output_padding",
    answer=output_padding,
    use=_used_sides,
    draw=_draw_sides,
    mistakes={
        "the formula for q is right; return -1 where q is below 0, or not below the stride": (
            lambda before, after, window, stride, padding: (
                after - ((before - 1) * stride - 2 * padding + window)
            )
        ),
        "the padding is cut off on both sides": (
            lambda before, after, window, stride, padding: output_padding(
                before, after - padding, window, stride, padding
            )
        ),
        "the first stamp needs no step, so there are before − 1 steps of the stride": (
            lambda before, after, window, stride, padding: output_padding(
                before + 1, after, window, stride, padding
            )
        ),
        "a q as large as the stride is too large: a convolution would lead back to one row more": (
            lambda before, after, window, stride, padding: (
                stride
                if after - ((before - 1) * stride - 2 * padding + window) == stride
                else output_padding(before, after, window, stride, padding)
            )
        ),
    },
    hints=(
        "Solve (15.4) for q.",
        "q = after − ((before − 1) s − 2p + k), and −1 unless 0 <= q < s.",
    ),
    returns=("q, for several numbers of rows",),
)


def _used_transpose(kind: Any) -> Callable[..., Any]:
    def run(
        x: FloatArray,
        weight: FloatArray,
        bias: FloatArray,
        dy: FloatArray,
        stride: int,
        padding: int,
        output_padding: int,
    ) -> Any:
        window, _, outputs, inputs = weight.shape
        rng = np.random.default_rng(0)
        layer = kind(inputs, outputs, window, rng, stride, padding, output_padding)
        layer.parameters["weight"][...] = weight
        layer.parameters["bias"][...] = bias
        # Another batch goes first: what is kept of it must not show in the next.
        if layer.forward(1 - x[::-1]) is None or layer.backward(dy[::-1].copy()) is None:
            return None
        y = layer.forward(x)
        dx, gradients = layer.backward(dy), layer.gradients
        return y, dx, gradients.get("weight"), gradients.get("bias")

    return run


def _draw_transpose(random: np.random.Generator) -> tuple[Any, ...]:
    count, inputs, outputs, height, width = unequal_sizes(random, 5, 2, 7)
    window, stride = int(random.integers(3, 5)), int(random.integers(2, 4))
    padding, beyond = 1, int(random.integers(1, stride))
    x = random.standard_normal((count, height, width, inputs))
    weight = random.standard_normal((window, window, outputs, inputs))
    sides = ((side - 1) * stride - 2 * padding + window + beyond for side in (height, width))
    dy = random.standard_normal((count, *sides, outputs))
    return x, weight, random.standard_normal(outputs), dy, stride, padding, beyond


class _BiasInTheStamps(ConvTranspose2D):
    def forward(self, x: FloatArray) -> FloatArray:
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        y = super().forward(x) - bias
        self.parameters = {"weight": np.ones_like(weight), "bias": 0 * bias}
        counts = super().forward(np.full_like(x, 1 / x.shape[-1]))
        self.parameters, self.x = {"weight": weight, "bias": bias}, x
        stamped: FloatArray = y + counts * bias
        return stamped


class _RowsOfZeros(ConvTranspose2D):
    def forward(self, x: FloatArray) -> FloatArray:
        y = super().forward(x)
        y[:, -self.output_padding :] = 0
        y[:, :, -self.output_padding :] = 0
        return y


CONV_TRANSPOSE_LAYER = Exercise(
    name="conv-transpose-layer",
    piece="ConvTranspose2D",
    answer=ConvTranspose2D,
    use=_used_transpose,
    draw=_draw_transpose,
    mistakes={
        "the bias is in every stamp, and where they overlap it is added several times: it comes "
        "after add_patches": _BiasInTheStamps,
        "the last q rows and columns are not 0: they get what is stamped there, so give "
        "add_patches the whole size of (15.4)": _RowsOfZeros,
        "forwards, the bias is missing": without_bias(ConvTranspose2D),
        "the kernel is flipped: a stamp is the kernel as it is": flipped(ConvTranspose2D),
        "the bias's gradient is a sum over images and pixels, not their mean": mean_of_bias(
            ConvTranspose2D
        ),
        "the gradients of weight and bias are divided by the number of images; the mean is taken "
        "once, by the loss": mean_twice(ConvTranspose2D),
        "the gradients of one batch are added to those of the batch before: backward must fill "
        "them anew, with = and not +=": accumulating(ConvTranspose2D),
        "backward uses what forward kept of an earlier batch: keep it anew in every call": (
            first_batch(ConvTranspose2D)
        ),
    },
    hints=(
        "forward is what Conv2D.backward does to dy: rows times the transposed weight, then "
        "add_patches, to the size of (15.4). The bias at the end. Keep x.",
        "backward begins as Conv2D.forward does: the patches of dy as rows, (N·H·W, k²·O).",
        "dx are these rows times the weight as a matrix (k²·O, C); the weight's gradient is "
        "rows.T @ x as rows, in the weight's shape.",
    ),
    returns=("y", "dx", "the weight's gradient", "the bias's gradient"),
)
