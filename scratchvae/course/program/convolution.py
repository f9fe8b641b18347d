"""Convolution: what the lesson on it writes.

Dimensions: N images of H by W pixels with C channels, channels last; O output channels; k the side
of the window, s the stride, p the padding; the output has H' by W' pixels.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.course.program.layers import Arrays
from scratchvae.validation import FloatArray


def patches(x: FloatArray, window: int, stride: int = 1, padding: int = 0) -> FloatArray:
    """Return what each output pixel sees of the images (N, H, W, C), (N, H', W', k, k, C).

    As rows, (N·H'·W', k²·C), they are the X of eq. 14.5. How many there are is eq. 14.3.
    """
    edge = (padding, padding)
    padded = np.pad(x, ((0, 0), edge, edge, (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (window, window), axis=(1, 2))
    every: FloatArray = views[:, ::stride, ::stride].transpose(0, 1, 2, 4, 5, 3)
    return every


def add_patches(
    parts: FloatArray, shape: tuple[int, ...], stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return images of the given shape, each number of ``parts`` added where ``patches`` read it.

    This is the sum of eq. 14.7 over all windows that a pixel lies in. ``parts`` is (N, H', W', k,
    k, C); what falls onto the padding is dropped.
    """
    count, height, width, channels = shape
    rows, columns, window = parts.shape[1:4]
    size = (count, height + 2 * padding, width + 2 * padding, channels)
    padded = np.zeros(size, parts.dtype)
    for r in range(window):
        for t in range(window):
            down = slice(r, r + stride * rows, stride)
            across = slice(t, t + stride * columns, stride)
            padded[:, down, across] += parts[:, :, :, r, t]
    return padded[:, padding : padding + height, padding : padding + width]


class Conv2D:
    """A convolution, eq. 14.4: a dense layer on patches, backwards by eq. 14.6 and eq. 14.7."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        window: int,
        rng: np.random.Generator,
        stride: int = 1,
        padding: int = 0,
        dtype: DTypeLike = np.float64,
    ) -> None:
        bound = 1 / np.sqrt(window * window * in_channels)
        shape = (window, window, in_channels, out_channels)
        self.stride, self.padding = stride, padding
        self.parameters: Arrays = {
            "weight": rng.uniform(-bound, bound, shape).astype(dtype),
            "bias": rng.uniform(-bound, bound, out_channels).astype(dtype),
        }
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, (N, H', W', O), for x, (N, H, W, C)."""
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        seen = patches(x, len(weight), self.stride, self.padding)
        self.shape = x.shape
        self.rows = seen.reshape(-1, weight[..., 0].size)
        y = self.rows @ weight.reshape(-1, len(bias)) + bias
        return y.reshape(*seen.shape[:3], len(bias))

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, (N, H, W, C), and fill ``gradients``."""
        weight = self.parameters["weight"]
        flat = dy.reshape(-1, dy.shape[-1])
        d_weight = (self.rows.T @ flat).reshape(weight.shape)
        self.gradients = {"weight": d_weight, "bias": flat.sum(axis=0)}
        d_rows = flat @ weight.reshape(-1, dy.shape[-1]).T
        parts = d_rows.reshape(*dy.shape[:3], *weight.shape[:3])
        return add_patches(parts, self.shape, self.stride, self.padding)
