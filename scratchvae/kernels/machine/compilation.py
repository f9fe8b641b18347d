"""How kernels are compiled: when first called, once per machine, and never from a stale cache.

Numba's own ``cache=True`` watches the file of the function alone: a change in a function that it
calls, in another file, goes unseen. Kernels here call each other across files, so their machine
code is kept in a folder named after *all* the kernel sources, Numba's version and the processor.
One file holds one signature and appears whole (written beside, then renamed), so that processes
compiling at the same moment cannot mix up each other's code. It begins with a checksum: most damage
would not keep machine code from being loaded, only from being right.
"""

import hashlib
import pickle
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import numba
from numba.core import caching, codegen, compiler, config
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

Function = TypeVar("Function", bound=Callable[..., Any])

JIT_DISABLED = bool(config.DISABLE_JIT)
"""With ``NUMBA_DISABLE_JIT=1`` the kernels run as plain Python: slow, but open to coverage."""

_DAYS_KEPT = 60
KERNELS = Path(__file__).parents[1]


def target_cpu() -> tuple[str, str]:
    """Name and features of the processor that Numba compiles for, as LLVM spells them."""
    name = config.CPU_NAME or llvmlite.binding.get_host_cpu_name()
    features = config.CPU_FEATURES
    return name, codegen.get_host_cpu_features() if features is None else features


def kernel(*, parallel: bool = False, inside: bool = False) -> Callable[[Function], Function]:
    """Compile a function at its first call, without Python's global lock, and keep the result.

    Every operation is rounded by itself, in the order written (the tiles and the exponential ask
    for fused multiply-adds by name). Left to the compiler, which products it fuses differs from one
    compiled version of a loop to the next, and the bits with it.

    Parameters
    ----------
    parallel : bool
        Whether the function has ``prange`` loops.
    inside : bool
        Whether it is called by other kernels alone. Then what would make it callable from Python
        need not be compiled.
    """
    options = {
        "nogil": True,
        "error_model": "numpy",
        "parallel": parallel,
        "no_cpython_wrapper": inside,
        "no_cfunc_wrapper": inside,
    }

    def decorate(function: Function) -> Function:
        compiled = numba.njit(**options)(function)
        if not JIT_DISABLED and _is_ours(function):
            compiled._cache = KernelCache(function)
        return compiled  # type: ignore[no-any-return]

    return decorate


def c_address(compiled: Any, signature: Any) -> int:
    """Compile a kernel for the arguments of a signature; return where C code can call it."""
    compiled.compile(signature)
    result = compiled.overloads[signature.args]
    return int(result.library.get_pointer_to_function(result.fndesc.llvm_cfunc_wrapper_name))


def _is_ours(function: Callable[..., Any]) -> bool:
    """Tell whether folder and name vouch for a function: it lies among the kernels."""
    source = Path(function.__code__.co_filename)
    return KERNELS in source.parents and "<locals>" not in function.__qualname__


class KernelCache(caching._Cache):  # type: ignore[misc]
    """The machine code of one function, one file for each signature that it was called with."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str | None:
        """The folder in use, or None where none can be written."""
        folder = cache_folder()
        return None if folder is None else str(folder)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code kept for this signature; None has Numba compile it."""
        target_context.refresh()
        path = self._path(sig)
        if path is not None:
            try:
                content = path.read_bytes()
                checksum, code = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
                if checksum == _checksum(code):
                    return compiler.CompileResult._rebuild(target_context, *pickle.loads(code))
            except OSError:
                pass
        _announce()
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code just compiled, unless it holds an address of this process."""
        path = self._path(sig)
        if path is None or data.library.has_dynamic_globals:
            return
        try:
            with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
                code = dumps(data._reduce())
                file.write(_checksum(code) + code)
            Path(file.name).replace(path)
        except OSError:
            pass  # a full disc costs a compilation at the next start, not this run

    def _path(self, sig: Any) -> Path | None:
        folder = cache_folder()
        if folder is None:
            return None
        signature = hashlib.sha256(str(sig).encode()).hexdigest()[:20]
        return folder / f"{self._name}-{signature}.kernel"

    def enable(self) -> None:
        """Do nothing: this cache is always on."""

    def disable(self) -> None:
        """Do nothing: this cache is always on."""

    def flush(self) -> None:
        """Do nothing: other processes may be using the folder."""


def _checksum(code: bytes) -> bytes:
    return hashlib.sha256(code).digest()


_CHECKSUM_BYTES = len(_checksum(b""))


@cache
def cache_folder() -> Path | None:
    """Return this version's own folder, made if need be, or None (said once) if it cannot be."""
    root = Path(AppDirs(appname="scratchvae", appauthor=False).user_cache_dir) / "numba"
    folder = root / _version()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
        folder.touch()
    except OSError as error:
        print(
            f"warning: compiled kernels cannot be kept in {folder} ({error.strerror}); "
            "they will be compiled again at each start",
            file=sys.stderr,
        )
        return None
    _prune(root)
    return folder


def _version() -> str:
    """Return a hash of everything that the machine code depends on."""
    digest = hashlib.sha256()
    for source in sorted(KERNELS.rglob("*.py")):
        name = source.relative_to(KERNELS).as_posix()
        digest.update(name.encode() + b"\0" + source.read_bytes() + b"\0")
    versions = (numba.__version__, llvmlite.__version__, platform.python_version())
    settings = (config.OPT, config.LOOP_VECTORIZE, config.SLP_VECTORIZE, config.ENABLE_AVX)
    digest.update(repr((versions, target_cpu(), settings)).encode())
    return digest.hexdigest()[:20]


def _prune(root: Path) -> None:
    """Remove the folders that no process has opened for long."""
    for folder in root.iterdir():
        try:
            if time.time() - folder.stat().st_mtime > _DAYS_KEPT * 86400:
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # another process removed it first


@cache
def _announce() -> None:
    print("compiling kernels (once)…", file=sys.stderr, flush=True)
