"""Passes over arrays whose last axis counts channels: biases, their gradients, and activations.

Where an activation follows, it is applied in the same pass: memory is slower than arithmetic.
"""

from scratchvae.kernels.machine.arguments import Array, require_shape, result
from scratchvae.kernels.machine.chunks import ALL, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.exponential import expm1
from scratchvae.kernels.machine.threads import run_parts
from scratchvae.kernels.passes.activation import KINDS
from scratchvae.kernels.passes.rows import (
    NANOSECONDS,
    add_blocks,
    add_up,
    block_bounds,
    block_room,
    lines,
    repeat,
    require_per_channel,
)
from scratchvae.validation import FloatArray

# The activations that a bias or a normalisation takes along in its own pass over memory.
FUSED = ("relu", "elu")
CODES = KINDS | {"identity": -1}
RELU, ELU = KINDS["relu"], KINDS["elu"]


def add_bias(
    y: FloatArray, bias: FloatArray, kind: str = "identity", alpha: float = 1.0
) -> FloatArray:
    """Add ``bias`` (C,) to every row of ``y`` (…, C) and apply an activation, in place.

    Parameters
    ----------
    y
        What is changed, and returned; other than C order costs two copies.
    bias
        One number per channel.
    kind, alpha
        The activation: ``"identity"``, or one of ``FUSED``, as for ``activation_forward``.

    Raises
    ------
    InputError
        If there is not one bias per channel.
    """
    require_per_channel("add_bias", y, bias=bias)
    work, code, wide = y.size * NANOSECONDS, CODES[kind], lines(y)
    factors = (code, y.dtype.type(alpha))
    run_parts(_add_bias, work, wide, repeat(bias, wide), *factors)
    if not y.flags.c_contiguous:  # then the lines are a copy
        y[...] = wide.reshape(y.shape)
    return y


def activation_backward_and_sum(
    kind: str,
    dy: FloatArray,
    y: FloatArray,
    total: FloatArray,
    alpha: float = 1.0,
    out: FloatArray | None = None,
) -> FloatArray:
    """Return ``activation_backward(kind, dy, y, alpha)``, and add the sum of its rows to ``total``.

    ``kind`` is one of ``FUSED``; ``total`` is (C,), a bias's gradient.

    Raises
    ------
    InputError
        If ``dy`` is not of the shape of ``y``, or ``total`` not of one number per channel.
    """
    require_shape("activation_backward_and_sum", "dy", dy, y.shape)
    require_per_channel("activation_backward_and_sum", y, total=total)
    out = result("activation_backward_and_sum", y.shape, y.dtype, out, False)
    arrays = (lines(dy), lines(y), lines(out))
    sums = block_room("sums", arrays[0])
    factors = (len(total), CODES[kind], y.dtype.type(alpha))
    run_parts(_pull, y.size * NANOSECONDS, *arrays, sums, *factors)
    total += add_blocks(sums, len(total))
    return out


def sum_rows(x: FloatArray, out: FloatArray) -> FloatArray:
    """Add the sum of all rows of ``x`` (…, C) to ``out`` (C,), and return it: a bias's gradient.

    Raises
    ------
    InputError
        If ``out`` does not have one number per channel.
    """
    require_per_channel("sum_rows", x, out=out)
    wide = lines(x)
    sums = block_room("sums", wide)
    run_parts(_sum_blocks, x.size * NANOSECONDS, wide, sums, len(out))
    out += add_blocks(sums, len(out))
    return out


@kernel()
def _add_bias(part: int, parts: int, y: Array, bias: Array, kind: int, alpha: float) -> None:
    if part == ALL:
        return run_all(parts)
    zero = y.dtype.type(0)
    first, last = bounds(part, parts, len(y))
    for row in range(first, last):
        if kind == RELU:
            for c in range(y.shape[1]):
                value = y[row, c] + bias[c]
                y[row, c] = zero if value < zero else value
        elif kind == ELU:
            for c in range(y.shape[1]):
                value = y[row, c] + bias[c]
                below = alpha * expm1(value if value < zero else zero)
                y[row, c] = below if value < zero else value
        else:
            for c in range(y.shape[1]):
                y[row, c] += bias[c]


@kernel()
def _pull(
    part: int,
    parts: int,
    dy: Array,
    y: Array,
    dx: Array,
    sums: Array,
    channels: int,
    kind: int,
    alpha: float,
) -> None:
    if part == ALL:
        return run_all(parts)
    zero, one = y.dtype.type(0), y.dtype.type(1)
    first_block, last_block = bounds(part, parts, len(sums))
    for block in range(first_block, last_block):
        first, last = block_bounds(block, y)
        total = sums[block]
        total[:] = 0
        for row in range(first, last):
            if kind == RELU:
                for c in range(y.shape[1]):
                    d = dy[row, c] if y[row, c] > zero else zero
                    dx[row, c] = d
                    total[c] += d
            else:
                for c in range(y.shape[1]):
                    d = dy[row, c] * (one if y[row, c] > zero else y[row, c] + alpha)
                    dx[row, c] = d
                    total[c] += d
        add_up(total, channels)


@kernel()
def _sum_blocks(part: int, parts: int, x: Array, sums: Array, channels: int) -> None:
    if part == ALL:
        return run_all(parts)
    first_block, last_block = bounds(part, parts, len(sums))
    for block in range(first_block, last_block):
        first, last = block_bounds(block, x)
        total = sums[block]
        total[:] = 0
        for row in range(first, last):
            for c in range(x.shape[1]):
                total[c] += x[row, c]
        add_up(total, channels)
