"""Two-dimensional convolution, over images with channels last.

Dimensions: N images, H and W rows and columns, C input and O output channels; k the kernel's side,
s the stride, p the padding on each side. The kernels are defined in ``kernels/reference.py``.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter
from scratchvae.validation import FloatArray, check_array, check_count, check_remembered


class Conv2D(Layer):
    """Two-dimensional convolution (strictly, correlation), with a bias per output channel.

    y[n, i, j, o] = b[o] + Σ x[n, s·i + a − p, s·j + b − p, c] · w[a, b, c, o] over a, b and c, with
    x taken as 0 outside the image. The output has ⌊(H + 2p − k) / s⌋ + 1 rows.

    An output pixel is a dense layer's output for the k × k patch of x below the kernel. So the
    gradients are those of a dense layer, added up wherever a number serves several patches:

    - ∂w[a, b, c, o] = Σ x[n, s·i + a − p, s·j + b − p, c] · dy[n, i, j, o] over n, i and j: each
      weight meets every patch. It is the convolution of x by dy, over the batch.
    - ∂b[o] = Σ dy[n, i, j, o] over n, i and j.
    - ∂x[n, u, v, c] = Σ dy[n, i, j, o] · w[a, b, c, o] over o and all i, j, a, b with
      s·i + a − p = u and s·j + b − p = v: each pixel hears from all patches that it lies in. It is
      the transposed convolution of dy (see ``ConvTranspose2D``).

    Weights and biases begin uniform in ±1/√(k² C), as in the frameworks.

    Parameters
    ----------
    in_channels, out_channels
        C and O.
    kernel_size, stride, padding
        k, s and p, the same for rows and columns.
    rng, dtype
        As for ``Dense``.

    Attributes
    ----------
    parameters
        ``"weight"`` w of shape (k, k, C, O) and ``"bias"`` b of shape (O,).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.in_channels = check_count(in_channels, "in_channels")
        self.out_channels = check_count(out_channels, "out_channels")
        self.kernel_size = check_count(kernel_size, "kernel_size")
        self.stride = check_count(stride, "stride")
        self.padding = check_count(padding, "padding", 0)
        shape = (kernel_size, kernel_size, in_channels, out_channels)
        self.parameters = draw_parameters(shape, out_channels, rng, self.dtype)

    def output_shape(self, x: FloatArray) -> tuple[int, int, int, int]:
        """Return (N, H', W', O), or say why ``x`` cannot be convolved."""
        check_images(self, x, self.in_channels)
        rows, columns = (side + 2 * self.padding - self.kernel_size for side in x.shape[1:3])
        if min(rows, columns) < 0:
            raise InputError(
                f"Conv2D with a kernel of {self.kernel_size} and padding {self.padding} needs "
                f"images of at least {self.kernel_size - 2 * self.padding} rows and columns, not "
                f"{x.shape[1]} by {x.shape[2]}"
            )
        stride = self.stride
        return len(x), rows // stride + 1, columns // stride + 1, self.out_channels

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for the images ``x``: (N, H, W, C) to (N, H', W', O)."""
        self.y_shape = self.output_shape(x)
        w, b = self.parameters["weight"], self.parameters["bias"]
        self.x = x
        y = kernels.convolution_forward(x, w.value, self.stride, self.padding)  # Σ x w
        y += b.value  # + b
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂loss/∂x for ``dy`` = ∂loss/∂y: (N, H', W', O) to (N, H, W, C)."""
        x = check_remembered(self, "x")
        check_array(dy, "Conv2D: dy", self.y_shape, self.dtype)
        w, b = self.parameters["weight"], self.parameters["bias"]
        k, s, p, size = self.kernel_size, self.stride, self.padding, x.shape[1:3]
        dw, db = w.grad, b.grad
        dw += kernels.convolution_weight_gradient(x, dy, (k, k), s, p)  # Σ x dy
        db += kernels.sum_rows(dy)  # Σ dy
        return kernels.convolution_input_gradient(dy, w.value, size, s, p)  # dx = Σ dy w

    def __repr__(self) -> str:
        return (
            f"Conv2D({self.in_channels}, {self.out_channels}, {self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding})"
        )


def draw_parameters(
    shape: tuple[int, int, int, int],
    biases: int,
    rng: np.random.Generator | int | None,
    dtype: np.dtype[np.floating],
) -> dict[str, Parameter]:
    """Draw a weight and a bias in float64, so that a seed means the same in both dtypes."""
    # Of a convolution's weight the third axis is summed over; of a transposed one the fourth is,
    # but the frameworks count the third there too, and results are to be comparable.
    rng, bound = np.random.default_rng(rng), 1 / np.sqrt(shape[0] * shape[1] * shape[2])
    weight = rng.uniform(-bound, bound, shape)
    bias = rng.uniform(-bound, bound, biases)
    return {"weight": Parameter(weight.astype(dtype)), "bias": Parameter(bias.astype(dtype))}


def check_images(layer: Layer, x: FloatArray, channels: int) -> None:
    """Raise ``InputError`` unless ``x`` are images of so many channels in the layer's dtype."""
    shape, last = ("N", "H", "W", channels), "channels come last"
    check_array(x, f"{type(layer).__name__}: x", shape, layer.dtype, last)
