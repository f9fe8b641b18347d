"""The transpose of a two-dimensional convolution: what takes few pixels to many in a decoder.

A convolution takes an image x to y by weights w; read backwards it takes ∂loss/∂y to ∂loss/∂x by
the same weights. That backward map, used as a forward one, is the transposed convolution, and its
own backward map is the convolution again:

    ⟨conv(x, w), y⟩ = ⟨x, convᵀ(y, w)⟩        for all x, y and w.

Dimensions: N images, H and W rows and columns, C input and O output channels; k the kernel's side,
s the stride, p the padding on each side, q the output padding. The kernels are defined in
``kernels/reference.py``.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.layers.base import Layer
from scratchvae.layers.convolution import check_images, draw_parameters
from scratchvae.validation import FloatArray, check_array, check_count, check_remembered


class ConvTranspose2D(Layer):
    """The transpose of a two-dimensional convolution, with a bias per output channel.

    With the bias aside it is the adjoint of ``Conv2D(out_channels, in_channels, …)`` with the very
    same weight: every pixel of x stamps the kernel, times its value, onto the output,

        y[n, u, v, o] = b[o] + Σ x[n, i, j, c] · w[a, b, o, c]
        over c and all i, j, a, b with s·i + a − p = u and s·j + b − p = v.

    Its gradients are the convolution's with the two ends exchanged: ∂x is the convolution of dy by
    w, and ∂w the gradient of that convolution's weight, with dy as its input and x as the gradient
    of its output. The output has (H − 1) s − 2p + k + q rows: with a stride above 1 several sizes
    of image are convolved to the same H, and the output padding q chooses among them.

    Weights and biases begin uniform in ±1/√(k² O), as in the frameworks.

    Parameters
    ----------
    in_channels, out_channels
        C and O.
    kernel_size, stride, padding, output_padding
        k, s, p and q, the same for rows and columns; q must be below s.
    rng, dtype
        As for ``Dense``.

    Attributes
    ----------
    parameters
        ``"weight"`` w of shape (k, k, O, C), as the convolution has it, and ``"bias"`` b (O,).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        output_padding: int = 0,
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
        self.output_padding = check_count(output_padding, "output_padding", 0)
        if self.output_padding >= stride:
            raise InputError(
                f"output_padding must be below the stride of {stride}, not {output_padding}: rows "
                "beyond that see no input"
            )
        shape = (kernel_size, kernel_size, out_channels, in_channels)
        self.parameters = draw_parameters(shape, out_channels, rng, self.dtype)

    def output_shape(self, x: FloatArray) -> tuple[int, int, int, int]:
        """Return (N, H', W', O), or say why nothing comes of ``x``."""
        check_images(self, x, self.in_channels)
        beyond = self.kernel_size + self.output_padding - 2 * self.padding
        rows, columns = ((side - 1) * self.stride + beyond for side in x.shape[1:3])
        if min(rows, columns) < 1:
            raise InputError(
                f"ConvTranspose2D with padding {self.padding} leaves nothing of images of "
                f"{x.shape[1]} by {x.shape[2]}: use less padding or larger images"
            )
        return len(x), rows, columns, self.out_channels

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for the images ``x``: (N, H, W, C) to (N, H', W', O)."""
        self.y_shape = self.output_shape(x)
        w, b = self.parameters["weight"], self.parameters["bias"]
        self.x, s, p, q = x, self.stride, self.padding, self.output_padding
        y = kernels.transposed_convolution_forward(x, w.value, s, p, q)
        y += b.value
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂loss/∂x for ``dy`` = ∂loss/∂y: (N, H', W', O) to (N, H, W, C)."""
        x = check_remembered(self, "x")
        check_array(dy, "ConvTranspose2D: dy", self.y_shape, self.dtype)
        w, b, k = self.parameters["weight"], self.parameters["bias"], self.kernel_size
        s, p = self.stride, self.padding
        dw, db = w.grad, b.grad
        dw += kernels.transposed_convolution_weight_gradient(x, dy, (k, k), s, p)  # Σ x dy
        db += kernels.sum_rows(dy)  # Σ dy
        return kernels.transposed_convolution_input_gradient(dy, w.value, s, p)

    def __repr__(self) -> str:
        extra = f", output_padding={self.output_padding}" if self.output_padding else ""
        return (
            f"ConvTranspose2D({self.in_channels}, {self.out_channels}, {self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}{extra})"
        )
