"""Running a file or a module of the user's own, and finding a name in it."""

import importlib
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from scratchvae.cli.own_code.failures import explained, of_user
from scratchvae.cli.own_code.target import MOST_BYTES, Target
from scratchvae.errors import InputError, shown, unknown_name
from scratchvae.files import read_bytes


@dataclass(frozen=True)
class OwnCode:
    """A module of the user's own that has been run."""

    target: Target
    module: ModuleType

    def find(self, name: str) -> Any:
        """Return what has a name, which may be dotted: ``layers.Square``."""
        return self.find_in_owner(name)[1]

    def find_in_owner(self, name: str) -> tuple[Any, Any]:
        """Return the module, class or object that has the last part of a name, and its value."""
        if not name:
            file, names = self.target.file, ", ".join(offered(self.module))
            raise InputError(
                f"say what in {file} is meant, as in {file}:NAME; it has {names or 'no names'}"
            )
        owner: Any = self.module
        value: Any = self.module
        so_far = self.target.file
        for number, part in enumerate(name.split(".")):
            owner = value
            with of_user(self.target):  # an attribute may be code
                there = hasattr(owner, part)
                value = getattr(owner, part, None)
            if not there:
                raise unknown_name("name", part, offered(owner), owner=so_far)
            so_far += f"{'.' if number else ':'}{part}"
        return owner, value


def offered(owner: Any) -> list[str]:
    """Return the names that a module or a class defines, as opposed to what it imports."""
    of = getattr(owner, "__name__", "")
    held = dict(getattr(owner, "__dict__", {}))
    held = held if isinstance(owner, ModuleType | type) else dict(vars(type(owner))) | held
    imported = isinstance(owner, ModuleType)
    return [
        name
        for name, value in held.items()
        if not name.startswith("_")
        and not isinstance(value, ModuleType)
        and not (imported and callable(value) and getattr(value, "__module__", of) != of)
    ]


def load(target: Target) -> OwnCode:
    """Run the code, and return it as a module.

    It is not run as a program: its ``__name__`` is the file's, what it imports is looked for in its
    own folder first, and it finds files where the user is.

    Raises
    ------
    InputError
        If it is not Python, or raises anything.
    """
    sys.path.insert(0, str(target.folder))
    if target.is_module:
        return OwnCode(target, _import(target))
    path, name = str(target.path), target.path.stem
    # A file may be called as a module that is there already, which others still need.
    module = ModuleType(f"{name}_" if name in sys.modules else name)
    module.__file__, module.__package__ = path, ""
    sys.modules[module.__name__] = module
    text = read_bytes(path, MOST_BYTES)
    try:
        code = compile(text, path, "exec")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise explained(error, target) from None
    with of_user(target):
        exec(code, vars(module))
    return OwnCode(target, module)


def _import(target: Target) -> ModuleType:
    with of_user(target):
        try:
            return importlib.import_module(target.file)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{target.file}.".startswith(f"{error.name}."):
                raise  # it is another one, that theirs needs
            missing = error.name
    raise InputError(
        f"there is no module {shown(missing)}: type FILE.py:NAME, or go to the folder that it is in"
    )
