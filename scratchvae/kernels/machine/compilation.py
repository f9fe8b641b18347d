"""How kernels are compiled: at their first call, once per machine, and never from a stale cache.

Numba's own ``cache=True`` watches only the file of the function itself: it does not see a change in
a function that is called from another file. A custom cache locator could fix that, but would apply
to all users of Numba in the process; and two processes that compile at once may give two signatures
the same file, since Numba numbers the files by an index that it reads first and writes later.

Here the machine code is kept in a folder named after *all* the kernel sources, Numba's version and
the processor. Each file is named after one signature, and appears whole: it is written under
another name, then renamed. It begins with a checksum: damaged machine code can usually still be
loaded, and would compute something else.
"""

import hashlib
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

import numba

from scratchvae.kernels.machine.numba_interior import (
    JIT_DISABLED,
    CodeCache,
    code_depends_on,
    user_cache_folder,
)

Function = TypeVar("Function", bound=Callable[..., Any])

_DAYS_KEPT = 60
_CHECKSUM_BYTES = hashlib.sha256().digest_size
KERNELS = Path(__file__).parents[1]


def kernel(*, parallel: bool = False, inside: bool = False) -> Callable[[Function], Function]:
    """Compile a function at its first call, let it run without Python's global lock, and cache it.

    ``parallel`` says that the function has ``prange`` loops, and ``inside`` that only other kernels
    call it, so that what would make it callable from Python is not compiled.

    Every operation is rounded by itself, in the order written (the tiles and the exponential ask
    for fused multiply-adds by name). If the compiler chose, it would fuse different products in
    different compiled versions of a loop, and the bits would differ with them.
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
        if not JIT_DISABLED and _is_a_kernel(function):
            name = f"{function.__module__}.{function.__qualname__}"
            CodeCache(compiled, partial(_read, name), partial(_write, name))
        return compiled  # type: ignore[no-any-return]

    return decorate


def _is_a_kernel(function: Callable[..., Any]) -> bool:
    """Return whether its name and the kernels' sources say everything about a function."""
    source = Path(function.__code__.co_filename)
    return KERNELS in source.parents and "<locals>" not in function.__qualname__


def _read(name: str, signature: str) -> bytes | None:
    """Return the code kept for this signature, or None if there is none that is undamaged."""
    path, content = _path(name, signature), b""
    if path is not None:
        with suppress(OSError):
            content = path.read_bytes()
    checksum, code = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
    if checksum == hashlib.sha256(code).digest():
        return code
    _announce()
    return None


def _write(name: str, signature: str, code: bytes) -> None:
    """Keep the code for this signature."""
    path = _path(name, signature)
    if path is None:
        return
    with suppress(OSError):  # a full disc costs a compilation at the next start, not this run
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(hashlib.sha256(code).digest() + code)
        Path(file.name).replace(path)


def _path(name: str, signature: str) -> Path | None:
    """Return the file for the code of one signature of the function of this name."""
    digest, folder = hashlib.sha256(signature.encode()).hexdigest()[:20], cache_folder()
    return None if folder is None else folder / f"{name}-{digest}.kernel"


@cache
def cache_folder() -> Path | None:
    """Return this version's own folder, created if necessary; None, with a warning, if it can't be.

    The warning is printed once.
    """
    root = Path(user_cache_folder("scratchvae")) / "numba"
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
    digest.update(repr((platform.python_version(), code_depends_on())).encode())
    return digest.hexdigest()[:20]


def _prune(root: Path) -> None:
    """Remove the folders that no process has opened for a long time."""
    for folder in root.iterdir():
        with suppress(OSError):  # another process may have removed it first
            if time.time() - folder.stat().st_mtime > _DAYS_KEPT * 86400:
                shutil.rmtree(folder, ignore_errors=True)


@cache
def _announce() -> None:
    print("compiling kernels (once)…", file=sys.stderr, flush=True)
