"""Two-dimensional convolution on the register tile, with its gradients.

Images are (N, H, W, C), weights (kh, kw, in, out). The forward pass slides the weights over the
input. The gradient of the input slides them, turned about, over the gradient of the output: with a
stride, the input's pixels fall into stride² phases, and each phase meets its own taps. The gradient
of the weights is a sum over pixels (see ``weight_gradient``).
"""

import numpy as np

from scratchvae.kernels.convolution.geometry import (
    require_channels,
    require_one_count,
    require_output,
    require_pixels,
    require_size,
)
from scratchvae.kernels.convolution.phases import (
    FEW_PIXELS,
    Axis,
    forward_axis,
    gradient_axis,
    phase_table,
)
from scratchvae.kernels.convolution.slide import correlate, pack_taps
from scratchvae.kernels.convolution.weight_gradient import weight_gradient, widen
from scratchvae.kernels.machine.arguments import Array, result
from scratchvae.kernels.machine.dot_tile import dot_address, dot_rows
from scratchvae.kernels.machine.memory import scratch
from scratchvae.kernels.machine.simd import lanes
from scratchvae.kernels.machine.threads import run_parts
from scratchvae.kernels.machine.tile import (
    UNIT_ROW,
    UNIT_STEP,
    panel_columns,
    tile_address,
    tile_rows,
)
from scratchvae.kernels.matrix_product import NANOSECONDS

_GROUP_BYTES = 1 << 19  # of images: what stays in the second-level cache


def convolution_forward(
    x: Array, w: Array, stride: int = 1, padding: int = 0, out: Array | None = None
) -> Array:
    """Return y[n, h, w, o] = Σ_ijc x[n, h·s + i - p, w·s + j - p, c] w[i, j, c, o].

    Here s is the stride, p the padding, and x is 0 outside its pixels.

    Parameters
    ----------
    x : array of shape (N, H, W, I)
        ``float32`` or ``float64``; zeros are thought around it.
    w : array of shape (kh, kw, I, O)
        Of the same type.
    stride, padding : int
        Along both axes.
    out : array of shape (N, H', W', O), optional
        Where to put the result, with H' = (H + 2·padding - kh) // stride + 1, W' likewise.

    Returns
    -------
    array of shape (N, H', W', O)

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    name = "convolution_forward"
    size = require_output(name, x, w, x.shape[1:3], w.shape[:2], stride, padding)
    require_channels(name, "x and w", x.shape[3], w.shape[2])
    out = result(name, (len(x), *size, w.shape[3]), x.dtype, out, False)
    axes = [forward_axis(x.shape[a], w.shape[a - 1], stride, padding) for a in (1, 2)]
    _slide(x, w, out, axes[0], axes[1], (stride, 1), transposed=False)
    return out


def convolution_input_gradient(
    dy: Array,
    w: Array,
    size: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
    out: Array | None = None,
) -> Array:
    """Return the gradient at the input of `convolution_forward`: its adjoint in x, applied to dy.

    Parameters
    ----------
    dy : array of shape (N, H', W', O)
        ``float32`` or ``float64``.
    w : array of shape (kh, kw, I, O)
        Of the same type.
    size : (int, int)
        H and W of the input, which H' and W' alone do not tell when the stride is above 1.
    stride, padding : int
        As in the forward pass.
    out : array of shape (N, H, W, I), optional
        Where to put the result.

    Returns
    -------
    array of shape (N, H, W, I)

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    name = "convolution_input_gradient"
    size = (int(size[0]), int(size[1]))
    require_pixels(name, size)
    expected = require_output(name, dy, w, size, w.shape[:2], stride, padding)
    require_size(name, expected, dy)
    require_channels(name, "dy and w", dy.shape[3], w.shape[3])
    out = result(name, (len(dy), *size, w.shape[2]), dy.dtype, out, False)
    axes = [gradient_axis(size[a], w.shape[a], stride, padding) for a in (0, 1)]
    _slide(dy, w, out, axes[0], axes[1], (1, stride), transposed=True)
    return out


