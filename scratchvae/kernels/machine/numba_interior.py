"""What the kernels use of Numba and llvmlite that their manuals do not promise.

A new version may change any of this, so it is used in this file only, and ``setup.cfg`` admits no
version that was not tried. `broken_assumptions` looks for the names at import; what only compiling
can show is in ``tests/kernels/test_numba_interior.py``. The assumptions:

1. *Cache.* A compiled function asks its ``_cache`` for code (``load_overload``) before it
   compiles, and gives it the result (``save_overload``) afterwards. A ``CompileResult`` can be
   taken apart (``_reduce``), pickled with ``numba.core.serialize.dumps``, and put together again
   (``_rebuild``); ``has_dynamic_globals`` says that its code holds an address of this process.
2. *Addresses.* ``compile`` puts its result into ``overloads``; in its ``library`` is a C function
   of the name ``llvm_cfunc_wrapper_name``.
3. *Calling convention.* Compiled code receives where to put its result, where to put an exception,
   and then its arguments, of which an integer is one value and an array several: two addresses that
   say who owns its memory, and may be null, its size, an item's, its data, shape and strides.
4. *Emitting code.* The helpers in ``numba.core.cgutils``; ``make_array`` and ``get_dummy_value`` of
   the target; the block that ends the body of ``for_range`` jumps back to the head of the loop; and
   llvmlite numbers metadata in the order in which it is made.
5. *Settings.* The names in ``numba.config``, and ``get_host_cpu_features``.
"""

import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite
import numba
from llvmlite import ir
from numba.core import caching, codegen, compiler, config, funcdesc, serialize
from numba.core import cgutils as cgutils
from numba.core.base import BaseContext


def broken_assumptions() -> list[str]:
    """Return the names that this version of Numba lacks: none, if the kernels can run on it."""
    helpers = "alloca_once alloca_once_value for_range gep_inbounds get_or_insert_function sizeof"
    settings = "CPU_NAME CPU_FEATURES DISABLE_JIT ENABLE_AVX LOOP_VECTORIZE NUMBA_NUM_THREADS OPT"
    needed: list[tuple[Any, str]] = [
        (caching.NullCache, "load_overload save_overload flush"),
        (compiler.CompileResult, "_reduce _rebuild"),
        (serialize, "dumps"),
        (codegen.CPUCodeLibrary, "has_dynamic_globals"),
        (codegen.JITCodeLibrary, "get_pointer_to_function"),
        (funcdesc.FunctionDescriptor, "llvm_cfunc_wrapper_name"),
        (BaseContext, "get_dummy_value make_array"),
        (cgutils, f"{helpers} raw_memcpy unpack_tuple"),
        (codegen, "get_host_cpu_features"),
        (config, f"{settings} SLP_VECTORIZE THREADING_LAYER"),
    ]
    if not JIT_DISABLED:

        def dispatcher() -> None:
            """Do nothing: it is never compiled."""

        needed.append((numba.njit(dispatcher), "_cache compile overloads"))
    return [
        f"{where.__name__}.{name}"
        for where, names in needed
        for name in names.split()
        if not hasattr(where, name)
    ]


def missing_threading_layer() -> str:
    """Return the threading layer that NUMBA_THREADING_LAYER asks for, if Numba has none of it.

    Numba itself finds that out at the first call that is shared among threads.
    """
    wanted = str(config.THREADING_LAYER).lower()
    try:
        if wanted in ("tbb", "safe"):
            from numba.np.ufunc import tbbpool  # type: ignore[attr-defined]  # noqa: F401
        elif wanted == "omp":
            from numba.np.ufunc import omppool  # type: ignore[attr-defined]  # noqa: F401
        elif wanted not in ("default", "threadsafe", "forksafe", "workqueue"):
            return wanted
    except ImportError:
        return wanted
    return ""


# 1. Cache


class CodeCache(caching.NullCache):  # type: ignore[misc]
    """The cache of one function that ``njit`` returned, whose machine code is kept as bytes.

    ``read(signature)`` returns what was kept, or None to have the function compiled, and
    ``write(signature, code)`` keeps it.
    """

    def __init__(
        self,
        function: Any,
        read: Callable[[str], bytes | None],
        write: Callable[[str, bytes], None],
    ) -> None:
        self._read, self._write = read, write
        function._cache = self

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code kept for this signature, ready to run."""
        target_context.refresh()
        code = self._read(str(sig))
        if code is None:
            return None
        return compiler.CompileResult._rebuild(target_context, *pickle.loads(code))

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code just compiled, unless it holds an address of this process."""
        if not data.library.has_dynamic_globals:
            self._write(str(sig), serialize.dumps(data._reduce()))


