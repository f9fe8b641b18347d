"""The exponential and its relatives, written so that LLVM computes many of them at once.

In a loop, the C library's ``exp`` is called once per number. What follows is a dozen additions and
multiplications without a branch, so a loop over it becomes vector instructions.

    eˣ = 2ⁿ · eʳ      with n = round(x / log 2) and r = x − n log 2, so |r| ≤ ½ log 2 ≈ 0.35

eʳ − 1 is a short polynomial, and 2ⁿ is written straight into the exponent of a floating-point
number. Errors are a few units in the last place, for float32 and for float64; NaN stays NaN.

The multiply-adds are asked for by name, each where it stands, so they are fused in the same way in
every compiled version of a loop, and the bits are the same (see ``compilation.kernel``).
"""

import math
from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba.extending import intrinsic, overload

from scratchvae.kernels.machine.simd import call_intrinsic


class _Format(NamedTuple):
    """What is particular to a floating-point format."""

    scalar: Any
    mantissa: int  # bits after the point
    bias: int  # what is added to the exponent
    lowest: float  # eˣ is a normal number from here …
    highest: float  # … to here
    log2_high: float  # log 2 as a sum, the first term with so few bits that n times it is exact
    log2_low: float
    terms: int  # of eʳ − 1 = r + r²/2! + …: the rest is below half a unit in the last place
    log_terms: int  # of log(1 + e) = 2 (s + s³/3 + …) likewise, with s = e / (2 + e) ≤ 1/3


_FORMATS = {
    32: _Format(np.float32, 23, 127, -87.0, 88.0, 0.693359375, -2.12194440054690583e-4, 7, 8),
    64: _Format(
        np.float64, 52, 1023, -708.0, 709.0, 0.693147180369123816490, 1.9082149292705877e-10, 14, 18
    ),
}


def exp(x: float) -> float:
    """Return eˣ; 0 below −87 (float32) or −708, infinity above 88 or 709."""
    return math.inf if x > 709 else math.exp(x)


def expm1(x: float) -> float:
    """Return eˣ − 1, accurate also near 0; above 88 (float32) or 709 it stays what it is there."""
    return math.expm1(min(x, 709.0))


def log1p_of_share(e: float) -> float:
    """Return log(1 + e) for e from 0 to 1."""
    return math.log1p(e)


@intrinsic  # type: ignore[untyped-decorator]
def _multiply_add(context: Any, x: Any, y: Any, z: Any) -> Any:
    """Return x · y + z, rounded once where the machine can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        name = f"llvm.fmuladd.f{signature.return_type.bitwidth}"
        return call_intrinsic(builder, name, arguments[0].type, arguments)

    return x(x, x, x), generate


@intrinsic  # type: ignore[untyped-decorator]
def _power_of_two(context: Any, shifted: Any) -> Any:
    """Return 2ⁿ from n + 1.5 · 2^mantissa, which holds n in its lowest bits."""
    form = _FORMATS[shifted.bitwidth]

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        whole = ir.IntType(signature.return_type.bitwidth)
        bits = builder.bitcast(arguments[0], whole)
        exponent = builder.add(bits, ir.Constant(whole, form.bias))
        moved = builder.shl(exponent, ir.Constant(whole, form.mantissa))
        return builder.bitcast(moved, arguments[0].type)

    return shifted(shifted), generate


def _factors(x: Any) -> Any:
    """Return (eʳ − 1, 2ⁿ)."""
    raise NotImplementedError


@overload(_factors, inline="always")
def _compiled_factors(x):  # type: ignore[no-untyped-def]
    form = _FORMATS[x.bitwidth]
    scalar = form.scalar
    lowest, highest = scalar(form.lowest), scalar(form.highest)
    per_log2, magic = scalar(1 / math.log(2)), scalar(1.5 * 2**form.mantissa)
    minus_high, minus_low = scalar(-form.log2_high), scalar(-form.log2_low)
    half = scalar(0.5)
    coefficients = tuple(scalar(1 / math.factorial(k)) for k in range(form.terms, 2, -1))

    def factors(x):  # type: ignore[no-untyped-def]
        # Comparisons in this order leave NaN as it is.
        x = lowest if x < lowest else x
        x = highest if x > highest else x
        shifted = _multiply_add(x, per_log2, magic)
        n = shifted - magic
        r = _multiply_add(n, minus_low, _multiply_add(n, minus_high, x))
        p = coefficients[0]
        for c in coefficients[1:]:
            p = _multiply_add(p, r, c)
        return _multiply_add(_multiply_add(p, r, half), r * r, r), _power_of_two(shifted)

    return factors


@overload(exp)
def _compiled_exp(x):  # type: ignore[no-untyped-def]
    form = _FORMATS[x.bitwidth]
    zero, infinity = form.scalar(0), form.scalar(np.inf)
    lowest, highest = form.scalar(form.lowest), form.scalar(form.highest)

    def compiled(x):  # type: ignore[no-untyped-def]
        p, scale = _factors(x)
        y = _multiply_add(p, scale, scale)
        y = zero if x < lowest else y
        return infinity if x > highest else y

    return compiled


@overload(expm1)
def _compiled_expm1(x):  # type: ignore[no-untyped-def]
    one = _FORMATS[x.bitwidth].scalar(1)

    def compiled(x):  # type: ignore[no-untyped-def]
        p, scale = _factors(x)
        return _multiply_add(p, scale, scale - one)

    return compiled


@overload(log1p_of_share)
def _compiled_log1p(e):  # type: ignore[no-untyped-def]
    form = _FORMATS[e.bitwidth]
    two = form.scalar(2)
    coefficients = tuple(form.scalar(2 / (2 * k + 1)) for k in range(form.log_terms - 1, -1, -1))

    def compiled(e):  # type: ignore[no-untyped-def]
        s = e / (two + e)
        square = s * s
        p = coefficients[0]
        for c in coefficients[1:]:
            p = _multiply_add(p, square, c)
        return p * s

    return compiled
