"""Pooling: each window of an image becomes one pixel, channel by channel.

Dimensions: N images, H and W rows and columns, C channels; k the side of the window, s the stride.
The output has H' = ⌊(H − k) / s⌋ + 1 rows, and W' columns likewise; rows that are left over at the
end are in no window.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError
from scratchvae.held import Setting
from scratchvae.layers.base import Layer
from scratchvae.validation import FloatArray, check_array, check_count, check_floats, remembered


class _Pool2D(Layer):
    """A layer that goes over windows of k by k pixels."""

    kernel_size = Setting(check_count)
    stride = Setting(check_count)

    def __init__(
        self, kernel_size: int, stride: int | None = None, *, dtype: DTypeLike = np.float32
    ) -> None:
        super().__init__(dtype=dtype)
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride

    def output_shape(self, x: FloatArray) -> tuple[int, ...]:
        """Return (N, H', W', C), or raise ``InputError`` if ``x`` does not fit."""
        name, k = type(self).__name__, self.kernel_size
        if check_floats(x, f"{name}: x").ndim != 4 or min(x.shape[1:3]) < k:
            raise InputError(
                f"{name} expects images x of shape (N, H, W, C) with at least {k} rows and "
                f"columns, not {x.shape}: use a smaller window or larger images"
            )
        rows, columns = ((side - k) // self.stride + 1 for side in x.shape[1:3])
        return len(x), rows, columns, x.shape[3]

    def taps(self, x: FloatArray) -> Iterator[FloatArray]:
        """Yield x[:, s·i + r, s·j + t] for all i and j, (N, H', W', C), for each r and t."""
        s, (_, rows, columns, _) = self.stride, self.output_shape(x)
        for r in range(self.kernel_size):
            for t in range(self.kernel_size):
                yield x[:, r : r + s * rows : s, t : t + s * columns : s]

    def upstream(self, dy: FloatArray) -> FloatArray:
        """Return zeros for dx, having checked ``dy`` against the last forward pass."""
        shape = remembered(self, "x_shape")
        check_array(dy, f"{type(self).__name__}: dy", self.y_shape, self.x_dtype)
        return np.zeros(shape, dy.dtype)

    def note(self, x: FloatArray) -> None:
        """Keep what the backward pass needs to know of ``x``, having checked it."""
        self.y_shape, self.x_shape, self.x_dtype = self.output_shape(x), x.shape, x.dtype

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kernel_size}, stride={self.stride})"


class MaxPool2D(_Pool2D):
    """The largest pixel of each window: y[n, i, j, c] = max x[n, s·i + r, s·j + t, c] over r and t.

    Where one pixel of a window is the largest, y moves as it does, and with no other. So dx adds
    dy[n, i, j, c] to the pixel that was the largest; of several it is the first, row by row, as in
    PyTorch. A pixel may be the largest of several windows if s < k.

    Parameters
    ----------
    kernel_size, stride
        k and s, the same for rows and columns; without a stride s = k, and no windows overlap.
    dtype
        As for every ``Layer``.
    """

    smooth = False
    remembers = ("winner",)

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for the images ``x``: (N, H, W, C) to (N, H', W', C)."""
        self.note(x)
        y = np.full(self.y_shape, -np.inf, x.dtype)
        self.winner = np.zeros(self.y_shape, np.int32)  # which tap the largest is, k r + t
        for place, tap in enumerate(self.taps(x)):
            larger = (tap > y) | np.isnan(tap)  # what is no number must not be lost
            y[larger] = tap[larger]
            self.winner[larger] = place
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``: (N, H', W', C) to (N, H, W, C)."""
        dx = self.upstream(dy)
        for place, tap in enumerate(self.taps(dx)):  # views, through which += adds to dx
            tap += dy * (self.winner == place)
        return dx


class AveragePool2D(_Pool2D):
    """The mean of each window: y[n, i, j, c] = 1/k² Σ x[n, s·i + r, s·j + t, c] over r and t.

    It is a convolution with the weight 1/k² within each channel. So dx adds dy[n, i, j, c] / k² to
    every pixel of the window.

    Parameters
    ----------
    kernel_size, stride
        k and s, the same for rows and columns; without a stride s = k, and no windows overlap.
    dtype
        As for every ``Layer``.
    """

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for the images ``x``: (N, H, W, C) to (N, H', W', C)."""
        self.note(x)
        y = np.zeros(self.y_shape, x.dtype)
        for tap in self.taps(x):
            y += tap
        y /= self.kernel_size**2
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``: (N, H', W', C) to (N, H, W, C)."""
        dx = self.upstream(dy)
        share = dy / dy.dtype.type(self.kernel_size**2)
        for tap in self.taps(dx):  # views, through which += adds to dx
            tap += share
        return dx
