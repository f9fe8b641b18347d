"""What was typed for code of one's own: ``FILE.py:NAME`` or ``package.module:NAME``."""

import os
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

from scratchvae.errors import InputError, shown
from scratchvae.files import as_path, cannot_read, open_regular

MOST_BYTES = 10 << 20  # of a program's text
_SUFFIXES = (".py", ".pyw")


class Target(NamedTuple):
    """Code of the user's own, as typed: a file or a module, and a name in it (perhaps none).

    ``start`` is the folder in which it was typed, wherever the code goes afterwards.
    """

    file: str
    name: str
    is_module: bool
    start: str

    @property
    def typed(self) -> str:
        """The words that stand for it on the command line."""
        return f"{self.file}:{self.name}" if self.name else self.file

    @property
    def path(self) -> Path:
        """The file, from the root on."""
        return Path(os.path.normpath(os.path.join(self.start, as_path(self.file))))

    @property
    def folder(self) -> Path:
        """Where Python looks for what the code imports, as it does when it runs the code itself."""
        return Path(self.start) if self.is_module else self.path.parent


def is_own(word: str) -> bool:
    """Whether a word is code of the user's own, and not the name of something in the package."""
    separators = {os.sep, os.altsep} - {None}
    named = word.endswith((*_SUFFIXES, ".ipynb"))
    return named or ":" in word or any(separator in word for separator in separators if separator)


def read_target(word: str) -> Target:
    """Return what was typed, if there is such a file and it can be Python.

    Raises
    ------
    InputError
        If there is none, or NAME is no name.
    """
    file, colon, name = word.rpartition(":")
    if not colon or "/" in name or "\\" in name:  # C:\mine.py
        file, name = word, ""
    if name and not all(part.isidentifier() for part in name.split(".")):
        raise InputError(
            f"expected a name after {file + ':'!r}, such as affine_forward, not {shown(name)}: "
            "make what you mean in the file, as in `layer = Square(3)`, and give its name"
        )
    is_module = not file.endswith(_SUFFIXES) and not os.path.lexists(as_path(file))
    is_module = is_module and bool(file) and all(map(str.isidentifier, file.split(".")))
    target = Target(file, name, is_module, os.getcwd())
    if not is_module:
        _check_file(target)
    return target


def _check_file(target: Target) -> None:
    path = target.path
    if not target.file or path.is_dir():
        what = f"{target.file!r} is a folder" if target.file else "there is no file before ':'"
        raise InputError(f"expected FILE.py:NAME, and {what}: name a file in it")
    if path.suffix == ".ipynb":
        raise InputError(
            f"{target.file!r} is a notebook: export it with `jupyter nbconvert --to script "
            f"{target.file}`, and name the .py file"
        )
    try:
        open_regular(path, MOST_BYTES).close()
    except FileNotFoundError:
        raise InputError(f"there is no file {target.file!r}{_near(path)}") from None
    except OSError as error:
        raise cannot_read(Path(target.file), error, "check its name and its folder") from None
    if path.suffix not in _SUFFIXES:
        raise InputError(f"expected a Python file, which ends in .py, not {target.file!r}")


def _near(path: Path) -> str:
    """Return what may have been meant instead of a file that is not there."""
    try:
        names = [name for name in os.listdir(path.parent) if name.endswith(_SUFFIXES)]
    except OSError:
        return ": check its name and its folder"
    near = get_close_matches(path.name, names, n=1)
    return f"; did you mean {near[0]!r}?" if near else ": check its name and its folder"
