"""Two-dimensional convolution on the register tile, with its gradients.

Images are (N, H, W, C), weights (kh, kw, in, out). The forward pass slides the weights over the
input. The gradient of the input slides them, rotated by 180°, over the gradient of the output: with
a stride, the input's pixels fall into stride² phases, and each phase meets its own taps. The
gradient of the weights is a sum over pixels (see ``weight_gradient``).

A transposed convolution is the same three with the two ends exchanged: its forward pass is the
convolution's input gradient, and its input gradient the convolution.
"""

import numpy as np

from scratchvae.kernels.convolution.geometry import (
    check_equal,
    check_images,
    check_output,
    check_pixels,
    check_upstream,
)
from scratchvae.kernels.convolution.phases import (
    FEW_PIXELS,
    Axis,
    forward_axis,
    gradient_axis,
    inner_pixels,
    phase_table,
)
from scratchvae.kernels.convolution.slide import correlate, pack_taps
from scratchvae.kernels.convolution.weight_gradient import turn_taps, weight_gradient, widen
from scratchvae.kernels.convolution.winograd import (
    slide_tasks,
    slides_pay,
    sums_pay,
    weight_gradient_tasks,
)
from scratchvae.kernels.machine.dot_tile import dot_address, dot_rows
from scratchvae.kernels.machine.simd import lanes
from scratchvae.kernels.machine.tasks import Resources, Task, compute
from scratchvae.kernels.machine.tile import (
    UNIT_ROW,
    UNIT_STEP,
    panel_columns,
    tile_address,
    tile_rows,
)
from scratchvae.kernels.matrix_product import NANOSECONDS
from scratchvae.validation import FloatArray

_GROUP_BYTES = 1 << 19  # of images: what stays in the second-level cache


