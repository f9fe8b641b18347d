"""Convolution and its transpose, forwards and backwards, over images with channels last.

The two are one operation seen from its two ends. A convolution takes an image x to y by weights w;
read backwards it takes ∂loss/∂y to ∂loss/∂x by the same weights. That backward map, used as a
forward one, is the transposed convolution; its own backward map is then the convolution again:

    ⟨conv(x, w), y⟩ = ⟨x, convᵀ(y, w)⟩        for all x, y and w.

So there are three kernels (forward, input gradient, weight gradient), and each serves both.

Dimensions: N images, H and W rows and columns, C channels; k the kernel's side, s the stride, p the
padding on each side, q the output padding.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.layers.affine import Affine
from scratchvae.layers.base import Layer, Parameter
from scratchvae.validation import FloatArray, check_count, check_floats


class _Geometry(NamedTuple):
    """The sizes that both layers share."""

    in_channels: int
    out_channels: int
    kernel_size: int
    stride: int
    padding: int


class Conv2D(Affine, fusing=True):
    """Two-dimensional convolution (strictly, correlation), with a bias per output channel.

    y[n, i, j, o] = b[o] + Σ x[n, s·i + a − p, s·j + b − p, c] · w[a, b, c, o] over a, b and c, with
    x taken as 0 outside the image. The output has ⌊(H + 2p − k) / s⌋ + 1 rows.

    Weights and biases begin uniform in ±1/√(k² C), as in the frameworks.

    Parameters
    ----------
    in_channels, out_channels
        C of the input and of the output.
    kernel_size, stride, padding
        k, s and p, the same for rows and columns.
    rng, dtype
        As for every ``Layer``.

    Attributes
    ----------
    parameters
        ``"weight"`` of shape (k, k, in, out) and ``"bias"`` of shape (out,).
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
        super().__init__(rng=rng, dtype=dtype)
        self.geometry = _check_geometry(in_channels, out_channels, kernel_size, stride, padding)
        shape = (kernel_size, kernel_size, in_channels, out_channels)
        self.parameters = _draw_parameters(self, shape, out_channels)

    def _map(self, x: FloatArray) -> FloatArray:
        """Return the convolution: (N, H, W, in) to (N, H', W', out)."""
        size = self.geometry
        _check_images(self, x, size.in_channels)
        smallest = min(x.shape[1:3]) + 2 * size.padding
        if smallest < size.kernel_size:
            raise InputError(
                f"Conv2D with a kernel of {size.kernel_size} and padding {size.padding} needs "
                f"images of at least {size.kernel_size - 2 * size.padding} rows and columns, not "
                f"{x.shape[1]} by {x.shape[2]}"
            )
        rows, columns = (
            (side + 2 * size.padding - size.kernel_size) // size.stride + 1 for side in x.shape[1:3]
        )
        out = self._empty("y", (len(x), rows, columns, size.out_channels), self.dtype)
        return kernels.convolution_forward(
            x, self.parameters["weight"].value, size.stride, size.padding, out
        )

    def _input_gradient(self, dy: FloatArray) -> FloatArray:
        """Return the convolution read backwards at ``dy``."""
        size = self.geometry
        out = self._empty("dx", self._x.shape, self.dtype)
        rows_and_columns = (self._x.shape[1], self._x.shape[2])
        return kernels.convolution_input_gradient(
            dy, self.parameters["weight"].value, rows_and_columns, size.stride, size.padding, out
        )

    def _add_weight_gradient(self, x: FloatArray, dy: FloatArray) -> None:
        """Add the sum over all places of pixel times ``dy``."""
        size = self.geometry
        weight, kernel = self.parameters["weight"], (size.kernel_size, size.kernel_size)
        kernels.convolution_weight_gradient(
            x, dy, kernel, size.stride, size.padding, weight.grad, accumulate=True
        )

    def __repr__(self) -> str:
        return f"Conv2D({_describe(self.geometry)})"


