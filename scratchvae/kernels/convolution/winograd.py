"""Convolutions with fewer multiplications: Winograd's, on the register tile.

For the mathematics, and the definitions, see ``cook_toom``. A tile of 4×4 output pixels needs a
grid of n×n input pixels, n = 4 + taps − 1. At each of the n² positions (a, b) of the transformed
grids there is a matrix product by itself, which is what the register tile computes::

    V[a, b] = (Bᵀ x B)[a, b]      rows: tiles, columns: input channels
    U[a, b] = (G w Gᵀ)[a, b]      rows: input channels, columns: output channels
    y       = Aᵀ (V U) A          a tile's 4×4 pixels

Tiles are taken some at a time, so that V and the products stay in the second-level cache. The
gradient of the input is the same with the taps turned by 180°. The gradient of the weights has the
sum over tiles as its reduction::

    S[a, b] = Σ_tiles V[a, b]ᵀ D[a, b],   D = G dy Gᵀ,   dw = Aᵀ S A

Each output tile is made by one thread. The sum over tiles is cut into pieces whose number does not
depend on the threads, and added up in their order.

``SCRATCHVAE_WINOGRAD=off`` leaves every convolution to the direct kernels, whose error is smaller:
relative to the largest entry about 4e-7 in float32, and 1e-5 at most here (1e-15 and 1e-13 in
float64).
"""

from typing import Any

import numpy as np

from scratchvae.kernels.convolution.cook_toom import RESULTS, transforms
from scratchvae.kernels.convolution.phases import Axis
from scratchvae.kernels.convolution.winograd_tiles import (
    Sizes,
    finish_sums,
    slide_tiles,
    sum_tiles,
    transform_taps,
)
from scratchvae.kernels.machine.grid_transform import transform_address
from scratchvae.kernels.machine.simd import lanes
from scratchvae.kernels.machine.tasks import Resources, Task
from scratchvae.kernels.machine.tile import (
    UNIT_ROW,
    UNIT_STEP,
    panel_columns,
    tile_address,
    tile_rows,
)
from scratchvae.kernels.matrix_product import NANOSECONDS
from scratchvae.validation import FloatArray, chosen_by_variable

_KERNELS = (3, 5)
_SUMMED_TILES = 32  # at a time: more would leave the cache, fewer add to the sums more often
_PIECES = (12, 6, 4, 2)  # of the sum over tiles: numbers that threads can share evenly
_TILES_A_PIECE = 3 * _SUMMED_TILES  # at least

# Measured: how many times a product's time the transforms take, times the number of channels; how
# many times the time of sliding the sums take; and how much better an estimate has to be.
_TRANSFORMS_COST = 12.5
_SUMS_COST = 1.45
_CERTAINTY = 0.9


def slides_pay(
    x: FloatArray, w: FloatArray, out: FloatArray, axes: tuple[Axis, Axis], stride: int
) -> bool:
    """Tell whether `slide_tasks` are faster than the direct kernel, from the shapes alone.

    An `InputError` is raised if ``SCRATCHVAE_WINOGRAD`` is neither ``on`` nor ``off``.
    """
    return _pays(x, w, out, axes, stride, 1.0)


def sums_pay(
    x: FloatArray, w: FloatArray, dy: FloatArray, axes: tuple[Axis, Axis], stride: int
) -> bool:
    """Tell the same of `weight_gradient_tasks`, for weights of the shape of ``w``."""
    return _pays(x, w, dy, axes, stride, _SUMS_COST)


def _pays(
    x: FloatArray,
    w: FloatArray,
    tiled: FloatArray,
    axes: tuple[Axis, Axis],
    stride: int,
    cost: float,
) -> bool:
    off = chosen_by_variable("SCRATCHVAE_WINOGRAD") == "off"
    taps, width, in_channels, out_channels = w.shape
    vector = lanes(w.dtype)
    fewest = min(in_channels, out_channels)
    whole = fewest > 0 and not (in_channels % vector or out_channels % vector)
    if off or stride > 1 or taps != width or taps not in _KERNELS or not whole:
        return False
    # The direct kernel skips the taps that fall outside; tiles that stand out at the edges are
    # computed whole. The transforms cost the less beside the products, the more channels there are.
    direct = _meetings(axes[0], x.shape[1]) * _meetings(axes[1], x.shape[2])
    ours = _tiles(tiled.shape[1]) * _tiles(tiled.shape[2]) * (taps + RESULTS - 1) ** 2
    transforms_cost = _TRANSFORMS_COST * (1 / in_channels + 1 / out_channels)
    return bool(cost * (1 + transforms_cost) * ours < _CERTAINTY * direct)