def convolution_forward(
    x: FloatArray, w: FloatArray, stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return the convolution of x and w. Definition: ``reference.convolution_forward``.

    Like the other five, it takes arrays of one dtype in any memory order, and raises an
    `InputError` if shapes or dtypes do not fit.
    """
    name = "convolution_forward"
    check_images(name, "x and w", x, w)
    size = check_output(name, x.shape[1:3], w.shape[:2], stride, padding)
    check_equal(f"the channels of x and of w in {name}", x.shape[3], w.shape[2])
    out = np.empty((len(x), *size, w.shape[3]), x.dtype)
    return compute(convolution_forward_tasks, (x, w), out, stride, padding)


def convolution_input_gradient(
    dy: FloatArray, w: FloatArray, size: tuple[int, int], stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return ∂loss/∂x. Definition: ``reference.convolution_input_gradient``."""
    name = "convolution_input_gradient"
    size = (int(size[0]), int(size[1]))
    check_images(name, "dy and w", dy, w)
    check_pixels(name, size)
    check_upstream(name, dy, check_output(name, size, w.shape[:2], stride, padding))
    check_equal(f"the channels of dy and of w in {name}", dy.shape[3], w.shape[3])
    out = np.empty((len(dy), *size, w.shape[2]), dy.dtype)
    return compute(convolution_input_gradient_tasks, (dy, w), out, stride, padding)


def convolution_weight_gradient(
    x: FloatArray, dy: FloatArray, kernel_size: tuple[int, int], stride: int = 1, padding: int = 0
) -> FloatArray:
    """Return ∂loss/∂w. Definition: ``reference.convolution_weight_gradient``."""
    name = "convolution_weight_gradient"
    kernel_size = (int(kernel_size[0]), int(kernel_size[1]))
    check_images(name, "x and dy", x, dy)
    check_upstream(name, dy, check_output(name, x.shape[1:3], kernel_size, stride, padding))
    check_equal(f"the images of x and of dy in {name}", len(x), len(dy))
    out = np.empty((*kernel_size, x.shape[3], dy.shape[3]), x.dtype)
    return compute(convolution_weight_gradient_tasks, (x, dy), out, stride, padding)


def convolution_forward_tasks(
    resources: Resources,
    x: FloatArray,
    w: FloatArray,
    out: FloatArray,
    stride: int = 1,
    padding: int = 0,
) -> list[Task]:
    """Return the tasks of ``convolution_forward``."""
    y_axes, x_axes = (forward_axis(x.shape[a], w.shape[a - 1], stride, padding) for a in (1, 2))
    return _slide(resources, x, w, out, y_axes, x_axes, (stride, 1), transposed=False)


def convolution_input_gradient_tasks(
    resources: Resources,
    dy: FloatArray,
    w: FloatArray,
    out: FloatArray,
    stride: int = 1,
    padding: int = 0,
) -> list[Task]:
    """Return the tasks of ``convolution_input_gradient``, for an input of the size of ``out``."""
    y_axes, x_axes = (gradient_axis(out.shape[a], w.shape[a - 1], stride, padding) for a in (1, 2))
    return _slide(resources, dy, w, out, y_axes, x_axes, (1, stride), transposed=True)


def convolution_weight_gradient_tasks(
    resources: Resources,
    x: FloatArray,
    dy: FloatArray,
    out: FloatArray,
    stride: int = 1,
    padding: int = 0,
    accumulate: bool = False,
) -> list[Task]:
    """Return the tasks of ``convolution_weight_gradient``, or of adding it to ``out``."""
    y_axis, x_axis = (
        forward_axis(x.shape[a], out.shape[a - 1], stride, padding)[0] for a in (1, 2)
    )
    if sums_pay(x, out, dy, (y_axis, x_axis), stride):
        return weight_gradient_tasks(resources, x, dy, out, padding, accumulate)
    mirrored = (out.shape[0] - 1 - padding, out.shape[1] - 1 - padding)
    if dy.shape[3] == 1 < x.shape[3] and stride == 1 and min(mirrored) >= 0:
        # One column would waste the tile's vectors. With stride 1, x and dy can change places: the
        # result is the same with its taps in the opposite order.
        flat = resources.memory.scratch("turned", out.size, out.dtype)[: out.size]
        turned = flat.reshape(*out.shape[:2], 1, out.shape[2])
        return [
            *_sum_over_pixels(resources, dy, x, turned, 1, mirrored, False),
            Task(turn_taps, 0, (flat, out.reshape(-1), out.shape[2], accumulate)),
        ]
    return _sum_over_pixels(resources, x, dy, out, stride, (padding, padding), accumulate)


def _slide(
    resources: Resources,
    x: FloatArray,
    w: FloatArray,
    out: FloatArray,
    y_axes: tuple[Axis, ...],
    x_axes: tuple[Axis, ...],
    strides: tuple[int, int],
    transposed: bool,
) -> list[Task]:
    """Return the tasks that slide taps over x, with the tile that suits the output's channels."""
    channels = out.shape[3]
    axes = y_axes[0], x_axes[0]
    if slides_pay(x, w, out, axes, max(strides)):
        return slide_tasks(resources, x, w, out, axes, transposed)
    if channels == 1:
        tile, tile_shape = dot_address(out.dtype), (dot_rows(out.dtype), 1)
    else:
        tile = tile_address(out.dtype, UNIT_STEP)
        tile_shape = (tile_rows(), panel_columns(out.dtype))
    width = tile_shape[1]
    padded = -(-channels // width) * width
    # At inner rows, border columns are computed image by image. With one output channel the
    # arithmetic is so little that reading the images a second time would double the cost. With
    # more, tiles full of images are the faster ones, and there are no inner rows.
    few = (FEW_PIXELS if channels == 1 else out.shape[1] + 1, min(FEW_PIXELS, len(x)))
    phases, size = phase_table(y_axes, x_axes, strides[0], x.shape[1:3], few, x.shape[3] * padded)
    # The last panel may be written a little beyond its end: see pack_transposed.
    panels = resources.memory.scratch("taps", size + width * width, out.dtype)
    tap_step = -strides[1] if transposed else 1
    work = out.size * size / max(1, len(phases)) / padded * NANOSECONDS[out.itemsize]
    numbers = (*x.shape, *out.shape[1:], *strides, *tile_shape)  # as in slide.Sizes
    arguments = (tile, x.reshape(-1), panels, out.reshape(-1), phases, numbers)
    return [
        Task(pack_taps, 0, (panels, w.reshape(-1), w.shape, phases, tap_step, transposed, width)),
        Task(correlate, work, arguments),
    ]


def _sum_over_pixels(
    resources: Resources,
    x: FloatArray,
    dy: FloatArray,
    out: FloatArray,
    stride: int,
    paddings: tuple[int, int],
    accumulate: bool,
) -> list[Task]:
    """Return the tasks of `weight_gradient`, on a copy of dy if its pixels are no whole vectors."""
    width, channels = panel_columns(out.dtype), dy.shape[3]
    pixels, step = dy.size // max(1, channels), channels
    flat, tasks = dy.reshape(-1), []
    if channels % lanes(out.dtype):
        step = -(-channels // width) * width
        wide = resources.memory.scratch("dy", pixels * step, out.dtype)
        tasks.append(Task(widen, 0, (wide, flat, pixels, channels, width)))
        flat = wide
    axis = forward_axis(x.shape[2], out.shape[1], stride, paddings[1])[0]
    inner = inner_pixels(axis, stride, x.shape[2], min(FEW_PIXELS, len(x)))
    numbers_an_image = x[:1].size + dy.shape[1] * dy.shape[2] * step
    group = max(1, _GROUP_BYTES // max(1, numbers_an_image * out.itemsize))
    shapes = (*x.shape, *out.shape[:2], *dy.shape[1:])
    cut = (group, tile_rows(), width)
    numbers = (*shapes, step, stride, *paddings, *inner, *cut)  # as in weight_gradient.Sizes
    tile = tile_address(out.dtype, UNIT_ROW)
    arguments = (tile, x.reshape(-1), flat, out.reshape(-1), numbers, accumulate)
    work = dy.size * out.shape[0] * out.shape[1] * out.shape[2] * NANOSECONDS[out.itemsize]
    return [*tasks, Task(weight_gradient, work, arguments)]
