"""Passes over arrays whose last axis counts channels: biases, and batch normalisation.

Where an activation follows, it is applied in the same pass: memory is slower than arithmetic.

A sum over rows is made of sums over blocks of rows, added up in order at the end. The blocks have
the same size whatever the number of threads, and so has the result the same bits.
"""

import numpy as np

from scratchvae.arrays import FloatArray
from scratchvae.kernels.activation import KINDS
from scratchvae.kernels.arrays import Array, result
from scratchvae.kernels.compilation import kernel
from scratchvae.kernels.exponential import expm1
from scratchvae.kernels.parts import bounds, in_parallel
from scratchvae.kernels.threads import run_parts
from scratchvae.kernels.workspace import scratch

# The activations that a bias or a normalisation takes along in its own pass over memory.
FUSED = ("relu", "elu")
_CODES = KINDS | {"identity": -1}
_RELU, _ELU = KINDS["relu"], KINDS["elu"]

_BLOCK_BYTES = 1 << 17  # of rows: small enough to stay in a core's own cache for a second look
_NANOSECONDS = 0.5  # a number, roughly: what a pass over memory costs


def add_bias(
    y: FloatArray, bias: FloatArray, kind: str = "identity", alpha: float = 1.0
) -> FloatArray:
    """Add ``bias`` (C,) to every row of ``y`` (…, C) and apply an activation, in place.

    Parameters
    ----------
    y
        What is changed, and returned.
    bias
        One number per channel.
    kind, alpha
        The activation: ``"identity"``, or one of ``FUSED``, as for ``activation_forward``.
    """
    work, code = y.size * _NANOSECONDS, _CODES[kind]
    run_parts(_add_bias, _add_bias_parallel, work, _rows(y), bias, code, y.dtype.type(alpha))
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
    """
    out = result("activation_backward_and_sum", y.shape, y.dtype, out, False)
    dy_rows, y_rows = _rows(dy), _rows(y)
    sums = _block_room("sums", y_rows)
    factors = (_CODES[kind], y.dtype.type(alpha))
    work = y.size * _NANOSECONDS
    run_parts(_pull, _pull_parallel, work, dy_rows, y_rows, _rows(out), sums, *factors)
    total += sums.sum(axis=0, dtype=np.float64)
    return out


def sum_rows(x: FloatArray, out: FloatArray) -> FloatArray:
    """Add the sum of all rows of ``x`` (…, C) to ``out`` (C,), and return it: a bias's gradient."""
    rows = _rows(x)
    sums = _block_room("sums", rows)
    run_parts(_sum_blocks, _sum_blocks_parallel, x.size * _NANOSECONDS, rows, sums)
    out += sums.sum(axis=0, dtype=np.float64)
    return out


