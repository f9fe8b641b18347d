"""The reader's own program: a file that grows by the pieces that they get right.

A piece is a function or a class that an exercise asks for. Once it is right, the cell that it was
written in goes into ``my_vae.py`` beside the lessons; it may just as well be written there by hand.
"""

import ast
import importlib.util
import linecache
import os
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from scratchvae.course import program
from scratchvae.errors import InputError, unknown_name
from scratchvae.files import write_text

VARIABLE = "SCRATCHVAE_MY_VAE"  # another file than my_vae.py in the working folder

_HEADER = '''"""My variational autoencoder, in NumPy."""

import numpy as np

# Until I have written a piece myself, the lessons' own stands in for it.
from scratchvae.course.program import *  # noqa: F403
'''


def own_file() -> Path:
    """Return where the reader's program is, or will be."""
    return Path(os.environ.get(VARIABLE) or "my_vae.py")


def keep(piece: Any) -> str:
    """Write the cell that defines ``piece`` into the reader's program; return what to say of it.

    Definitions there that have the same names are replaced, everything else stays as it is.
    """
    path = own_file()
    file, cell = source_of(piece)
    if not cell or Path(file).name == path.name:
        return ""  # typed where nothing keeps its source, or in the file itself
    try:
        text = path.read_text(encoding="utf-8") if path.exists() else _HEADER
        merged = _merged(text, cell)
        if merged != text:
            write_text(path, merged)
    except SyntaxError as error:
        return f"It is not in {path}, which has an error in line {error.lineno}: mend that first."
    except (OSError, InputError, UnicodeDecodeError) as error:
        return f"It is not in {path}: {error}."
    return f"It is now in {path}."


def find(name: str) -> Any:
    """Return what the reader's program calls ``name``, or ``None`` if it has nothing of its own.

    Raises
    ------
    InputError
        If the file cannot be run.
    """
    return own_pieces(load()).get(name)


def own_pieces(module: ModuleType | None) -> dict[str, Any]:
    """Return what a reader's program has in the place of our pieces, by name."""
    theirs = {name: getattr(module, name, None) for name in program.__all__}
    return {name: its for name, its in theirs.items() if its not in (None, ours(name))}


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
    specification = importlib.util.spec_from_file_location("my_vae", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    linecache.checkcache(str(path))
    try:
        specification.loader.exec_module(module)
    except SyntaxError as error:
        raise InputError(f"{path} has an error in line {error.lineno} ({error.msg})") from None
    except Exception as error:
        raise InputError(f"{path} stops with {type(error).__name__}: {error}") from None
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


def _merged(text: str, cell: str) -> str:
    """Return ``text`` with the imports, definitions and constants of ``cell`` in it.

    A name's definition is replaced where it stands; new ones come at the end. The cell's other
    statements, such as the call of the checker, are left out.
    """
    for node in ast.parse(cell).body:
        lines, places = text.splitlines(), {_name(old): old for old in ast.parse(text).body}
        source = cell.splitlines()[_first_line(node) - 1 : node.end_lineno]
        if isinstance(node, ast.Import | ast.ImportFrom):
            if source[0] not in lines:
                imports = [n for n in ast.parse(text).body if isinstance(n, ast.Import)]
                place = imports[-1].end_lineno if imports else 0
                lines[place:place] = source
        elif not (name := _name(node)):
            continue
        elif name in places:
            lines[_first_line(places[name]) - 1 : places[name].end_lineno] = source
        else:
            lines += ["", "", *source]
        text = "\n".join(lines) + "\n"
    return text


def _name(node: ast.stmt) -> str:
    """Return what a statement defines: a function, a class or a constant; else nothing."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return node.name
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        target = node.targets[0]
        return target.id if isinstance(target, ast.Name) else ""
    return ""


def _first_line(node: ast.stmt) -> int:
    """Return the line that a statement begins in, its decorators included."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])
