"""A kernel in parts: one compiled function, called for each part by the thread that runs it.

A kernel whose first arguments are ``part, parts`` computes one of ``parts`` pieces of its result.
Called with the part `ALL`, it has all of them computed at once instead, by a first line that all
such kernels share::

    if part == ALL:
        return run_all(parts)

Numba's own parallel loops would compile each kernel a second time, inside a function for its
threads, and a third time inside the caller of that. So there is one such loop here, over *any*
kernel: `run_all` stores the arguments of the function that it stands in, and the loop calls that
function again, with the same arguments but another part. Nothing hears of an error inside a part,
so a kernel must not be able to fail: it allocates nothing, and its arguments are checked before.

For example, Adam's step on a large weight, with two threads::

    adam_step(value, …)             Python: checks the arrays
      run_parts(_step, …)           Python: has the loop compiled, once, and its address stored
        _step(ALL, 2, value, …)     compiled: its first line is all of it that runs
          run_all(2)                puts _step's arguments into a record on the stack
            _loop(2, entry, record) compiled: Numba's threads, one for each number below 2
              _call(entry, 0, 2, record)            and in the other thread, with 1 for 0,
                entry(0, 2, record)                 takes the arguments out of the record
                  _step(0, 2, value, …)             does numbers 0 to n/2 (with 1: n/2 to n)

``entry`` is a function of C's kind that `run_all` adds beside each kernel, since the loop can call
only what takes the same three arguments for every kernel. `run_parts` alone knows when a second
thread would not pay: it then calls ``_step(0, 1, value, …)``, and none of the rest is run.
"""

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import binding, ir
from numba import prange, types
from numba.core import cgutils
from numba.extending import intrinsic

from scratchvae.kernels.machine.compilation import JIT_DISABLED, c_address, kernel
from scratchvae.kernels.machine.simd import INDEX

ALL = -1

Kernel = Callable[..., None]

_ADDRESS = ir.IntType(8).as_pointer()
# Where kernels read the loop's address. It is 0 until threads are asked for: starting Numba's
# threads sets the number of OpenMP's as well, which a process with one thread must be spared.
_SLOT = "scratchvae_loop_over_parts"
_slot = ctypes.c_int64(0)
binding.add_symbol(_SLOT, ctypes.addressof(_slot))


@cache
def start_threads() -> None:
    """Compile the loop over parts: to be called before a kernel is called with the part `ALL`."""
    _slot.value = c_address(_loop, types.void(*3 * [types.intp]))


@kernel(parallel=True)
def _loop(parts: int, function: int, arguments: int) -> None:
    for part in prange(parts):
        _call(function, part, parts, arguments)


@intrinsic  # type: ignore[untyped-decorator]
def _call(context: Any, function: Any, part: Any, parts: Any, arguments: Any) -> Any:
    """Call the function at an address with (part, parts, the address of its other arguments)."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        function, part, parts, arguments = values
        pointer = builder.inttoptr(function, _entry_type().as_pointer())
        builder.call(pointer, [part, parts, builder.inttoptr(arguments, _ADDRESS)])
        return context.get_dummy_value()

    return types.void(function, part, parts, arguments), generate


@intrinsic  # type: ignore[untyped-decorator]
def _run_all(context: Any, parts: Any) -> Any:
    """Call the loop with this function and its arguments."""

    def generate(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        this, module = builder.function, builder.module
        # Numba's convention: where to put a result, where to put an exception, then the arguments.
        raw = list(this.args)
        kept = ir.LiteralStructType([value.type for value in raw])
        place = cgutils.alloca_once(builder, kept)
        for i, value in enumerate(raw):
            builder.store(value, cgutils.gep_inbounds(builder, place, 0, i))

        entry = ir.Function(module, _entry_type(), f"{this.name}.part")
        entry.linkage = "internal"
        inside = ir.IRBuilder(entry.append_basic_block())
        part, parts, address = entry.args
        given = inside.load(inside.bitcast(address, kept.as_pointer()))
        again = [inside.extract_value(given, i) for i in range(len(raw))]
        for i in (0, 1):  # each thread's own
            again[i] = inside.alloca(raw[i].type.pointee)
        inside.call(this, [*again[:2], part, parts, *again[4:]], attrs=("noinline",))
        inside.ret_void()

        slot = module.globals.get(_SLOT) or ir.GlobalVariable(module, INDEX, _SLOT)
        loop_type = ir.FunctionType(ir.VoidType(), [INDEX, INDEX, INDEX])
        loop = builder.inttoptr(builder.load(slot), loop_type.as_pointer())
        addresses = [builder.ptrtoint(pointer, INDEX) for pointer in (entry, place)]
        builder.call(loop, [*values, *addresses])
        return context.get_dummy_value()

    return types.void(parts), generate


def _entry_type() -> ir.FunctionType:
    return ir.FunctionType(ir.VoidType(), [INDEX, INDEX, _ADDRESS])


def _python_run_all(parts: int) -> None:
    raise NotImplementedError("without a compiler, parts are run one at a time")


run_all: Callable[[int], None] = _python_run_all if JIT_DISABLED else _run_all
"""run_all(parts), within a kernel: run all its parts, in as many threads as `set_threads` says."""


@kernel(inside=True)
def bounds(part: int, parts: int, size: int) -> tuple[int, int]:
    """Return where one of ``parts`` nearly equal parts of ``size`` numbers begins and ends."""
    return size * part // parts, size * (part + 1) // parts
