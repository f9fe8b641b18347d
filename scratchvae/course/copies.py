"""A copy of the lessons in a folder of the reader's, whose changes are never lost.

A clone has the notebooks in ``lessons/``, beside the package; a wheel has them in the package (see
``setup.py``). The copy notes what it was given, so that a newer lesson can take the place of one
that the reader has left as it was.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

from scratchvae import errors
from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, cannot_read, make_folder, write_bytes
from scratchvae.json_files import read_json, write_json

NOTE = ".lessons.json"
FIRST = "01_first_look.ipynb"
_OWN = "my_vae.py"  # the program that the reader writes
_KINDS = (".ipynb", ".md")


class Copied(NamedTuple):
    """What was done: names of files."""

    new: list[str]
    renewed: list[str]  # the reader had left them as they were
    kept: list[str]  # the reader has changed them, and the lesson is another one now


def lessons_folder() -> Path:
    """Return where the lessons are; ``InputError`` where the package was installed without them."""
    package = Path(errors.__file__).parent
    for folder in (package / "lessons", package.parent / "lessons"):
        if (folder / FIRST).is_file():
            return folder
    raise InputError("this installation has no lessons", "install the package again, from a wheel")


def copy_lessons(folder: AnyPath) -> Copied:
    """Copy the lessons into a folder, or bring a copy there up to date.

    What the reader has changed stays as it is. From a clone their program comes along, if they have
    begun it beside the lessons.

    Raises
    ------
    InputError
        If ``folder`` is that of the lessons themselves, or cannot be written to.
    """
    target, source = as_path(folder), lessons_folder()
    if target.exists() and target.samefile(source):
        raise InputError(f"{str(target)!r} has the lessons themselves", "name a folder of your own")
    make_folder(target)
    given = _read_note(target)
    done = Copied([], [], [])
    for file in sorted(source.iterdir()):
        if file.suffix in _KINDS or (file.name == _OWN and not (target / _OWN).exists()):
            _copy(file, target / file.name, given, done)
    write_json(target / NOTE, given)
    return done


def _copy(file: Path, place: Path, given: dict[str, str], done: Copied) -> None:
    """Copy a file unless the reader has one that is theirs; note what they were given."""
    name, content = file.name, file.read_bytes()
    present = _digest(content)
    found = _digest(_read(place)) if place.exists() else None
    if found in (None, given.get(name)) and found != present:
        write_bytes(place, content)
        (done.new if found is None else done.renewed).append(name)
    elif found != present and given.get(name) != present:
        done.kept.append(name)
        return  # until they make room for it
    given[name] = present


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise cannot_read(path, error, "remove it, or name another folder") from None


def _read_note(folder: Path) -> dict[str, str]:
    path = folder / NOTE
    return dict(read_json(path)) if path.exists() else {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
