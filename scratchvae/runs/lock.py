"""A folder that one process has to itself, until it gives it back or ends in whatever way.

The operating system lifts a lock of this kind with the process, so that none is ever stale. (The
package ``filelock`` leaves its file behind, and turns to locks that can be stale where a file
system has no others.)
"""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path

from scratchvae.files import cannot_write
from scratchvae.progress import say
from scratchvae.runs.folders import FolderTakenError

_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP)  # a file system
_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)  # what systems say of a lock that another has


class FolderLock:
    """The lock of a folder, on a file ``.lock`` in it that is there while the lock is held.

    Raises
    ------
    FolderTakenError
        If another process, or another lock of this one, holds it.
    InputError
        If the file cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / ".lock"
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            raise cannot_write(self._path, error) from None
        try:
            _lock(self._file, self._path)
            # Whoever held it may have removed the file between those two calls.
            held = os.path.samestat(os.fstat(self._file), os.stat(self._path))
        except OSError as error:
            os.close(self._file)
            if error.errno in (*_HELD, errno.ENOENT):
                raise self._taken() from None
            raise cannot_write(self._path, error) from None
        if not held:
            os.close(self._file)
            raise self._taken()

    def release(self) -> None:
        """Give the folder back."""
        if sys.platform == "win32":  # where a file that is open cannot be removed
            os.close(self._file)
            with suppress(OSError):
                self._path.unlink()
        else:  # where another could lock the file between the closing and the removal
            with suppress(OSError):
                self._path.unlink()
            os.close(self._file)

    def _taken(self) -> FolderTakenError:
        return FolderTakenError(
            f"another process is training the run in {str(self._path.parent)!r}",
            "wait for its end, or choose another `folder`",
        )


def _lock(file: int, path: Path) -> None:
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in _WITHOUT_LOCKS:
            raise
        say(
            f"scratchvae: the file system of {str(path.parent)!r} has no locks: let no other "
            "process train there"
        )
