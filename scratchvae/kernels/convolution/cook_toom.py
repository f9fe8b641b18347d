"""Winograd's convolutions: fewer multiplications, by way of polynomials.

Sliding r taps over a signal and keeping m results is, transposed, a product of two polynomials: one
with m coefficients, one with r. A polynomial of degree n − 1, with n = m + r − 1, is known from its
values at n points, and at a point the product of two polynomials is *one* multiplication. So::

    y = Aᵀ [(G w) ⊙ (Bᵀ x)]         x: n numbers, w: r taps, y: m results

with n multiplications instead of m · r. Bᵀ and Aᵀ take values at the points and put a polynomial
together again from them; G holds the values of the taps. In two dimensions all three matrices act
on rows and columns: 4×4 results with 5×5 taps take 8 · 8 = 64 multiplications instead of 400, and
with 3×3 taps 36 instead of 144. The sum over input channels happens before Aᵀ, on the products.

The price is rounding: values at large points are large, and cancel later. The points are therefore
small numbers and their reciprocals, in pairs ±a, which keeps the entries of Bᵀ below 6 for 8 of
them. Relative to the largest entry of the result, the error in float32 stays below 1e-5; that of
the direct sum is ten times smaller.

The matrices follow from the points (Cook and Toom; for convolutions, Lavin and Gray 2015). The
functions below define the three passes; the fast ones are in ``winograd``.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np

from scratchvae.validation import FloatArray

RESULTS = 4
"""m: a tile of the output has 4×4 pixels."""

POINTS = tuple(map(Fraction, ["0", "1", "-1", "2", "-1/2", "-2", "1/2"]))
"""All but the last point, which is ∞: there, a polynomial's value is its highest coefficient."""

Matrix = tuple[tuple[Fraction, ...], ...]


class Transforms(NamedTuple):
    """The matrices of m results with r taps, n = m + r − 1 points."""

    results: Matrix  # Aᵀ, (m, n)
    taps: Matrix  # G, (n, r)
    inputs: Matrix  # Bᵀ, (n, n)


@cache
def transforms(results: int, taps: int) -> Transforms:
    """Return the exact matrices, from the first n − 1 of ``POINTS`` and ∞.

    Row j of Bᵀ has the coefficients of N_j(t) = Π (t − a_l) over all l ≠ j, which is 0 at all
    points but a_j; that of ∞ has those of the product over all l. Dividing by N_j(a_j) is left to
    G, which is computed once for many tiles.
    """
    points = POINTS[: results + taps - 2]
    polynomials = [_from_roots([a for a in points if a != point]) for point in points]
    divisors = [_value(p, point) for p, point in zip(polynomials, points, strict=True)]
    zero, one = Fraction(0), Fraction(1)
    return Transforms(
        results=tuple(zip(*_powers(points, results), strict=True)),
        taps=tuple(
            tuple(power / divisor for power in row)
            for row, divisor in zip(_powers(points, taps), [*divisors, one], strict=True)
        ),
        inputs=(*((*polynomial, zero) for polynomial in polynomials), _from_roots(points)),
    )


def _powers(points: Sequence[Fraction], count: int) -> list[tuple[Fraction, ...]]:
    """Return 1, a, a², …, for each point a, and for ∞ the highest power alone."""
    finite = [tuple(a**k for k in range(count)) for a in points]
    return [*finite, tuple(Fraction(k == count - 1) for k in range(count))]