def convolution_weight_gradient(
    x: Array,
    dy: Array,
    kernel_size: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
    out: Array | None = None,
    *,
    accumulate: bool = False,
) -> Array:
    """Return the gradient at the weights of `convolution_forward`: its adjoint in w, applied to dy.

    Parameters
    ----------
    x : array of shape (N, H, W, I)
        ``float32`` or ``float64``.
    dy : array of shape (N, H', W', O)
        Of the same type.
    kernel_size : (int, int)
        kh and kw.
    stride, padding : int
        As in the forward pass.
    out : array of shape (kh, kw, I, O), optional
        Where to put the result.
    accumulate : bool
        Add to `out` instead of overwriting it.

    Returns
    -------
    array of shape (kh, kw, I, O)

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    name = "convolution_weight_gradient"
    kernel_size = (int(kernel_size[0]), int(kernel_size[1]))
    require_size(name, require_output(name, x, dy, x.shape[1:3], kernel_size, stride, padding), dy)
    require_one_count(name, x, dy)
    out = result(name, (*kernel_size, x.shape[3], dy.shape[3]), x.dtype, out, accumulate)
    if not accumulate:
        out.fill(0)
    paddings = (padding, padding)
    mirrored = tuple(kernel_size[a] - 1 - padding for a in (0, 1))
    if dy.shape[3] == 1 < x.shape[3] and stride == 1 and min(mirrored) >= 0:
        # One column would waste the tile's vectors. With stride 1, x and dy can change places: the
        # result is the same with its taps in the opposite order.
        swapped = scratch("swapped", out.size, out.dtype)[: out.size]
        swapped.fill(0)
        turned = swapped.reshape(*kernel_size, 1, x.shape[3])
        _sum_over_pixels(dy, x, turned, 1, mirrored)
        out[..., 0] += turned[::-1, ::-1, 0]
    else:
        _sum_over_pixels(x, dy, out, stride, paddings)
    return out


def _slide(
    x: Array,
    w: Array,
    out: Array,
    y_axes: tuple[Axis, ...],
    x_axes: tuple[Axis, ...],
    strides: tuple[int, int],
    transposed: bool,
) -> None:
    """Run `correlate`: slide the taps over x, with the tile that suits the output's channels."""
    channels = out.shape[3]
    if channels == 1:
        tile, rows, width = dot_address(out.dtype), dot_rows(out.dtype), 1
    else:
        tile, rows = tile_address(out.dtype, UNIT_STEP), tile_rows()
        width = panel_columns(out.dtype)
    padded = -(-channels // width) * width
    few = min(FEW_PIXELS, len(x))
    phases, room = phase_table(y_axes, x_axes, strides[0], x.shape[2], few, x.shape[3], padded)
    panels = scratch("taps", room + width * width, out.dtype)  # see pack_transposed for the end
    flat = np.ascontiguousarray(w).reshape(-1)
    pack_taps(panels, flat, w.shape, phases, -strides[1] if transposed else 1, transposed, width)
    run_parts(
        correlate,
        out.size * room // max(1, len(phases)) / padded * NANOSECONDS[out.itemsize],
        tile,
        (np.ascontiguousarray(x).reshape(-1), panels, out.reshape(-1)),
        phases,
        x.shape,
        out.shape,
        strides,
        (rows, width),
    )


def _sum_over_pixels(
    x: Array, dy: Array, out: Array, stride: int, paddings: tuple[int, ...]
) -> None:
    """Run `weight_gradient`, on dy in place if its pixels are whole vectors, else on a copy."""
    width, channels = panel_columns(out.dtype), dy.shape[3]
    pixels, step = dy.size // max(1, channels), channels
    flat = np.ascontiguousarray(dy).reshape(-1)
    if channels % lanes(out.dtype):
        step = -(-channels // width) * width
        wide = scratch("dy", pixels * step, out.dtype)
        widen(wide, flat, pixels, channels, width)
        flat = wide
    axis = forward_axis(x.shape[2], out.shape[1], stride, paddings[1])
    few = min(FEW_PIXELS, len(x))
    inner = phase_table(axis, axis, stride, x.shape[2], few, 0, 0)[0][0, -2:]
    bytes_each = (x.shape[1] * x.shape[2] * x.shape[3] + dy.shape[1] * dy.shape[2] * step) * (
        out.itemsize
    )
    group = max(1, _GROUP_BYTES // max(1, bytes_each))
    run_parts(
        weight_gradient,
        dy.size * out.shape[0] * out.shape[1] * out.shape[2] * NANOSECONDS[out.itemsize],
        tile_address(out.dtype, UNIT_ROW),
        (np.ascontiguousarray(x).reshape(-1), flat, out.reshape(-1)),
        x.shape,
        (dy.shape[1], dy.shape[2], step),
        (out.shape[0], out.shape[1], channels),
        (stride, paddings[0], paddings[1], int(inner[0]), int(inner[1]), group),
        (tile_rows(), width),
    )
