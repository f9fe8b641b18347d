"""The reader's own program: a file that grows by the pieces that they get right.

A piece is a function or a class that an exercise asks for. Once it is right, the cell that it was
written in goes into ``my_vae.py`` beside the lessons; it may just as well be written there by hand.
"""

import linecache
import os
import time
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from scratchvae.course import patience, program
from scratchvae.course.merging import merge
from scratchvae.errors import InputError, unknown_name
from scratchvae.files import write_text

VARIABLE = "SCRATCHVAE_MY_VAE"  # another file than my_vae.py in the working folder

_HEADER = '''"""My variational autoencoder, in NumPy."""

import numpy as np

# Until I have written a piece myself, the lessons' own stands in for it.
from scratchvae.course.program import *  # noqa: F403
'''


_endless: dict[bytes, str] = {}  # what is said of programs that did not end, by their text


def own_file() -> Path:
    """Return where the reader's program is, or will be."""
    return Path(os.environ.get(VARIABLE) or "my_vae.py")


def keep(piece: Any, name: str) -> str:
    """Write the cell that defines ``piece`` into the reader's program; return what to say of it.

    Definitions there that have the same names are replaced, everything else stays as it is.
    ``name`` is what the program calls the piece.
    """
    path = own_file()
    file, cell = source_of(piece)
    if Path(file).name == path.name:
        return ""  # it has been written there by hand
    if not cell:
        return f"It is not in {path}: define it in a cell by itself, without any % commands."
    if getattr(piece, "__name__", "") != name:
        return f"It is not in {path}, which needs it under the name {name}: rename it."
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
        merged = merge(text, cell)
        if merged != text:
            write_text(path, merged)
    except SyntaxError as error:
        return f"It is not in {path}, which has an error in line {error.lineno}: mend that first."
    except (OSError, InputError, UnicodeDecodeError) as error:
        return f"It is not in {path}: {error}."
    return f"It is now in {path}."


def own_pieces(module: ModuleType | None) -> dict[str, Any]:
    """Return what a reader's program has in the place of our pieces, by name."""
    theirs = {name: getattr(module, name, None) for name in program.__all__}
    return {n: its for n, its in theirs.items() if its is not None and its is not ours(n)}


def load(path: Path | None = None) -> ModuleType | None:
    """Return the reader's program, run anew, or ``None`` if there is none.

    ``path`` is another file than that of the lessons.

    Raises
    ------
    InputError
        If it cannot be run.
    """
    path = path or own_file()
    if not path.exists():
        return None
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror})") from None
    if text in _endless:
        raise InputError(_endless[text])
    module = ModuleType("my_vae")
    module.__file__ = str(path)
    linecache.checkcache(str(path))
    deadline = time.monotonic() + patience.MOST_SECONDS
    try:
        with patience.stopped_at(deadline):
            # Not by an import, which takes what it compiled within the same second for still valid.
            exec(compile(text, str(path), "exec"), vars(module))
    except BaseException as error:
        if time.monotonic() >= deadline:
            # Not to be waited for again by every cell that asks for a piece.
            _endless[text] = f"{path} had not ended after {patience.MOST_SECONDS:.0f} seconds"
            raise InputError(_endless[text]) from None
        if isinstance(error, SyntaxError):
            line = f" in line {error.lineno}" if error.lineno else ""
            raise InputError(f"{path} has an error{line} ({error.msg})") from None
        if b"\0" in text:  # of which not every Python says that it is an error of syntax
            raise InputError(f"{path} has an error (there are null bytes in it)") from None
        if isinstance(error, Exception | SystemExit):
            raise InputError(f"{path} stops with {type(error).__name__}: {error}") from None
        raise  # the reader's Ctrl-C
    return module


def ours(name: str) -> Any:
    """Return the lessons' own piece of this name."""
    if name not in program.__all__:
        raise unknown_name("piece", name, program.__all__)
    return getattr(program, name)


def source_of(piece: Any) -> tuple[str, str]:
    """Return the file (or cell) that a function or a class was written in, and all of its text."""
    functions = [piece, *(vars(piece).values() if isinstance(piece, type) else ())]
    files = [f.__code__.co_filename for f in functions if isinstance(f, FunctionType)]
    return (files[0], "".join(linecache.getlines(files[0]))) if files else ("", "")
