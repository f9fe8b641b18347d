"""Passes that treat each number by itself, and kernels compiled for one function of numbers.

A loop that asked at each number which function to apply would take twice as long.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from scratchvae.kernels.machine.chunks import ALL, Kernel, bounds, run_all
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.numba_interior import JIT_DISABLED
from scratchvae.kernels.machine.tasks import Resources, Task
from scratchvae.validation import Array, FloatArray, check_same_dtype, check_same_shape

NANOSECONDS = 0.5  # rough cost of a pass over memory, per number
_LANES = 64  # sums kept side by side: one alone would wait for each addition to end

Function = Callable[..., Any]


def number(value: float) -> Any:
    """Return a number that takes the type of what it meets.

    Numba takes the wider type of two; without a compiler, Python's own numbers adapt to NumPy's.
    """
    return value if JIT_DISABLED else np.float32(value)


def specialised(make: Callable[[Function], Kernel]) -> Callable[[Function], Kernel]:
    """Compile a kernel once for each function that it is asked for.

    What is decorated makes the kernel's code from a function of numbers. The names of the two are
    the name under which the machine code is kept on disk.
    """

    @cache
    def specialise(function: Function) -> Kernel:
        code = make(function)
        code.__name__ = code.__qualname__ = f"{make.__name__}.{function.__name__.lstrip('_')}"
        return kernel()(code)

    return specialise


def each_number_task(function: Function, x: FloatArray, out: FloatArray, constant: float) -> Task:
    """Return the task of out = function(x, constant); ``out`` may be ``x``."""
    arguments = (x.reshape(-1), out.reshape(-1), x.dtype.type(constant))
    return Task(_each_number(function), x.size * NANOSECONDS, arguments)


def each_pair_task(
    function: Function, x: FloatArray, y: FloatArray, out: FloatArray, constant: float = 1.0
) -> Task:
    """Return the task of out = function(x, y, constant); ``out`` may be one of them."""
    arguments = (x.reshape(-1), y.reshape(-1), out.reshape(-1), x.dtype.type(constant))
    return Task(_each_pair(function), x.size * NANOSECONDS, arguments)


def sum_of_pairs_task(
    resources: Resources,
    function: Function,
    x: FloatArray,
    y: FloatArray,
    out: FloatArray,
    constant: float = 1.0,
) -> Task:
    """Return the task of out = Σ function(x, y, constant): (N, …) to (N,)."""
    sums = resources.memory.scratch("sums", resources.threads * _LANES, x.dtype)
    rows = [array.reshape(len(x), x.size // max(len(x), 1)) for array in (x, y)]
    arguments = (*rows, sums, out, x.dtype.type(constant))
    return Task(_sum_of_pairs(function), x.size * NANOSECONDS, arguments)


@specialised
def _each_number(function: Function) -> Kernel:
    def code(chunk: int, chunks: int, x: Array, out: Array, constant: float) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first, last = bounds(chunk, chunks, x.size)
        x, out = x[first:last], out[first:last]
        for i in range(out.size):
            out[i] = function(x[i], constant)

    return code


@specialised
def _each_pair(function: Function) -> Kernel:
    def code(chunk: int, chunks: int, x: Array, y: Array, out: Array, constant: float) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first, last = bounds(chunk, chunks, x.size)
        x, y, out = x[first:last], y[first:last], out[first:last]
        for i in range(out.size):
            out[i] = function(x[i], y[i], constant)

    return code


@specialised
def _sum_of_pairs(function: Function) -> Kernel:
    def code(
        chunk: int, chunks: int, x: Array, y: Array, sums: Array, out: Array, constant: float
    ) -> None:
        if chunk == ALL:
            return run_all(chunks)
        first, last = bounds(chunk, chunks, len(x))
        whole = x.shape[1] // _LANES * _LANES
        sums = sums[chunk * _LANES : (chunk + 1) * _LANES]
        for row in range(first, last):
            sums[:] = 0
            for start in range(0, whole, _LANES):
                for lane in range(_LANES):
                    sums[lane] += function(x[row, start + lane], y[row, start + lane], constant)
            for lane in range(x.shape[1] - whole):
                sums[lane] += function(x[row, whole + lane], y[row, whole + lane], constant)
            half = _LANES // 2
            while half > 0:
                for lane in range(half):
                    sums[lane] += sums[lane + half]
                half //= 2
            out[row] = sums[0]

    return code


def check_alike(names: str, x: FloatArray, y: FloatArray) -> None:
    """Raise an `InputError` unless the two arrays have one shape and one dtype."""
    check_same_dtype(names, x, y)
    check_same_shape(x, y, names)
