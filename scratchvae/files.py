"""Files that are written whole or not at all, and JSON."""

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any

from scratchvae.errors import InputError


def write_bytes(path: Path, content: bytes | memoryview) -> None:
    """Write a file under a temporary name beside ``path``, then rename it into place.

    A reader sees the old file or the new one; an interruption or a full disk leaves the old one.

    Raises
    ------
    InputError
        If the folder cannot be written to or the disk is full.
    """
    temporary = _beside(path)
    try:
        # "x": never a file that is there already. The user's umask sets the permissions.
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        # After the renaming there is none; after a failure this removes what is left of it.
        with suppress(OSError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` as ``write_bytes`` does, in UTF-8."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: Any) -> None:
    """Write ``content`` to ``path`` as ``write_bytes`` does, as indented JSON."""
    write_text(path, json.dumps(content, indent=2) + "\n")


def check_writable(path: Path) -> None:
    """Raise what ``write_bytes`` would, before the work whose result is to be written.

    Raises
    ------
    InputError
        If ``path`` is a folder, or no file can be made beside it.
    """
    if os.path.isdir(path):
        raise InputError(f"cannot write {str(path)!r}: it is a folder; name a file in it")
    temporary = _beside(path)
    try:
        temporary.touch(exist_ok=False)
        temporary.unlink()
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> InputError:
    """Return the error of a file that cannot be written."""
    return InputError(
        f"cannot write {str(path)!r}: {error.strerror or error}; free some space or choose a "
        "folder that you may write to (what was there before is unharmed)"
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return the JSON object in ``path``.

    Raises
    ------
    InputError
        If the file cannot be read or contains something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read {str(path)!r}: {error.strerror or error}; give another folder"
        ) from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError(
            f"{str(path)!r} should contain a JSON object and does not: it is damaged or foreign; "
            "restore it from a copy, or give another folder"
        )
    return content


def make_folder(path: Path) -> list[Path]:
    """Create the folder ``path`` if need be, and return the new folders, innermost first.

    Raises
    ------
    InputError
        If it cannot be created.
    """
    new = [folder for folder in (path, *path.parents) if not os.path.isdir(folder)]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the folder {str(path)!r}: {error.strerror or error}; choose another one"
        ) from None
    return new


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}")
