"""Writing files so that they are whole or not there at all."""

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from scratchvae.errors import InputError


def write_atomically(path: Path, write: Callable[[BinaryIO], None]) -> None:
    """Write a file under a temporary name beside ``path``, then rename it into place.

    A reader sees the old file or the new one; an interruption or a full disk leaves the old one.

    Raises
    ------
    InputError
        If the folder cannot be written to or the disk is full.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise InputError(
            f"cannot write {path}: {error.strerror or error}; free some space or choose a folder "
            "that you may write to (what was there before is unharmed)"
        ) from None
    finally:
        if temporary is not None:
            os.unlink(temporary)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` atomically, as UTF-8."""
    write_atomically(path, lambda file: _write_all(file, text.encode()))


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` to ``path`` atomically, as indented JSON."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``.

    Raises
    ------
    InputError
        If the file cannot be read or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from None
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise InputError(f"{path} should hold a JSON object and does not: it is damaged or foreign")
    return content


def make_folder(path: Path) -> Path:
    """Create the folder ``path`` if need be; ``InputError`` if that cannot be done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the folder {path}: {error.strerror or error}; choose another one"
        ) from None
    return path


def _write_all(file: BinaryIO, content: bytes) -> None:
    file.write(content)
