"""Transposed convolution: what the lesson on it writes.

Dimensions: N images of H by W pixels with C channels, channels last; O output channels; k the side
of the window, s the stride, p the padding; the output has H' by W' pixels.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.course.program.convolution import add_patches, patches
from scratchvae.course.program.layers import Arrays
from scratchvae.validation import FloatArray


def output_padding(before: int, after: int, window: int, stride: int, padding: int) -> int:
    """Return the q that takes ``before`` rows to ``after``, by eq. 15.4; −1 if there is none."""
    q = after - ((before - 1) * stride - 2 * padding + window)
    return q if 0 <= q < stride else -1


class ConvTranspose2D:
    """The transpose of a convolution, eq. 15.2, which enlarges: eq. 15.5, and back by eq. 15.6.

    Its weight is that of the convolution, (k, k, O, C), with this layer's outputs O in third place.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        window: int,
        rng: np.random.Generator,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
        dtype: DTypeLike = np.float64,
    ) -> None:
        bound = 1 / np.sqrt(window * window * out_channels)
        shape = (window, window, out_channels, in_channels)
        self.stride, self.padding = stride, padding
        self.output_padding = output_padding
        self.parameters: Arrays = {
            "weight": rng.uniform(-bound, bound, shape).astype(dtype),
            "bias": rng.uniform(-bound, bound, out_channels).astype(dtype),
        }
        self.gradients: Arrays = {}

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, (N, H', W', O), for x, (N, H, W, C), with H' by eq. 15.4."""
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        self.x = x
        beyond = len(weight) - 2 * self.padding + self.output_padding
        height, width = (self.stride * (side - 1) + beyond for side in x.shape[1:3])
        flat = x.reshape(-1, x.shape[-1])
        stamps = (flat @ weight.reshape(-1, x.shape[-1]).T).reshape(*x.shape[:3], *weight.shape[:3])
        shape = (len(x), height, width, len(bias))
        return add_patches(stamps, shape, self.stride, self.padding) + bias

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, (N, H, W, C), and fill ``gradients``."""
        weight = self.parameters["weight"]
        channels = weight.shape[-1]
        seen = patches(dy, len(weight), self.stride, self.padding)
        rows = seen.reshape(-1, weight[..., 0].size)
        d_weight = (rows.T @ self.x.reshape(-1, channels)).reshape(weight.shape)
        self.gradients = {"weight": d_weight, "bias": dy.sum(axis=(0, 1, 2))}
        return (rows @ weight.reshape(-1, channels)).reshape(self.x.shape)