# 2. Addresses


def c_address(compiled: Any, signature: Any) -> int:
    """Compile a kernel for the arguments of a signature; return where C code can call it."""
    compiled.compile(signature)
    result = compiled.overloads[signature.args]
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name))


# 3. Calling convention

_INDEX = ir.IntType(64)
_ADDRESS = ir.IntType(8).as_pointer()


def chunk_entry_type() -> ir.FunctionType:
    """Return the type of entry(chunk, chunks, stored arguments): the same for all kernels."""
    return ir.FunctionType(ir.VoidType(), [_INDEX, _INDEX, _ADDRESS])


def chunk_entry(builder: ir.IRBuilder) -> tuple[Any, Any, Any]:
    """Store the arguments of the function being compiled; add an entry that calls it again.

    Returns pointers to the entry and to the stored arguments, and how many bytes these take. The
    function's first two arguments are ``chunk, chunks``, which the entry replaces
    by its own. What is stored can be copied, and is good for as long as the arrays' memory is.
    """
    this = builder.function
    raw = list(this.args)
    record = ir.LiteralStructType([value.type for value in raw])
    stored = cgutils.alloca_once(builder, record)
    owners = _owners(raw)
    for i, value in enumerate(raw):
        # Who owns an array's memory is known only during this call. Null says: somebody else.
        kept = value.type(None) if i in owners else value
        builder.store(kept, cgutils.gep_inbounds(builder, stored, 0, i))

    entry = ir.Function(builder.module, chunk_entry_type(), f"{this.name}.chunk")
    entry.linkage = "internal"
    inside = ir.IRBuilder(entry.append_basic_block())
    chunk, chunks, address = entry.args
    given = inside.load(inside.bitcast(address, record.as_pointer()))
    again = [inside.extract_value(given, i) for i in range(len(raw))]
    for i in (0, 1):  # where to put a result and an exception: each thread's own
        again[i] = inside.alloca(raw[i].type.pointee)
    inside.call(this, [*again[:2], chunk, chunks, *again[4:]], attrs=("noinline",))
    inside.ret_void()
    return entry, stored, cgutils.sizeof(builder, stored.type)


def _owners(raw: list[Any]) -> set[int]:
    """Return which of a function's arguments say who owns the memory of an array.

    An array is passed as two such addresses, two numbers, and the address of its data, and then its
    shape and strides.
    """
    header = [_ADDRESS, _ADDRESS, _INDEX, _INDEX]
    found: set[int] = set()
    i = 2  # behind the places for a result and an exception
    while i < len(raw):
        if [value.type for value in raw[i : i + 4]] == header:
            found |= {i, i + 1}
            i += 5
        else:
            i += 1
    return found


# 4. Emitting code


def array_data(context: Any, builder: ir.IRBuilder, array_type: Any, array: Any) -> Any:
    """Return a pointer to the first number of an array."""
    return context.make_array(array_type)(context, builder, array).data


@contextmanager
def rolled_loop(builder: ir.IRBuilder, count: Any) -> Iterator[Any]:
    """Emit a loop of ``count`` iterations that LLVM must not unroll, and yield its index.

    Two iterations of a body that fills the registers do not fit in them, and every sum would go to
    the stack and back.
    """
    with cgutils.for_range(builder, count) as loop:
        yield loop.index
        body = builder.basic_block
    module = builder.module
    disable = module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")])
    # LLVM knows a loop's metadata by its first entry, which is the node itself.
    node = ir.MDValue(module, [], str(len(module.metadata)))
    node.operands = (node, disable)
    body.terminator.set_metadata("llvm.loop", node)


# 5. Settings

JIT_DISABLED = bool(config.DISABLE_JIT)
"""With ``NUMBA_DISABLE_JIT=1`` the kernels run as plain Python: slow, but open to coverage."""

MOST_THREADS = int(config.NUMBA_NUM_THREADS)
"""How many threads Numba can start."""


def target_cpu() -> tuple[str, str]:
    """Return name and features of the processor that Numba compiles for, as LLVM spells them."""
    name = config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    features = config.CPU_FEATURES
    return name, codegen.get_host_cpu_features() if features is None else features


def named_cpu() -> str | None:
    """Return the processor that ``NUMBA_CPU_NAME`` names without its features, if there is one."""
    return None if config.CPU_FEATURES else config.CPU_NAME


def code_depends_on() -> str:
    """Return the versions and settings that machine code depends on, apart from its source."""
    settings = (config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE, config.ENABLE_AVX)
    return repr((numba.__version__, llvmlite.__version__, target_cpu(), settings))
