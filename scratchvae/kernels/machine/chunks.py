"""A kernel in chunks: one compiled function, called for each chunk by the thread that runs it.

A kernel whose first arguments are ``chunk, chunks`` computes one of ``chunks`` pieces of its
result. Called with the chunk `ALL`, it has all of them computed at once instead, by a first line
that all such kernels share::

    if chunk == ALL:
        return run_all(chunks)

Numba's own parallel loops would compile each kernel a second time, inside a function for its
threads, and a third time inside the caller of that. So there is one such loop here, over *any*
kernel: `run_all` stores the arguments of the function that calls it, and the loop calls that
function again, with the same arguments but another chunk. Errors inside a chunk are lost, so a
kernel must not be able to fail: it allocates nothing, and its arguments are checked before.

For example, Adam's step on a large weight, with two threads::

    adam_step(value, …)             Python: checks the arrays, makes a task of them
      run([task], 2)                Python: has the loop compiled, once, and its address stored
        _step(ALL, 2, value, …)     compiled: only its first line runs
          run_all(2)                puts _step's arguments into a record on the stack
            _loop(2, entry, record, its size)       compiled: Numba's threads, one for each chunk
              call_entry(entry, 0, 2, record)       and in the other thread, with 1 for 0,
                entry(0, 2, record)                 takes the arguments out of the record
                  _step(0, 2, value, …)             does numbers 0 to n/2 (with 1: n/2 to n)

``entry`` is a C function that `run_all` adds beside each kernel, since the loop can only call what
takes the same three arguments for every kernel. Where a second thread does not pay, `run` calls
``_step(0, 1, value, …)``, and none of the rest happens.

In training the same step comes a thousand times on the same arrays. Then a copy of the record is
kept, and Python is not needed to call ``entry(0, 1, record)`` or ``_loop(2, entry, record, 0)``:
see ``stored_calls``.
"""

import ctypes
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

from llvmlite import binding, ir
from numba import prange, types
from numba.extending import intrinsic

from scratchvae.kernels.machine.compilation import kernel
from scratchvae.kernels.machine.numba_interior import (
    JIT_DISABLED,
    c_address,
    chunk_entry,
    chunk_entry_type,
)
from scratchvae.kernels.machine.simd import INDEX
from scratchvae.kernels.machine.threads import note_start

ALL = -1

Kernel = Callable[..., None]

# Where kernels read the address of what `run_all` calls. It is 0 until threads are asked for: a
# process with one thread need not start any.
_SLOT = "scratchvae_loop_over_chunks"
_slot = ctypes.c_int64(0)
binding.add_symbol(_SLOT, ctypes.addressof(_slot))
FOUR_INTEGERS = types.void(*4 * [types.intp])


@cache
def start_threads() -> int:
    """Compile the loop over chunks: to be called before a kernel is called with the chunk `ALL`.

    Returns the loop's address, for `call_loop`.
    """
    note_start()
    # Numba starts its threads when it compiles the loop, and then tells OpenMP to use so many in
    # the present Python thread: also for other libraries. In a thread of its own that harms nobody.
    with ThreadPoolExecutor(1) as starter:
        _slot.value = starter.submit(c_address, _loop, FOUR_INTEGERS).result()
    return _slot.value


@kernel(parallel=True)
def _loop(chunks: int, function: int, arguments: int, size: int) -> None:
    for chunk in prange(chunks):
        call_entry(function, chunk, chunks, arguments)


@contextmanager
def called_instead(address: int) -> Iterator[None]:
    """Within this, have `run_all` call another function of the same four integers than the loop."""
    loop, _slot.value = _slot.value, address
    try:
        yield
    finally:
        _slot.value = loop


@intrinsic  # type: ignore[untyped-decorator]
def call_entry(context: Any, function: Any, chunk: Any, chunks: Any, arguments: Any) -> Any:
    """Call the function at an address with (chunk, chunks, the address of its other arguments)."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        function, chunk, chunks, arguments = values
        entry_type = chunk_entry_type()
        pointer = builder.inttoptr(function, entry_type.as_pointer())
        stored = builder.inttoptr(arguments, entry_type.args[2])
        builder.call(pointer, [chunk, chunks, stored])
        return context.get_dummy_value()

    return types.void(function, chunk, chunks, arguments), generate


@intrinsic  # type: ignore[untyped-decorator]
def _run_all(context: Any, chunks: Any) -> Any:
    """Call what stands in the slot, the loop, with this function and its arguments."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        module = builder.module
        entry, stored, size = chunk_entry(builder)
        addresses = [builder.ptrtoint(pointer, INDEX) for pointer in (entry, stored)]
        slot = module.globals.get(_SLOT) or ir.GlobalVariable(module, INDEX, _SLOT)
        _call_four(builder, builder.load(slot), [*values, *addresses, size])
        return context.get_dummy_value()

    return types.void(chunks), generate


@intrinsic  # type: ignore[untyped-decorator]
def call_loop(context: Any, loop: Any, chunks: Any, function: Any, arguments: Any) -> Any:
    """Call the loop over chunks, at the address that `start_threads` returned."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        loop, *others = values
        _call_four(builder, loop, [*others, INDEX(0)])  # the loop itself asks for no size
        return context.get_dummy_value()

    return types.void(loop, chunks, function, arguments), generate


def _call_four(builder: ir.IRBuilder, address: Any, values: list[Any]) -> None:
    """Call a function of four integers at an address."""
    function_type = ir.FunctionType(ir.VoidType(), 4 * [INDEX])
    builder.call(builder.inttoptr(address, function_type.as_pointer()), values)


def _python_run_all(chunks: int) -> None:
    raise NotImplementedError("without a compiler, chunks are run one at a time")


run_all: Callable[[int], None] = _python_run_all if JIT_DISABLED else _run_all
"""run_all(chunks), in a kernel: run all its chunks, in as many threads as `set_threads` says."""


@kernel(inside=True)
def bounds(chunk: int, chunks: int, size: int) -> tuple[int, int]:
    """Return where one of ``chunks`` nearly equal chunks of ``size`` numbers begins and ends."""
    return size * chunk // chunks, size * (chunk + 1) // chunks
