"""The reference: a page for each public name, made from its docstring when the site is built.

A module's public names are those in its ``__all__``, or where it has none, what it defines itself.
"""

import inspect
from importlib import import_module
from pathlib import Path
from types import ModuleType

PAGES = Path(__file__).parent / "reference"
MODULES = (
    "scratchvae",
    *(f"scratchvae.{name}" for name in ("layers", "probability", "models", "training", "data")),
    *(f"scratchvae.{name}" for name in ("evaluation", "checks.gradients", "checks.distributions")),
    *(f"scratchvae.{name}" for name in ("plots", "runs", "sweeps", "reproduce", "export")),
    *(f"scratchvae.{name}" for name in ("sklearn", "kernels", "engine", "course", "errors")),
)


def write_pages() -> None:
    """Write a page for each module and each of its names, and the page that lists the modules."""
    for name in MODULES:
        module = import_module(name)
        names = public_names(module)
        _write(f"{name}.rst", _of_module(module, names))
        for own in names:
            _write(f"{name}.{own}.rst", _of_name(module, own))
    title = "Reference\n=========\n\n"
    lines = [f"* :doc:`{name}`: {_first_line(import_module(name))}" for name in MODULES]
    contents = ".. toctree::\n   :hidden:\n\n" + "".join(f"   {name}\n" for name in MODULES)
    _write("index.rst", title + "\n".join(lines) + "\n\n" + contents)


def public_names(module: ModuleType) -> list[str]:
    """Return a module's public names, in the alphabet's order."""
    own = [
        name
        for name, thing in vars(module).items()
        if not name.startswith("_") and getattr(thing, "__module__", None) == module.__name__
    ]
    return sorted(set(getattr(module, "__all__", own)) - {"__version__"}, key=str.lower)


def _of_module(module: ModuleType, names: list[str]) -> str:
    name = module.__name__
    lines = [f"* :doc:`{own} <{name}.{own}>`: {_first_line(getattr(module, own))}" for own in names]
    contents = ".. toctree::\n   :hidden:\n\n" + "".join(f"   {name}.{own}\n" for own in names)
    head = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n   :no-index:\n\n"
    return head + "\n".join(lines) + "\n\n" + contents


def _of_name(module: ModuleType, own: str) -> str:
    thing = getattr(module, own)
    kind = "data"
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, BaseException) else "class"
    elif callable(thing):
        kind = "function"
    options = "   :members:\n   :show-inheritance:\n" if kind == "class" else ""
    # What several modules offer has its definition in one: links lead to the first.
    head = f"{own}\n{'=' * len(own)}\n\n.. py:currentmodule:: {module.__name__}\n\n"
    return f"{head}.. auto{kind}:: {module.__name__}.{own}\n{options}"


def _first_line(thing: object) -> str:
    own = inspect.isclass(thing) or callable(thing) or isinstance(thing, ModuleType)
    return (inspect.getdoc(thing) or "").split("\n")[0].strip() if own else ""


def _write(name: str, text: str) -> None:
    PAGES.mkdir(exist_ok=True)
    path = PAGES / name
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
