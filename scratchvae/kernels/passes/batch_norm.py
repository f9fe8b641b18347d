"""Batch normalisation: the moments of each channel, the normalising pass, and the two back.

The activation after it is applied, and undone, in the same passes over memory. Each has loops of
its own: with the activation in a function that all share, the passes back took more than twice as
long.
"""

import numpy as np

from scratchvae.kernels.machine.arguments import Array, require_shape, result
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import expm1
from scratchvae.kernels.machine.threads import run_parts
from scratchvae.kernels.passes.bias import CODES, ELU, RELU
from scratchvae.kernels.passes.rows import (
    NANOSECONDS,
    add_blocks,
    add_up,
    block_bounds,
    block_lines,
    block_room,
    lines,
    repeat,
    require_per_channel,
)
from scratchvae.validation import FloatArray


def channel_moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and (biased) variance of each channel: (…, C) to (C,) both."""
    wide, channels = lines(x), x.shape[-1]
    rooms = [block_room(name, wide) for name in ("means", "squares", "rests")]
    run_parts(_moments, x.size * NANOSECONDS, wide, *rooms, channels)
    means, squares, rests = rooms
    # Blocks' own squares, and those of their means around the mean of all (Chan et al., 1979).
    rows, rows_a_line = x.size // max(channels, 1), wide.shape[1] // max(channels, 1)
    counts = np.full(len(means), block_lines(wide) * rows_a_line, np.float64)
    counts[-1] -= counts.sum() - rows
    centres = means[:, :channels].astype(np.float64)
    centres += rests[:, :channels]
    mean = np.einsum("b,bc->c", counts, centres) / rows
    centres -= mean
    spread = add_blocks(squares, channels) + np.einsum("b,bc,bc->c", counts, centres, centres)
    return mean.astype(x.dtype), (spread / rows).astype(x.dtype)


def batch_norm_forward(
    x: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
    scale: FloatArray,
    shift: FloatArray,
    out: FloatArray | None = None,
    *,
    kind: str = "identity",
    alpha: float = 1.0,
) -> FloatArray:
    """Return scale · (x − mean) · deviation + shift, where ``deviation`` is 1/√(σ² + ε).

    ``kind`` and ``alpha`` are an activation applied to it, as for ``add_bias``.

    Raises
    ------
    InputError
        If there is not one number of each kind per channel.
    """
    name = "batch_norm_forward"
    require_per_channel(name, x, mean=mean, deviation=deviation, scale=scale, shift=shift)
    out = result(name, x.shape, x.dtype, out, False)
    wide = lines(x)
    values = (repeat(value, wide) for value in (mean, deviation * scale, shift))
    factors = (CODES[kind], x.dtype.type(alpha))
    work = x.size * NANOSECONDS
    run_parts(_normalise, work, wide, *values, lines(out), *factors)
    return out


def batch_norm_backward(
    dy: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
    scale: FloatArray,
    training: bool,
    out: FloatArray | None = None,
    *,
    kind: str = "identity",
    alpha: float = 1.0,
    y: FloatArray | None = None,
    total: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ∂loss/∂x, ∂loss/∂scale and ∂loss/∂shift.

    In training, mean and deviation are themselves functions of x, and two terms come back through
    them.

    Parameters
    ----------
    dy
        ∂loss/∂y at the output, which is that of the activation if there is one.
    x, mean, deviation, scale
        What ``batch_norm_forward`` was given.
    training
        Whether mean and deviation are the moments of this x.
    out
        Where to put ∂loss/∂x.
    kind, alpha, y
        The activation that was applied, and its output.
    total
        (C,), to which the sum of the rows of ∂loss/∂x is added: the gradient of a bias before.

    Raises
    ------
    InputError
        If ``dy`` or ``y`` is not of the shape of ``x``, or as above.
    """
    name = "batch_norm_backward"
    require_shape(name, "dy", dy, x.shape)
    require_shape(name, "y", x if y is None else y, x.shape)
    require_per_channel(name, x, mean=mean, deviation=deviation, scale=scale)
    if total is not None:
        require_per_channel(name, x, total=total)
    out = result(name, x.shape, x.dtype, out, False)
    channels = x.shape[-1]
    # Without an activation y goes unread.
    arrays = (lines(dy), lines(x if y is None else y), lines(x))
    products, sums = block_room("products", arrays[2]), block_room("sums", arrays[2])
    work, centre = x.size * NANOSECONDS, repeat(mean, arrays[2])
    factors = (channels, CODES[kind], x.dtype.type(alpha))
    run_parts(_correlate, work, *arrays, centre, products, sums, *factors)
    d_scale = (add_blocks(products, channels) * deviation).astype(x.dtype)
    d_shift = add_blocks(sums, channels).astype(x.dtype)
    count = x.dtype.type(max(x.size // max(channels, 1), 1) if training else np.inf)
    values = (mean, deviation * scale, d_shift / count, d_scale * deviation / count)
    wide = (repeat(value, arrays[2]) for value in values)
    run_parts(_pull_back, work, *arrays, *wide, lines(out), sums, *factors)
    if total is not None:
        total += add_blocks(sums, channels)
    return out, d_scale, d_shift


@kernel()
def _moments(
    part: int, parts: int, x: Array, means: Array, squares: Array, rests: Array, channels: int
) -> None:
    if part == ALL:
        return run_all(parts)
    first_block, last_block = bounds(part, parts, len(means))
    for block in range(first_block, last_block):
        first, last = block_bounds(block, x)
        mean, square, rest = means[block], squares[block], rests[block]
        mean[:] = 0
        square[:] = 0
        rest[:] = 0
        count = x.dtype.type((last - first) * (x.shape[1] // channels))
        for row in range(first, last):
            for c in range(x.shape[1]):
                mean[c] += x[row, c]
        add_up(mean, channels)
        for c in range(channels):
            mean[c] /= count
        for c in range(channels, x.shape[1]):
            mean[c] = mean[c - channels]
        # The block is still in the cache: deviations from its own mean lose no digits, and what
        # their sum falls short of 0 is the rounding of that mean.
        for row in range(first, last):
            for c in range(x.shape[1]):
                deviation = x[row, c] - mean[c]
                rest[c] += deviation
                square[c] += deviation * deviation
        add_up(rest, channels)
        add_up(square, channels)
        for c in range(channels):
            rest[c] /= count
            square[c] -= rest[c] * rest[c] * count


@kernel()
def _normalise(
    part: int,
    parts: int,
    x: Array,
    mean: Array,
    slope: Array,
    shift: Array,
    y: Array,
    kind: int,
    alpha: float,
) -> None:
    if part == ALL:
        return run_all(parts)
    zero = x.dtype.type(0)
    first, last = bounds(part, parts, len(x))
    for row in range(first, last):
        if kind == RELU:
            for c in range(x.shape[1]):
                value = (x[row, c] - mean[c]) * slope[c] + shift[c]
                y[row, c] = zero if value < zero else value
        elif kind == ELU:
            for c in range(x.shape[1]):
                value = (x[row, c] - mean[c]) * slope[c] + shift[c]
                below = alpha * expm1(value if value < zero else zero)
                y[row, c] = below if value < zero else value
        else:
            for c in range(x.shape[1]):
                y[row, c] = (x[row, c] - mean[c]) * slope[c] + shift[c]


@kernel()
def _correlate(
    part: int,
    parts: int,
    dy: Array,
    y: Array,
    x: Array,
    mean: Array,
    products: Array,
    sums: Array,
    channels: int,
    kind: int,
    alpha: float,
) -> None:
    if part == ALL:
        return run_all(parts)
    zero, one = x.dtype.type(0), x.dtype.type(1)
    first_block, last_block = bounds(part, parts, len(sums))
    for block in range(first_block, last_block):
        first, last = block_bounds(block, x)
        product, total = products[block], sums[block]
        product[:] = 0
        total[:] = 0
        for row in range(first, last):
            if kind == RELU:
                for c in range(x.shape[1]):
                    d = dy[row, c] if y[row, c] > zero else zero
                    total[c] += d
                    product[c] += d * (x[row, c] - mean[c])
            elif kind == ELU:
                for c in range(x.shape[1]):
                    d = dy[row, c] * (one if y[row, c] > zero else y[row, c] + alpha)
                    total[c] += d
                    product[c] += d * (x[row, c] - mean[c])
            else:
                for c in range(x.shape[1]):
                    total[c] += dy[row, c]
                    product[c] += dy[row, c] * (x[row, c] - mean[c])
        add_up(product, channels)
        add_up(total, channels)


@kernel()
def _pull_back(
    part: int,
    parts: int,
    dy: Array,
    y: Array,
    x: Array,
    mean: Array,
    slope: Array,
    constant: Array,
    per_x: Array,
    dx: Array,
    sums: Array,
    channels: int,
    kind: int,
    alpha: float,
) -> None:
    if part == ALL:
        return run_all(parts)
    zero, one = x.dtype.type(0), x.dtype.type(1)
    first_block, last_block = bounds(part, parts, len(sums))
    for block in range(first_block, last_block):
        first, last = block_bounds(block, x)
        total = sums[block]
        total[:] = 0
        for row in range(first, last):
            if kind == RELU:
                for c in range(x.shape[1]):
                    d = dy[row, c] if y[row, c] > zero else zero
                    through_moments = constant[c] + (x[row, c] - mean[c]) * per_x[c]
                    d = (d - through_moments) * slope[c]
                    dx[row, c] = d
                    total[c] += d
            elif kind == ELU:
                for c in range(x.shape[1]):
                    d = dy[row, c] * (one if y[row, c] > zero else y[row, c] + alpha)
                    through_moments = constant[c] + (x[row, c] - mean[c]) * per_x[c]
                    d = (d - through_moments) * slope[c]
                    dx[row, c] = d
                    total[c] += d
            else:
                for c in range(x.shape[1]):
                    through_moments = constant[c] + (x[row, c] - mean[c]) * per_x[c]
                    d = (dy[row, c] - through_moments) * slope[c]
                    dx[row, c] = d
                    total[c] += d
        add_up(total, channels)
