"""Two-dimensional convolution, over images with channels last.

Dimensions: N images, H and W rows and columns, C input and O output channels; k the side of the
window that slides over the image, s the stride, p the padding on each side. The output has
H' = ⌊(H + 2p − k) / s⌋ + 1 rows, and W' columns likewise. What is called as ``kernels.f`` is
defined in ``kernels/reference.py``.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.held import Setting, check_held
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import draw_parameters
from scratchvae.layers.same_padding import Zeros, check_padding, framed, same_zeros, unframed
from scratchvae.validation import FloatArray, check_array, check_count, remembered


class Conv2D(Layer):
    """Two-dimensional convolution, with a bias per output channel.

    y[n, i, j, o] = bias[o] + Σ x[n, s·i + r − p, s·j + t − p, c] · w[r, t, c, o] over the window's
    rows r and columns t and over c, with x taken as 0 outside the image: eq. 14.4. (Strictly it is
    a correlation: a mathematician's convolution flips w.) A moved image gives a moved output:
    eq. 14.2.

    An output pixel is a dense layer's output for one patch of the image. Put the patches below one
    another as the rows of X, (N·H'·W', k²·C), and w as (k²·C, O): then y = X w + bias (eq. 14.5),
    and backwards, as for ``Dense``,

    - dw = Xᵀ dy, that is dw[r, t, c, o] = Σ x[n, s·i + r − p, s·j + t − p, c] · dy[n, i, j, o] over
      n, i and j (eq. 14.6);
    - dbias[o] = Σ dy[n, i, j, o] over n, i and j;
    - dX = dy wᵀ, and dx adds each number of dX to the pixel that it was copied from: dx[n, u, v, c]
      = Σ dy[n, i, j, o] · w[r, t, c, o] over o and all i, j, r, t with s·i + r − p = u and
      s·j + t − p = v (eq. 14.7).

    With ``padding="same"`` H' = ⌈H / s⌉, and W' likewise. There are P = max((H' − 1) s + k − H, 0)
    rows of zeros: p = ⌊P / 2⌋ in front, and one more behind if P is odd. So do TensorFlow, Keras
    and, for s = 1, PyTorch.

    Weights and biases are drawn uniformly from ±1/√(k² C), as in PyTorch.

    Parameters
    ----------
    in_channels, out_channels
        C and O.
    kernel_size, stride, padding
        k, s and p, the same for rows and columns; or ``"same"`` in the place of p.
    rng, dtype
        As for ``Dense``.

    Attributes
    ----------
    parameters
        ``"weight"`` w of shape (k, k, C, O) and ``"bias"`` of shape (O,).
    """

    in_channels = Setting(check_count)
    out_channels = Setting(check_count)
    kernel_size = Setting(check_count)
    stride = Setting(check_count)
    padding = Setting(check_padding)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int | str = 0,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        shape = (kernel_size, kernel_size, in_channels, out_channels)
        self.parameters = draw_parameters(shape, out_channels, rng, self.dtype)

    def output_shape(self, x: FloatArray) -> tuple[int, int, int, int]:
        """Return (N, H', W', O), or raise ``InputError`` if ``x`` does not fit."""
        weight = (self.kernel_size, self.kernel_size, self.in_channels, self.out_channels)
        check_held(self, self.parameters, weight=weight, bias=(self.out_channels,))
        images = ("N", "H", "W", self.in_channels)
        check_array(x, "Conv2D: x", images, self.dtype, "channels come last")
        least = 1 if isinstance(self.padding, str) else self.kernel_size - 2 * self.padding
        rows, columns = ((side - least) // self.stride for side in x.shape[1:3])
        if min(rows, columns) < 0:
            raise InputError(
                f"Conv2D with a kernel of {self.kernel_size} and padding {self.padding} needs "
                f"images of at least {least} rows and columns, not {x.shape[1]} by {x.shape[2]}"
            )
        return len(x), rows + 1, columns + 1, self.out_channels

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for the images ``x``: (N, H, W, C) to (N, H', W', O)."""
        self.y_shape = self.output_shape(x)
        self.x = x
        w, bias = self.parameters["weight"].value, self.parameters["bias"].value
        x, p, _ = self._padded(x)
        return kernels.convolution_forward(x, w, self.stride, p) + bias

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``: (N, H', W', O) to (N, H, W, C)."""
        x = remembered(self, "x")
        check_array(dy, "Conv2D: dy", self.y_shape, self.dtype)
        w, bias = self.parameters["weight"], self.parameters["bias"]
        k, s, (x, p, zeros) = self.kernel_size, self.stride, self._padded(x)
        dw, dbias = w.grad, bias.grad  # to which += adds in place
        dw += kernels.convolution_weight_gradient(x, dy, (k, k), s, p)  # Xᵀ dy
        dbias += kernels.sum_rows(dy)  # over all axes but the last
        # Several sizes of x give the same H' and W'. Rows that no patch reaches get 0.
        dx = kernels.convolution_input_gradient(dy, w.value, x.shape[1:3], s, p)  # from dy wᵀ
        return unframed(dx, zeros) if zeros else dx

    def _padded(self, x: FloatArray) -> tuple[FloatArray, int, Zeros | None]:
        """Return x and p; or, with other zeros than p on all sides, x among them, 0, and those."""
        if isinstance(self.padding, int):
            return x, self.padding, None
        zeros = same_zeros(x.shape[1:3], self.kernel_size, self.stride)
        return framed(x, zeros), 0, zeros

    def __repr__(self) -> str:
        return (
            f"Conv2D({self.in_channels}, {self.out_channels}, {self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding!r})"
        )
