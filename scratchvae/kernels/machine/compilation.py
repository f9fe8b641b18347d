"""How kernels are compiled: at their first call, once per machine, and never from a stale cache.

Numba's own ``cache=True`` watches only the file of the function itself: it does not see a change in
a function that is called from another file. A custom cache locator could fix that, but would apply
to all users of Numba in the process; and two processes that compile at once may give two signatures
the same file, since Numba numbers the files by an index that it reads first and writes later.

Here the machine code is kept in a folder named after *all* the kernel sources, Numba's version and
the processor. Each file is named after one signature, and appears whole: it is written under
another name, then renamed. It begins with a checksum of its name and content: damaged machine code
can usually still be loaded, and would compute something else.

The folder is in ``NUMBA_CACHE_DIR`` if that is set, and otherwise where the system keeps caches.
"""

import hashlib
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, partial
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar

import numba

from scratchvae.errors import InputError
from scratchvae.files import make_folder, read_bytes, user_cache_folder, write_bytes
from scratchvae.kernels.machine.numba_interior import (
    JIT_DISABLED,
    CodeCache,
    code_depends_on,
)
from scratchvae.progress import say

Function = TypeVar("Function", bound=Callable[..., Any])

_DAYS_KEPT = 60
_CHECKSUM_BYTES = hashlib.sha256().digest_size
_MOST_BYTES = 64 << 20  # of one kernel's code: the largest has half a megabyte
_warnings: list[str] = []
_PACKAGE = __name__.removesuffix(".machine.compilation")


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
    in_package = function.__module__.startswith(f"{_PACKAGE}.")
    return in_package and "<locals>" not in function.__qualname__


def _read(name: str, signature: str) -> bytes | None:
    """Return the code kept for this signature, or None if there is none that is undamaged."""
    path, content = _path(name, signature), b""
    if path is not None:
        with suppress(OSError):
            content = read_bytes(path, _MOST_BYTES)
        checksum, code = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        if checksum == _checksum(path, code):
            return code
    _announce()
    return None


def _write(name: str, signature: str, code: bytes) -> None:
    """Keep the code for this signature; where that is impossible, the next start compiles again."""
    path = _path(name, signature)
    if path is None:
        return
    try:
        make_folder(path.parent)
        write_bytes(path, _checksum(path, code) + code)
    except InputError as error:
        _warn(error.problem)
    else:
        _prune(path.parents[1])


def _checksum(path: Path, code: bytes) -> bytes:
    """Return a hash of the code and of where it is kept: no file is good under another's name."""
    return hashlib.sha256(f"{path.parent.name}/{path.name}".encode() + b"\0" + code).digest()


def _path(name: str, signature: str) -> Path | None:
    """Return the file for the code of one signature of the function of this name."""
    digest, folder = hashlib.sha256(signature.encode()).hexdigest()[:20], cache_folder()
    return None if folder is None else folder / f"{name}-{digest}.kernel"


@cache
def cache_folder() -> Path | None:
    """Return this version's own folder, made or not; None, with a warning, if there is none."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    try:
        root = Path(os.path.abspath(chosen), "scratchvae") if chosen else user_cache_folder()
        folder = root / "numba" / _version()
    except InputError as error:
        _warn(error.problem)
        return None
    with suppress(OSError):  # that it is in use; one that can only be read is as good
        os.utime(folder)
    return folder


def _version() -> str:
    """Return a hash of everything that the machine code depends on; `InputError` if it is hidden.

    The package may be in an archive, or without sources: then it consists of its .pyc files.
    """
    found = dict(_files(files(_PACKAGE)))
    own = "machine/compilation.py"
    if not {own, f"{own}c"} & set(found):
        raise InputError("the kernels' sources are not where the package is")
    digest = hashlib.sha256()
    for name, content in sorted(found.items()):
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    digest.update(repr((platform.python_version(), code_depends_on())).encode())
    return digest.hexdigest()[:20]


def _files(folder: Traversable, place: str = "") -> Iterator[tuple[str, bytes]]:
    """Yield names and contents of all files in a folder of the package, and in those below."""
    for entry in folder.iterdir():
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry, f"{place}{entry.name}/")
        elif entry.name.endswith((".py", ".pyc")):
            yield f"{place}{entry.name}", entry.read_bytes()


@cache
def _prune(root: Path) -> None:
    """Remove the folders that no process has opened for a long time."""
    with suppress(OSError):
        for folder in root.iterdir():
            with suppress(OSError):  # another process may have removed it first
                if time.time() - folder.stat().st_mtime > _DAYS_KEPT * 86400:
                    shutil.rmtree(folder, ignore_errors=True)


def _warn(why: str) -> None:
    """Say that the next start will compile again, once."""
    if not _warnings:
        say(
            f"warning: compiled kernels cannot be kept ({why}); they will be compiled again at "
            "each start, unless NUMBA_CACHE_DIR or XDG_CACHE_HOME is set to a folder that can be "
            "written"
        )
    _warnings.append(why)


@cache
def _announce() -> None:
    say("compiling kernels (once)…")
