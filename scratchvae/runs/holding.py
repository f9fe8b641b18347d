"""Who may write to a run's folder: one process at a time, which has seen all that is in it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from scratchvae.errors import InputError
from scratchvae.files import make_folder, remove_abandoned
from scratchvae.runs.folders import RUN_FILES, FolderTakenError, check_unused
from scratchvae.runs.lock import FolderLock


class Place:
    """The folder of a run, and what this process knows of it.

    Parameters
    ----------
    folder
        The folder.
    pictures
        The names of the pictures that the run will write.
    new
        Whether it is still to be made.

    Attributes
    ----------
    others
        For a new run: the folders to take, one after the other, while this one is taken.
    """

    def __init__(self, folder: Path, pictures: tuple[str, ...], *, new: bool) -> None:
        self.folder = folder
        self.new = new
        self.others: Iterator[Path] | None = None
        self._pictures = pictures
        self._lock: FolderLock | None = None
        self._seen = self._checkpoint()

    @property
    def checkpoint(self) -> Path:
        """Where the checkpoint is."""
        return self.folder / "checkpoint.npz"

    def check_unused(self) -> None:
        """Raise ``InputError`` unless a new run may be written here, or to one of the others."""
        self._untaken(lambda: check_unused(self.folder, self._pictures))

    def saw_checkpoint(self) -> None:
        """Take note that the checkpoint there is this run's own."""
        self._seen = self._checkpoint()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within this, no other process trains here: see ``Run.held``."""
        if self._lock is not None:
            yield
            return
        made = self._untaken(self._take)
        try:
            if not self.new and self._checkpoint() != self._seen:
                raise InputError(
                    f"the run in {str(self.folder)!r} was trained further since it was opened",
                    "open it again",
                )
            for name in (*RUN_FILES, *self._pictures):
                remove_abandoned(self.folder / name)
            yield
        finally:
            self._release(made)

    def discard(self) -> None:
        """Remove what was begun of a new run, as if it had never started."""
        with suppress(OSError):
            (self.folder / "metrics.csv").unlink(missing_ok=True)
            (self.folder / "config.json").unlink(missing_ok=True)
        self.new = True

    def _take(self) -> list[Path]:
        """Lock the folder, which is made for a new run; return the folders that were made."""
        made = make_folder(self.folder) if self.new else []
        try:
            self._lock = FolderLock(self.folder)
            if self.new:
                check_unused(self.folder, self._pictures)
            return made
        except BaseException:
            self._release(made)
            raise

    def _release(self, made: list[Path]) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None
        with suppress(OSError):  # what is not empty stays
            for folder in made:
                folder.rmdir()

    def _untaken(self, attempt: Callable[[], Any]) -> Any:
        """Return what an attempt returns, at the first folder that is not taken."""
        while True:
            try:
                return attempt()
            except FolderTakenError:
                if self.others is None:
                    raise
                self.folder = next(self.others)

    def _checkpoint(self) -> object:
        """Return what tells one checkpoint from the next, or ``None`` where there is none."""
        try:
            found = os.stat(self.checkpoint)
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size