def _meetings(axis: Axis, size: int) -> int:
    """Return how many pairs of an output pixel and a tap meet one of `size` input pixels."""
    firsts = range(axis.origin, axis.origin + axis.pixels)
    return sum(max(0, min(size, first + axis.taps) - max(0, first)) for first in firsts)


def _tiles(size: int) -> int:
    return -(-size // RESULTS)


def slide_tasks(
    resources: Resources,
    x: FloatArray,
    w: FloatArray,
    out: FloatArray,
    axes: tuple[Axis, Axis],
    transposed: bool,
) -> list[Task]:
    """Return the tasks that slide w over x, along axes of stride 1.

    Transposed, the taps are turned by 180° and lead from the output channels of w to its input
    channels.
    """
    taps, dtype, memory = len(w), out.dtype, resources.memory
    points, width = taps + RESULTS - 1, panel_columns(dtype)
    origins = axes[0].origin, axes[1].origin
    sizes = _sizes(x, out, taps, origins, tile_rows())
    steps, columns = x.shape[3], out.shape[3]
    panels = memory.scratch("winograd taps", points**2 * steps * _up(columns, width), dtype)
    plain = memory.scratch("winograd plain", points**2 * w[0, 0].size * transposed, dtype)
    a_group = points**2 * sizes.group * (steps + columns)
    buffer = memory.scratch("winograd tiles", resources.threads * a_group, dtype)
    zeros = np.zeros(points * steps, dtype)
    to_taps, to_inputs, to_results = (
        _address(kind, RESULTS, taps, dtype) for kind in ("taps", "inputs", "results")
    )
    work = 2 * sizes.tiles * points**2 * steps * columns * NANOSECONDS[dtype.itemsize]
    weights = (w.reshape(-1), w.shape, zeros, plain, panels)
    arrays = (x.reshape(-1), zeros, panels, buffer, out.reshape(-1))
    addresses = (tile_address(dtype, UNIT_STEP), to_inputs, to_results)
    return [
        Task(transform_taps, 0, (to_taps, *weights, transposed, width, lanes(dtype))),
        Task(slide_tiles, work, (*addresses, *arrays, tuple(sizes))),
    ]


def weight_gradient_tasks(
    resources: Resources,
    x: FloatArray,
    dy: FloatArray,
    out: FloatArray,
    padding: int,
    accumulate: bool,
) -> list[Task]:
    """Return the tasks of the weights' gradient, or of adding it to ``out``."""
    taps, dtype, memory = len(out), out.dtype, resources.memory
    points, (steps, columns) = taps + RESULTS - 1, (x.shape[3], dy.shape[3])
    sizes = _sizes(x, dy, taps, (-padding, -padding), _SUMMED_TILES)
    a_sum = points**2 * steps * columns
    sums = memory.scratch("winograd sums", sizes.pieces * a_sum, dtype)
    a_group = points**2 * sizes.group * (steps + columns)
    buffer = memory.scratch("winograd tiles", resources.threads * a_group, dtype)
    line = memory.scratch("winograd line", resources.threads * (taps**2 + 1) * columns, dtype)
    zeros = np.zeros(points * max(steps, columns), dtype)
    to_inputs, to_taps, to_results = (
        _address(kind, taps, RESULTS, dtype) for kind in ("inputs", "taps", "results")
    )
    work = 2 * sizes.tiles * a_sum * NANOSECONDS[dtype.itemsize]
    tile, numbers = tile_address(dtype, UNIT_ROW), tuple(sizes)
    arrays = (x.reshape(-1), dy.reshape(-1), zeros, buffer, sums)
    finish = (to_results, sums, zeros, line, out.reshape(-1), numbers, accumulate)
    return [
        Task(sum_tiles, work, (tile, to_inputs, to_taps, *arrays, numbers)),
        Task(finish_sums, sizes.pieces * a_sum * NANOSECONDS[dtype.itemsize], finish),
    ]


def _sizes(x: FloatArray, y: FloatArray, taps: int, origins: tuple[int, int], group: int) -> Sizes:
    tiles = len(x) * _tiles(y.shape[1]) * _tiles(y.shape[2])
    pieces = next((count for count in _PIECES if tiles >= count * _TILES_A_PIECE), 1)
    machine = (tile_rows(), panel_columns(x.dtype), lanes(x.dtype))
    return Sizes._make((*x.shape, *y.shape[1:], *origins, taps, group, tiles, pieces, *machine))


def _address(kind: str, results: int, taps: int, dtype: Any) -> int:
    """Return the compiled transform by one of the matrices of `Transforms`."""
    exact = getattr(transforms(results, taps), kind)
    matrix = tuple(tuple(float(entry) for entry in row) for row in exact)
    return transform_address(f"{kind}{results}x{taps}", matrix, dtype)


def _up(size: int, width: int) -> int:
    return -(-size // width) * width
