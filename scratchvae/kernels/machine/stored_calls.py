"""Calls of kernels with all their arguments as data, and the loop that makes them.

A call of a kernel from Python unpacks a dozen arrays each time, which takes ten microseconds. But
the first line of each kernel stores its arguments anyway, for the threads (see ``chunks``): once
they are copied from there, the kernel can be called without Python, by the address of its entry.
"""

import ctypes
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from scratchvae.kernels.machine.chunks import (
    ALL,
    FOUR_INTEGERS,
    Kernel,
    call_entry,
    call_loop,
    called_instead,
)
from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.numba_interior import c_address, cgutils
from scratchvae.kernels.machine.simd import INDEX
from scratchvae.validation import Array

_MOST_WORDS = 1024  # of stored arguments: an array takes 7 to 11, a number one

_clock = ctypes.CFUNCTYPE(ctypes.c_int64)(time.perf_counter_ns)
CLOCK = int(ctypes.cast(_clock, ctypes.c_void_p).value or 0)
"""The address of Python's clock, in nanoseconds."""


def stored_call(function: Kernel, arguments: tuple[Any, ...]) -> tuple[int, Array]:
    """Return the address of a kernel's entry, and its arguments as it stores them.

    Nothing of the kernel runs but its first line. What is stored is good for as long as the arrays
    among the arguments are where they are. Nobody may call a kernel with the chunk `ALL` meanwhile.
    """
    words = np.zeros(2 + _MOST_WORDS, np.int64)
    with called_instead(_recorder()):
        function(ALL, words.ctypes.data, *arguments)
    entry, size = words[:2].tolist()
    assert size <= 8 * _MOST_WORDS, "_MOST_WORDS is too small for the arguments of this kernel"
    return entry, words[2 : 2 + -(-size // 8)].copy()


def readers(stored: Iterable[Array], array: Array) -> list[tuple[Array, int, int]]:
    """Return where stored arguments hold the address of an array, or of a part of it.

    Each place is the arguments, the word of them, and how far behind the array's beginning that
    address is. The words before an array's address are two nulls, its size, and an item's.
    """
    start = array.ctypes.data
    return [
        (words, place, int(words[place]) - start)
        for words in stored
        for place in range(4, len(words))
        if start <= words[place] < start + array.nbytes
        and (words[place - 4], words[place - 3], words[place - 1]) == (0, 0, array.itemsize)
    ]


@kernel()
def run_stored_calls(
    calls: Array,
    times: Array,
    first: int,
    threads: int,
    loop: int,
    worth: int,
    clock: int,
    stops: bool,
) -> int:
    """Run stored calls from the ``first`` on, and return how many of all are done.

    Parameters
    ----------
    calls
        (calls, 4): the addresses of entry and arguments, about how many nanoseconds it takes on one
        thread, and how many it may take on several.
    times
        (calls,): how many nanoseconds each took, if there is a clock.
    threads, loop, worth
        Calls of more than ``worth`` nanoseconds are cut into chunks for this many threads, by the
        loop at this address; 0 runs all on one.
    clock
        The address of a clock, or 0.
    stops
        Whether to stop after a call on several threads that took longer than it may.
    """
    start = _now(clock) if clock != 0 else 0
    for i in range(first, len(calls)):
        shared = loop != 0 and calls[i, 2] > worth
        if shared:
            call_loop(loop, threads, calls[i, 0], calls[i, 1])
        else:
            call_entry(calls[i, 0], 0, 1, calls[i, 1])
        if clock != 0:
            end = _now(clock)
            times[i], start = end - start, end
            if stops and shared and times[i] > calls[i, 3]:
                return i + 1
    return len(calls)


@intrinsic  # type: ignore[untyped-decorator]
def _now(context: Any, clock: Any) -> Any:
    """Call the clock at an address."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        clock_type = ir.FunctionType(INDEX, [])
        return builder.call(builder.inttoptr(values[0], clock_type.as_pointer()), [])

    return types.intp(clock), generate


@cache
def _recorder() -> int:
    return c_address(_record, FOUR_INTEGERS)


@kernel()
def _record(to: int, function: int, arguments: int, size: int) -> None:
    """Copy what `run_all` gives to an address, which is given where chunks would be."""
    _copy(to, function, arguments, size, min(size, 8 * _MOST_WORDS))


@intrinsic  # type: ignore[untyped-decorator]
def _copy(context: Any, to: Any, function: Any, arguments: Any, size: Any, most: Any) -> Any:
    """Store the function's address, the size, and then what is stored at ``arguments``."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        to, function, arguments, size, most = values
        words = builder.inttoptr(to, INDEX.as_pointer())
        for place, value in enumerate((function, size)):
            builder.store(value, builder.gep(words, [INDEX(place)]))
        source = builder.inttoptr(arguments, INDEX.as_pointer())
        cgutils.raw_memcpy(builder, builder.gep(words, [INDEX(2)]), source, most, 1)
        return context.get_dummy_value()

    return types.void(to, function, arguments, size, most), generate
