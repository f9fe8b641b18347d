"""Files: only regular ones are read, each is written whole or not at all; the cache."""

import errno
import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from scratchvae.errors import InputError

AnyPath = str | os.PathLike[str]

_ATTEMPTS = 3


def as_path(path: Any) -> Path:
    """Return a path that was given as text or as a ``Path``; ``InputError`` for anything else.

    A path that begins with ``~`` is in the user's folder. (A shell makes it so only where it stands
    at the beginning of a word, and Python nowhere: it would make a folder of the name ``~``.)
    """
    try:
        text = os.fspath(path)
        os.fsencode(text)
    except (TypeError, UnicodeEncodeError):  # the latter of half a character
        text = None
    if not isinstance(text, str) or "\0" in text:
        raise InputError(f"a path must be text or a pathlib.Path, without null bytes, not {path!r}")
    return Path(os.path.expanduser(text))


def as_file(path: Any) -> Path:
    """Return ``as_path(path)``; ``InputError`` for text that ends as the name of a folder does."""
    if isinstance(path, str) and path.endswith(("/", os.sep)):
        raise InputError(f"expected the name of a file, and {path!r} is a folder's", "name a file")
    return as_path(path)


# Reading


def open_regular(path: AnyPath, most: int | None = None) -> BinaryIO:
    """Open a regular file of at most ``most`` bytes to read it; ``OSError`` for anything else.

    A named pipe would wait for a writer, and /dev/zero would never end.
    """

    def without_waiting(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    file = open(path, "rb", opener=without_waiting)  # noqa: SIM115
    found = os.fstat(file.fileno())
    fault = "" if stat.S_ISREG(found.st_mode) else "it is not a regular file"
    if most is not None and found.st_size > most:
        fault = f"it has {found.st_size:,} bytes, and {most:,} are the most that it can need"
    if fault:
        file.close()
        raise OSError(errno.EINVAL, fault)
    return file


def read_bytes(path: AnyPath, most: int) -> bytes:
    """Return what is in a regular file of at most ``most`` bytes; ``OSError`` for anything else."""
    with open_regular(path, most) as file:
        return file.read(most)


def cannot_read(path: Path, error: OSError, remedy: str) -> InputError:
    """Return the error of a file that cannot be read."""
    return InputError(f"cannot read {str(path)!r}: {error.strerror or error}", remedy)


# Writing


def write_bytes(path: AnyPath, content: bytes | memoryview) -> None:
    """Write a file under a temporary name beside ``path``, then rename it into place.

    A reader sees the old file or the new one; an interruption or a full disk leaves the old one.
    Through a symbolic link the file that it points to is written.

    Raises
    ------
    InputError
        If ``path`` is something else than a file, its folder cannot be written to or the disk is
        full.
    """
    path = as_path(path)
    try:
        target = _target(path)
        remove_abandoned(target)
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return _write_and_rename(target, content)
            except FileNotFoundError:
                # The folder is gone; or another process saw the temporary file in the moment
                # before it was locked, and took it for one that was abandoned.
                if attempt == _ATTEMPTS:
                    raise
    except OSError as error:
        raise cannot_write(path, error) from None


def write_text(path: AnyPath, text: str) -> None:
    """Write ``text`` to ``path`` as ``write_bytes`` does, in UTF-8."""
    write_bytes(path, text.encode())


def check_writable(path: AnyPath) -> None:
    """Raise what ``write_bytes`` would, before the work whose result is to be written.

    Raises
    ------
    InputError
        If ``path`` is something else than a file, or no file can be made beside it.
    """
    path = as_path(path)
    try:
        temporary = _beside(_target(path))
        temporary.touch(exist_ok=False)
        temporary.unlink(missing_ok=True)  # another process may take it for an abandoned one
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> InputError:
    """Return the error of a file that cannot be written."""
    if isinstance(error, FileNotFoundError) and not path.parent.is_dir():
        return InputError(
            f"cannot write {str(path)!r}: there is no folder {str(path.parent)!r}", "make it first"
        )
    return InputError(
        f"cannot write {str(path)!r}: {error.strerror or error}",
        "free some space or choose a folder that you may write to (what was there before is "
        "unharmed)",
    )


def make_folder(path: AnyPath) -> list[Path]:
    """Create the folder ``path`` if need be, and return the new folders, innermost first.

    Raises
    ------
    InputError
        If it cannot be created.
    """
    path = as_path(path)
    new = [folder for folder in (path, *path.parents) if not os.path.isdir(folder)]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the folder {str(path)!r}: {error.strerror or error}",
            "choose another one",
        ) from None
    return new


def remove_abandoned(path: AnyPath) -> None:
    """Remove what processes that were killed while they wrote ``path`` have left beside it.

    Files that are being written are locked until their process ends, however it ends, and stay.
    """
    path = Path(path)
    with suppress(OSError):
        path = Path(os.path.realpath(path))
        for name in os.listdir(path.parent):
            if re.fullmatch(re.escape(f".{path.name}.") + "[0-9a-f]{8}", name):
                with suppress(OSError):
                    with open_regular(path.parent / name) as file:
                        abandoned = _lock(file)
                    if abandoned:
                        os.unlink(path.parent / name)


def _target(path: Path) -> Path:
    """Return the file that ``path`` is or points to; ``InputError`` if that is no regular file."""
    target = Path(os.path.realpath(path))
    with suppress(FileNotFoundError):
        mode = os.stat(target).st_mode
        if not stat.S_ISREG(mode):
            kind = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            raise InputError(f"cannot write {str(path)!r}: it is {kind}; name a file")
    return target


def _write_and_rename(target: Path, content: bytes | memoryview) -> None:
    temporary = _beside(target)
    try:
        # "x": never a file that is there already. The user's umask sets the permissions.
        with open(temporary, "xb") as file:
            _lock(file)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        # After the renaming there is none; after a failure this removes what is left of it.
        with suppress(OSError):
            os.unlink(temporary)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")


def _lock(file: BinaryIO) -> bool:
    """Lock a file until it is closed, and return whether no other process had locked it."""
    try:
        import fcntl
    except ImportError:  # Windows, which does not remove a file that is open anywhere
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def user_cache_folder() -> Path:
    """Return the system's folder for what this package may lose; ``InputError`` if it has none.

    It is never one that depends on where a program was started.
    """
    import platformdirs

    try:
        folder = Path(platformdirs.user_cache_dir("scratchvae"))
    except RuntimeError:  # there is no home, either
        folder = Path()
    if not folder.is_absolute():
        raise InputError("there is no folder for caches: set XDG_CACHE_HOME to one, in full")
    return folder