def _from_roots(roots: Sequence[Fraction]) -> tuple[Fraction, ...]:
    """Return the coefficients of Π (t − root), the constant one first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *coefficients]
        below = [*coefficients, Fraction(0)]
        coefficients = [high - root * low for high, low in zip(shifted, below, strict=True)]
    return tuple(coefficients)


def _value(coefficients: Sequence[Fraction], at: Fraction) -> Fraction:
    return sum((c * at**k for k, c in enumerate(coefficients)), Fraction(0))


def numbers(matrix: Matrix, like: FloatArray) -> FloatArray:
    """Return a matrix in the dtype of an array."""
    return np.array([[float(entry) for entry in row] for row in matrix], like.dtype)


def winograd_forward(x: FloatArray, w: FloatArray, padding: int = 0) -> FloatArray:
    """Return what ``reference.convolution_forward`` does, with stride 1 and square kernels."""
    taps, out_channels = w.shape[0], w.shape[3]
    to_results, to_taps, to_inputs = (numbers(m, x) for m in transforms(RESULTS, taps))
    height, width = (x.shape[axis] + 2 * padding - taps + 1 for axis in (1, 2))
    u = np.einsum("ak,bm,kmio->abio", to_taps, to_taps, w)
    y = np.zeros((len(x), _up(height), _up(width), out_channels), x.dtype)
    for rows, columns, grid in _tiles(x, (height, width), taps, padding):
        v = np.einsum("ai,bj,nijc->nabc", to_inputs, to_inputs, grid)
        products = np.einsum("nabi,abio->nabo", v, u)
        y[:, rows, columns] = np.einsum("ka,mb,nabo->nkmo", to_results, to_results, products)
    return y[:, :height, :width].copy()


def winograd_input_gradient(
    dy: FloatArray, w: FloatArray, size: tuple[int, int], padding: int = 0
) -> FloatArray:
    """Return what ``reference.convolution_input_gradient`` does, with stride 1, square kernels.

    Each pixel of x meets the taps in the opposite order: the gradient is the convolution of dy with
    w turned by 180°, from output to input channels.
    """
    turned = w[::-1, ::-1].transpose(0, 1, 3, 2)
    taps = len(w)
    # Beyond its own edge, dy counts as 0; where `padding` exceeds the kernel, part of dy is unused.
    before = taps - 1 - padding
    after = [size[a] + taps - 1 - before - dy.shape[a + 1] for a in (0, 1)]
    edges = [(max(0, before), max(0, end)) for end in after]
    cut = max(0, -before)
    padded = np.pad(dy, ((0, 0), *edges, (0, 0)))[:, cut:, cut:]
    padded = padded[:, : size[0] + taps - 1, : size[1] + taps - 1]
    return winograd_forward(padded, turned)


def winograd_weight_gradient(
    x: FloatArray, dy: FloatArray, taps: int, padding: int = 0
) -> FloatArray:
    """Return what ``reference.convolution_weight_gradient`` does, with stride 1, square kernels.

    It slides dy over x, so its taps are the 4×4 pixels of a tile of dy, and its results the taps of
    w: the same points and the same Bᵀ. The sum over tiles and images, too, happens before Aᵀ.
    """
    to_results, to_taps, to_inputs = (numbers(m, x) for m in transforms(taps, RESULTS))
    points = len(to_inputs)
    total = np.zeros((points, points, x.shape[3], dy.shape[3]), x.dtype)
    wide = np.zeros((len(dy), *map(_up, dy.shape[1:3]), dy.shape[3]), dy.dtype)
    wide[:, : dy.shape[1], : dy.shape[2]] = dy
    for rows, columns, grid in _tiles(x, dy.shape[1:3], taps, padding):
        v = np.einsum("ai,bj,nijc->nabc", to_inputs, to_inputs, grid)
        d = np.einsum("ai,bj,nijo->nabo", to_taps, to_taps, wide[:, rows, columns])
        total += np.einsum("nabi,nabo->abio", v, d)
    dw: FloatArray = np.einsum("ka,mb,abio->kmio", to_results, to_results, total)
    return dw


def _up(size: int) -> int:
    """Return a size rounded up to whole tiles."""
    return -(-size // RESULTS) * RESULTS


def _tiles(
    x: FloatArray, out: tuple[int, ...], taps: int, padding: int
) -> Iterator[tuple[slice, slice, FloatArray]]:
    """Yield the rows and columns of each tile of the output, and the n×n pixels that it needs."""
    height, width = (_up(size) + taps - 1 for size in out)
    padded = np.zeros((len(x), max(height, 0), max(width, 0), x.shape[3]), x.dtype)
    inside = padded[:, padding : padding + x.shape[1], padding : padding + x.shape[2]]
    inside[...] = x[:, : inside.shape[1], : inside.shape[2]]
    points = RESULTS + taps - 1
    for top in range(0, out[0], RESULTS):
        for left in range(0, out[1], RESULTS):
            grid = padded[:, top : top + points, left : left + points]
            yield slice(top, top + RESULTS), slice(left, left + RESULTS), grid
