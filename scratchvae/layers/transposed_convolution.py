"""The transpose of a two-dimensional convolution, with which a decoder enlarges images.

For a fixed weight w a convolution is linear: conv(x, w) = A x, with x as one long vector. The
transposed convolution is convᵀ(x, w) = Aᵀ x. With ⟨u, v⟩ the sum of all products of corresponding
numbers,

    ⟨conv(x, w), y⟩ = ⟨x, convᵀ(y, w)⟩        for all x, y and w: eq. 15.2, from eq. 15.1.

The gradient through y = A x is dx = Aᵀ dy, so convᵀ is what a convolution does to gradients; and
the gradient through y = Aᵀ x is dx = A dy, the convolution.

Dimensions: N images, H and W rows and columns, C input and O output channels; k the side of the
window, s the stride, p the padding on each side, q the output padding. The output has
H' = (H − 1) s − 2p + k + q rows (eq. 15.4), and W' columns likewise, with a q of their own where
the output's size is given. What is called as ``kernels.f`` is defined in ``kernels/reference.py``.
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError, shown
from scratchvae.held import Setting, check_held
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import draw_parameters
from scratchvae.validation import FloatArray, check_array, check_count, check_sizes, remembered


def _check_size(value: Any, name: str) -> tuple[int, int] | None:
    """Return the (rows, columns) that ``value`` says, if it says any."""
    if value is None:
        return None
    sizes = check_sizes(value if isinstance(value, tuple | list) else (value, value), name)
    if len(sizes) != 2:
        raise InputError(f"{name} must be rows and columns, such as (28, 28), not {shown(value)}")
    return sizes[0], sizes[1]


def _check_output_padding(value: Any, name: str) -> int | tuple[int, int]:
    if not isinstance(value, tuple | list):
        return check_count(value, name, 0)
    if len(value) != 2:
        raise InputError(f"{name} must be one number, or two for rows and columns, not {value!r}")
    rows, columns = (check_count(each, name, 0) for each in value)
    return rows, columns


class ConvTranspose2D(Layer):
    """The transpose of a two-dimensional convolution, with a bias per output channel.

    Apart from the bias it is the transpose of ``Conv2D(out_channels, in_channels, …)`` with the
    same weight, which takes O channels to C. Every pixel of x adds its value times w to the output
    (eq. 15.5):

        y[n, u, v, o] = bias[o] + Σ x[n, i, j, c] · w[r, t, o, c]
        over c and all i, j, r, t with s·i + r − p = u and s·j + t − p = v.

    Backwards, with all sums as in ``Conv2D`` and the two ends exchanged (eq. 15.6):

    - dx[n, i, j, c] = Σ dy[n, s·i + r − p, s·j + t − p, o] · w[r, t, o, c] over r, t and o;
    - dw[r, t, o, c] = Σ dy[n, s·i + r − p, s·j + t − p, o] · x[n, i, j, c] over n, i and j;
    - dbias[o] = Σ dy[n, u, v, o] over n, u and v.

    With a stride above 1 a convolution maps several sizes of image to the same H; the output
    padding q chooses among them.

    Weights and biases are drawn uniformly from ±1/√(k² O), as in PyTorch so that results are
    comparable, although the terms of an output run over C channels.

    Parameters
    ----------
    in_channels, out_channels
        C and O.
    kernel_size, stride, padding, output_padding
        k, s, p and q, the same for rows and columns; but q may be a pair, for rows and columns. It
        must be below s, so that the convolution of the output has H rows again. Where q > p, the
        last q − p rows have only the bias.
    output_size
        (H', W') in the place of q, which is then what is missing to them: H' must be one of the s
        sizes from (H − 1) s − 2p + k on, and W' likewise. One number stands for both.
    rng, dtype
        As for ``Dense``.

    Attributes
    ----------
    parameters
        ``"weight"`` w of shape (k, k, O, C) and ``"bias"`` of shape (O,).
    """

    in_channels = Setting(check_count)
    out_channels = Setting(check_count)
    kernel_size = Setting(check_count)
    stride = Setting(check_count)
    padding = Setting(partial(check_count, minimum=0))
    output_padding = Setting(_check_output_padding)
    output_size = Setting(_check_size)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        output_padding: int | tuple[int, int] = 0,
        *,
        output_size: tuple[int, int] | int | None = None,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.output_padding = output_padding
        self.output_size = output_size
        if max(self.output_paddings) >= stride:
            raise InputError(
                f"output_padding must be below the stride of {stride}, not {output_padding}: "
                "otherwise a convolution of the output would have more rows than the input"
            )
        if self.output_padding and self.output_size:
            raise InputError(
                "output_padding and output_size say the same in two ways: give one of them"
            )
        shape = (kernel_size, kernel_size, out_channels, in_channels)
        self.parameters = draw_parameters(shape, out_channels, rng, self.dtype)

    def output_shape(self, x: FloatArray) -> tuple[int, int, int, int]:
        """Return (N, H', W', O), or raise ``InputError`` if ``x`` does not fit."""
        weight = (self.kernel_size, self.kernel_size, self.out_channels, self.in_channels)
        check_held(self, self.parameters, weight=weight, bias=(self.out_channels,))
        images = ("N", "H", "W", self.in_channels)
        check_array(x, "ConvTranspose2D: x", images, self.dtype, "channels come last")
        beyond = self.kernel_size - 2 * self.padding
        least = [(side - 1) * self.stride + beyond for side in x.shape[1:3]]  # those of q = 0
        padded = (side + q for side, q in zip(least, self.output_paddings, strict=True))
        rows, columns = self.output_size or padded
        if min(rows, columns) < 1:
            raise InputError(
                f"ConvTranspose2D with padding {self.padding} leaves nothing of images of "
                f"{x.shape[1]} by {x.shape[2]}: use less padding or larger images"
            )
        for axis, side, first in zip(("rows", "columns"), (rows, columns), least, strict=True):
            if self.output_size and not first <= side < first + self.stride:
                raise InputError(
                    f"ConvTranspose2D can give images of {x.shape[1]} by {x.shape[2]} from "
                    f"{max(first, 1)} to {first + self.stride - 1} {axis}, not {side}: change "
                    "output_size, or stride, kernel_size or padding"
                )
        return len(x), rows, columns, self.out_channels

    @property
    def output_paddings(self) -> tuple[int, int]:
        """The output padding q for rows and for columns."""
        q = self.output_padding
        return (q, q) if isinstance(q, int) else q

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for the images ``x``: (N, H, W, C) to (N, H', W', O)."""
        self.y_shape = self.output_shape(x)
        self.x = x
        w, bias = self.parameters["weight"].value, self.parameters["bias"].value
        size = self.y_shape[1:3]
        return kernels.convolution_input_gradient(x, w, size, self.stride, self.padding) + bias

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``: (N, H', W', O) to (N, H, W, C)."""
        x = remembered(self, "x")
        check_array(dy, "ConvTranspose2D: dy", self.y_shape, self.dtype)
        w, bias = self.parameters["weight"], self.parameters["bias"]
        k, s, p = self.kernel_size, self.stride, self.padding
        dw, dbias = w.grad, bias.grad  # to which += adds in place
        dw += kernels.convolution_weight_gradient(dy, x, (k, k), s, p)
        dbias += kernels.sum_rows(dy)  # over all axes but the last
        return kernels.convolution_forward(dy, w.value, s, p)

    def __repr__(self) -> str:
        extra = f", output_padding={self.output_padding}" if self.output_padding else ""
        extra += f", output_size={self.output_size}" if self.output_size else ""
        return (
            f"ConvTranspose2D({self.in_channels}, {self.out_channels}, {self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}{extra})"
        )