class ConvTranspose2D(Affine, fusing=True):
    """The transpose of a two-dimensional convolution, with a bias per output channel.

    With the bias aside it is the adjoint of ``Conv2D(out_channels, in_channels, …)`` with the very
    same weight. The output has (H − 1) s − 2p + k + q rows: with a stride above 1 several sizes of
    image are convolved to the same H, and the output padding q chooses among them.

    Weights and biases begin uniform in ±1/√(k² out), as in the frameworks.

    Parameters
    ----------
    in_channels, out_channels
        C of the input and of the output.
    kernel_size, stride, padding, output_padding
        k, s, p and q, the same for rows and columns; q must be below s.
    rng, dtype
        As for every ``Layer``.

    Attributes
    ----------
    parameters
        ``"weight"`` of shape (k, k, out, in), as the convolution has it, and ``"bias"`` (out,).
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
        super().__init__(rng=rng, dtype=dtype)
        self.geometry = _check_geometry(in_channels, out_channels, kernel_size, stride, padding)
        self.output_padding = check_count(output_padding, "output_padding", 0)
        if self.output_padding >= stride:
            raise InputError(
                f"output_padding must be below the stride of {stride}, not {output_padding}: rows "
                "beyond that see no input"
            )
        shape = (kernel_size, kernel_size, out_channels, in_channels)
        self.parameters = _draw_parameters(self, shape, out_channels)

    def _map(self, x: FloatArray) -> FloatArray:
        """Return the transposed convolution: (N, H, W, in) to (N, H', W', out)."""
        size = self.geometry
        _check_images(self, x, size.in_channels)
        rows = (min(x.shape[1:3]) - 1) * size.stride + size.kernel_size + self.output_padding
        if rows <= 2 * size.padding:
            raise InputError(
                f"ConvTranspose2D with padding {size.padding} leaves nothing of images of "
                f"{x.shape[1]} by {x.shape[2]}: use less padding or larger images"
            )
        rows, columns = (
            (side - 1) * size.stride - 2 * size.padding + size.kernel_size + self.output_padding
            for side in x.shape[1:3]
        )
        out = self._empty("y", (len(x), rows, columns, size.out_channels), self.dtype)
        weight = self.parameters["weight"].value
        return kernels.transposed_convolution_forward(
            x, weight, size.stride, size.padding, self.output_padding, out
        )

    def _input_gradient(self, dy: FloatArray) -> FloatArray:
        """Return the convolution of ``dy``."""
        size = self.geometry
        out = self._empty("dx", self._x.shape, self.dtype)
        return kernels.transposed_convolution_input_gradient(
            dy, self.parameters["weight"].value, size.stride, size.padding, out
        )

    def _add_weight_gradient(self, x: FloatArray, dy: FloatArray) -> None:
        """Add the convolution's weight gradient, with x and ``dy`` exchanged."""
        size = self.geometry
        weight, kernel = self.parameters["weight"], (size.kernel_size, size.kernel_size)
        kernels.transposed_convolution_weight_gradient(
            x, dy, kernel, size.stride, size.padding, weight.grad, accumulate=True
        )

    def __repr__(self) -> str:
        extra = f", output_padding={self.output_padding}" if self.output_padding else ""
        return f"ConvTranspose2D({_describe(self.geometry)}{extra})"


def _check_geometry(
    in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int
) -> _Geometry:
    return _Geometry(
        check_count(in_channels, "in_channels"),
        check_count(out_channels, "out_channels"),
        check_count(kernel_size, "kernel_size"),
        check_count(stride, "stride"),
        check_count(padding, "padding", 0),
    )


def _draw_parameters(
    layer: Layer, shape: tuple[int, int, int, int], biases: int
) -> dict[str, Parameter]:
    """Draw weights and biases in float64, so that a seed means the same in both dtypes."""
    # Of a convolution's weight the third axis is summed over; of a transposed one the fourth is,
    # but the frameworks count the third there too, and results are to be comparable.
    bound = 1 / np.sqrt(shape[0] * shape[1] * shape[2])
    weight = layer.rng.uniform(-bound, bound, shape)
    bias = layer.rng.uniform(-bound, bound, biases)
    return {
        "weight": Parameter(weight.astype(layer.dtype)),
        "bias": Parameter(bias.astype(layer.dtype)),
    }


def _check_images(layer: Layer, x: FloatArray, channels: int) -> None:
    check_floats(x, "x", layer.dtype)
    if x.ndim != 4 or x.shape[3] != channels:
        raise InputError(
            f"{type(layer).__name__} expects images of shape (N, H, W, {channels}), not {x.shape}: "
            "channels come last"
        )


def _describe(size: _Geometry) -> str:
    text = f"{size.in_channels}, {size.out_channels}, {size.kernel_size}"
    if size.stride != 1:
        text += f", stride={size.stride}"
    return text + (f", padding={size.padding}" if size.padding else "")