def channel_moments(x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return mean and (biased) variance of each channel: (…, C) to (C,) both."""
    rows = _rows(x)
    means, squares, rests = (_block_room(name, rows) for name in ("means", "squares", "rests"))
    run_parts(_moments, _moments_parallel, x.size * _NANOSECONDS, rows, means, squares, rests)
    # Blocks' own squares, and those of their means around the mean of all (Chan et al., 1979).
    counts = np.full((len(means), 1), _block(rows), np.float64)
    counts[-1] -= counts.sum() - len(rows)
    centres = means.astype(np.float64) + rests
    mean = (centres * counts).sum(axis=0) / len(rows)
    spread = squares.sum(axis=0, dtype=np.float64) + ((centres - mean) ** 2 * counts).sum(axis=0)
    return mean.astype(x.dtype), (spread / len(rows)).astype(x.dtype)


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
    """
    out = result("batch_norm_forward", x.shape, x.dtype, out, False)
    arrays = (_rows(x), mean, deviation * scale, shift, _rows(out))
    factors = (_CODES[kind], x.dtype.type(alpha))
    run_parts(_normalise, _normalise_parallel, x.size * _NANOSECONDS, *arrays, *factors)
    return out


def batch_norm_backward(
    dy: FloatArray,
    x: FloatArray,
    mean: FloatArray,
    deviation: FloatArray,
    scale: FloatArray,
    training: bool,
    out: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return ∂loss/∂x, ∂loss/∂scale and ∂loss/∂shift.

    In training, mean and deviation are themselves functions of x, and two terms come back through
    them.
    """
    out = result("batch_norm_backward", x.shape, x.dtype, out, False)
    dy_rows, x_rows = _rows(dy), _rows(x)
    products, sums = _block_room("products", x_rows), _block_room("sums", x_rows)
    work = x.size * _NANOSECONDS
    run_parts(_correlate, _correlate_parallel, work, dy_rows, x_rows, mean, products, sums)
    d_scale = (products.sum(axis=0, dtype=np.float64) * deviation).astype(x.dtype)
    d_shift = sums.sum(axis=0, dtype=np.float64).astype(x.dtype)
    count = max(len(x_rows), 1) if training else np.inf
    slope = deviation * scale
    constant, per_x = d_shift / x.dtype.type(count), d_scale * deviation / x.dtype.type(count)
    run_parts(
        _pull_back,
        _pull_back_parallel,
        work,
        dy_rows,
        x_rows,
        mean,
        slope,
        constant,
        per_x,
        _rows(out),
    )
    return out, d_scale, d_shift


def _rows(x: FloatArray) -> FloatArray:
    channels = x.shape[-1]
    return np.ascontiguousarray(x).reshape(x.size // max(channels, 1), channels)


def _block(rows: FloatArray) -> int:
    """Return how many rows a block has."""
    row_bytes: int = rows.shape[1] * rows.itemsize
    return max(_BLOCK_BYTES // max(row_bytes, 1), 1)


def _block_room(purpose: str, rows: FloatArray) -> FloatArray:
    """Return room for a number per channel of each block."""
    blocks, channels = -(-len(rows) // _block(rows)), rows.shape[1]
    return scratch(purpose, blocks * channels, rows.dtype)[: blocks * channels].reshape(
        blocks, channels
    )


@kernel()
def _add_bias(part: int, parts: int, y: Array, bias: Array, kind: int, alpha: float) -> None:
    zero = y.dtype.type(0)
    first, last = bounds(part, parts, len(y))
    for row in range(first, last):
        if kind == _RELU:
            for c in range(y.shape[1]):
                value = y[row, c] + bias[c]
                y[row, c] = zero if value < zero else value
        elif kind == _ELU:
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
    kind: int,
    alpha: float,
) -> None:
    zero, one = y.dtype.type(0), y.dtype.type(1)
    first_block, last_block = bounds(part, parts, len(sums))
    for block in range(first_block, last_block):
        first, last = _block_rows(block, len(sums), y)
        total = sums[block]
        total[:] = 0
        for row in range(first, last):
            if kind == _RELU:
                for c in range(y.shape[1]):
                    d = dy[row, c] if y[row, c] > zero else zero
                    dx[row, c] = d
                    total[c] += d
            else:
                for c in range(y.shape[1]):
                    d = dy[row, c] * (one if y[row, c] > zero else y[row, c] + alpha)
                    dx[row, c] = d
                    total[c] += d


@kernel()
def _block_rows(block: int, blocks: int, x: Array) -> tuple[int, int]:
    """Return the first row of a block, and the one after its last."""
    size = max(_BLOCK_BYTES // (x.shape[1] * x.itemsize), 1)
    return block * size, min((block + 1) * size, len(x))


@kernel()
def _sum_blocks(part: int, parts: int, x: Array, sums: Array) -> None:
    first_block, last_block = bounds(part, parts, len(sums))
    for block in range(first_block, last_block):
        first, last = _block_rows(block, len(sums), x)
        total = sums[block]
        total[:] = 0
        for row in range(first, last):
            for c in range(x.shape[1]):
                total[c] += x[row, c]


@kernel()
def _moments(part: int, parts: int, x: Array, means: Array, squares: Array, rests: Array) -> None:
    first_block, last_block = bounds(part, parts, len(means))
    for block in range(first_block, last_block):
        first, last = _block_rows(block, len(means), x)
        mean, square, rest = means[block], squares[block], rests[block]
        mean[:] = 0
        square[:] = 0
        rest[:] = 0
        for row in range(first, last):
            for c in range(x.shape[1]):
                mean[c] += x[row, c]
        for c in range(x.shape[1]):
            mean[c] /= x.dtype.type(last - first)
        # The block is still in the cache: deviations from its own mean lose no digits, and what
        # their sum falls short of 0 is the rounding of that mean.
        for row in range(first, last):
            for c in range(x.shape[1]):
                deviation = x[row, c] - mean[c]
                rest[c] += deviation
                square[c] += deviation * deviation
        for c in range(x.shape[1]):
            rest[c] /= x.dtype.type(last - first)
            square[c] -= rest[c] * rest[c] * x.dtype.type(last - first)


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
    zero = x.dtype.type(0)
    first, last = bounds(part, parts, len(x))
    for row in range(first, last):
        if kind == _RELU:
            for c in range(x.shape[1]):
                value = (x[row, c] - mean[c]) * slope[c] + shift[c]
                y[row, c] = zero if value < zero else value
        elif kind == _ELU:
            for c in range(x.shape[1]):
                value = (x[row, c] - mean[c]) * slope[c] + shift[c]
                below = alpha * expm1(value if value < zero else zero)
                y[row, c] = below if value < zero else value
        else:
            for c in range(x.shape[1]):
                y[row, c] = (x[row, c] - mean[c]) * slope[c] + shift[c]


@kernel()
def _correlate(
    part: int, parts: int, dy: Array, x: Array, mean: Array, products: Array, sums: Array
) -> None:
    first_block, last_block = bounds(part, parts, len(sums))
    for block in range(first_block, last_block):
        first, last = _block_rows(block, len(sums), x)
        product, total = products[block], sums[block]
        product[:] = 0
        total[:] = 0
        for row in range(first, last):
            for c in range(x.shape[1]):
                total[c] += dy[row, c]
                product[c] += dy[row, c] * (x[row, c] - mean[c])


@kernel()
def _pull_back(
    part: int,
    parts: int,
    dy: Array,
    x: Array,
    mean: Array,
    slope: Array,
    constant: Array,
    per_x: Array,
    dx: Array,
) -> None:
    first, last = bounds(part, parts, len(x))
    for row in range(first, last):
        for c in range(x.shape[1]):
            through_moments = constant[c] + (x[row, c] - mean[c]) * per_x[c]
            dx[row, c] = (dy[row, c] - through_moments) * slope[c]


_add_bias_parallel = in_parallel(_add_bias)
_pull_parallel = in_parallel(_pull)
_sum_blocks_parallel = in_parallel(_sum_blocks)
_moments_parallel = in_parallel(_moments)
_normalise_parallel = in_parallel(_normalise)
_correlate_parallel = in_parallel(_correlate)
_pull_back_parallel = in_parallel(_pull_back)
