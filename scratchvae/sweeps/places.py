"""Where the runs of a sweep are kept: a folder, or an address that ``fsspec`` knows.

A run is trained in a folder in any case. With an address (``s3://…``, ``sftp://…``), each worker
has a folder of its own: what was saved at the address is fetched into it before the training goes
on, and put back after each epoch.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, make_folder, write_bytes
from scratchvae.runs.folders import check_unused

# In the order in which a run saves them: no checkpoint is ever without its record.
_SAVED = ("config.json", "metrics.csv", "checkpoint.npz")


class Place(Protocol):
    """Where runs are kept."""

    def working_folder(self, name: str) -> Any:
        """Within this, the run ``name`` can be trained in the folder's folder of that name."""

    def put(self, name: str, folder: Path) -> None:
        """Keep what the run ``name`` has saved in ``folder``."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file beside the runs, whole or not at all."""

    def read(self, name: str) -> bytes | None:
        """Return what is in a file beside the runs; ``None`` if there is no such file."""

    def remove(self, name: str) -> None:
        """Remove a file beside the runs."""

    def check(self) -> None:
        """Raise ``InputError`` unless it can be written to."""


def place_at(out: AnyPath) -> Place:
    """Return the place that a folder's name or an address stands for."""
    text = os.fspath(out) if isinstance(out, (str, os.PathLike)) else out
    if isinstance(text, str) and "://" in text:
        return _Address(text.rstrip("/"))
    return _Folder(as_path(out).absolute())


@dataclass(frozen=True)
class _Folder:
    """A folder, which on a cluster all workers see."""

    folder: Path

    @contextmanager
    def working_folder(self, name: str) -> Iterator[Path]:
        yield self.folder

    def put(self, name: str, folder: Path) -> None:
        pass  # it was trained here

    def write(self, name: str, content: bytes) -> None:
        make_folder(self.folder)
        write_bytes(self.folder / name, content)

    def read(self, name: str) -> bytes | None:
        with suppress(FileNotFoundError):
            return (self.folder / name).read_bytes()
        return None

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    def check(self) -> None:
        check_unused(self.folder)


@dataclass(frozen=True)
class _Address:
    """An address of ``fsspec``, for instance ``s3://bucket/sweep``."""

    address: str

    @contextmanager
    def working_folder(self, name: str) -> Iterator[Path]:
        with TemporaryDirectory(prefix="scratchvae-") as made:
            folder = Path(made) / name
            for file in _SAVED:
                if (content := self.read(f"{name}/{file}")) is not None:
                    make_folder(folder)
                    write_bytes(folder / file, content)
            yield Path(made)

    def put(self, name: str, folder: Path) -> None:
        for file in _SAVED:
            with suppress(FileNotFoundError):
                self.write(f"{name}/{file}", (folder / file).read_bytes())

    def write(self, name: str, content: bytes) -> None:
        def store(system: Any, path: str) -> None:
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            # Not every file system replaces a file at once; a moved one is there whole.
            system.pipe_file(f"{path}.part", content)
            system.mv(f"{path}.part", path)

        self._do(name, store)

    def read(self, name: str) -> bytes | None:
        def fetch(system: Any, path: str) -> bytes | None:
            with suppress(FileNotFoundError):
                found: bytes = system.cat_file(path)
                return found
            return None

        content: bytes | None = self._do(name, fetch)
        return content

    def remove(self, name: str) -> None:
        self._do(name, lambda system, path: system.rm_file(path))

    def check(self) -> None:
        self.write(".try", b"")
        self.remove(".try")

    def _do(self, name: str, what: Callable[[Any, str], Any]) -> Any:
        place = f"{self.address}/{name}"
        try:
            import fsspec

            system, path = fsspec.core.url_to_fs(place)
            return what(system, path)
        except ImportError as error:
            why = " ".join(str(error).split())
            raise InputError(
                f"the address {self.address!r} needs a package that is not installed ({why})",
                "install it, or give a folder",
            ) from None
        except OSError as error:
            raise InputError(
                f"cannot use {place!r}: {error.strerror or error}",
                "see whether it is there, and whether you may write to it",
            ) from None
        except Exception as error:  # each file system has errors of its own
            why = " ".join(str(error).split()) or type(error).__name__
            raise InputError(
                f"cannot use the address {self.address!r} ({why})",
                "give a folder, or an address that fsspec knows",
            ) from None
