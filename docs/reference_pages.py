"""The reference: a page for each public name, made from its docstring when the site is built.

A module's public names are those in its ``__all__``, or where it has none, what it defines itself.
What several modules offer is described on the page of the first; the others lead there.
"""

import inspect
import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType

import docstrings
import sources
from sphinx.pycode import ModuleAnalyzer

PAGES = Path(__file__).parent / "reference"
# In the order of a reader's interest.
MODULES = tuple(
    "scratchvae" + name
    for name in (
        *("", ".layers", ".probability", ".models", ".training", ".data", ".evaluation"),
        *(".checks.gradients", ".checks.doctor", ".checks.distributions", ".checks.bounds"),
        *(".checks.optimisers", ".testing", ".plots", ".runs", ".sweeps", ".reproduce", ".export"),
        *(".sklearn", ".explorer", ".kernels", ".engine", ".course", ".errors"),
    )
)


def write_pages() -> None:
    """Write a page for each module and each of its names, and the page that lists the modules."""
    described: dict[int, str] = {}
    written = {"index.rst"}
    for name in MODULES:
        module = import_module(name)
        names = public_names(module)
        sources.write(PAGES / f"{name}.rst", _of_module(module, names))
        for own in names:
            page = f"{name}.{own}"
            first = described.setdefault(id(getattr(module, own)), page)
            text = _of_name(module, own) if first == page else _elsewhere(name, own, first)
            sources.write(PAGES / f"{page}.rst", text)
        written |= {f"{name}.rst", *(f"{name}.{own}.rst" for own in names)}
    title = "Reference\n=========\n\n"
    lines = [f"* :doc:`{name}`: {_first_line(import_module(name))}" for name in MODULES]
    contents = ".. toctree::\n   :hidden:\n\n" + "".join(f"   {name}\n" for name in MODULES)
    sources.write(PAGES / "index.rst", title + "\n".join(lines) + "\n\n" + contents)
    for path in PAGES.glob("*.rst"):
        if path.name not in written:  # a name that is public no longer
            path.unlink()


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
    head = f"{name}\n{'=' * len(name)}\n\n.. automodule:: {name}\n   :no-index:\n\n"
    return head + "\n".join(lines) + "\n"


def _of_name(module: ModuleType, own: str) -> str:
    thing = getattr(module, own)
    name = module.__name__
    head = f"{_head(name, own)}.. py:currentmodule:: {name}\n\n"
    if not callable(thing):
        return head + _of_data(module, own)
    kind = "function"
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, BaseException) else "class"
    options = "   :members:\n   :show-inheritance:\n" if kind == "class" else ""
    return f"{head}.. auto{kind}:: {name}.{own}\n{options}"


def _head(name: str, own: str) -> str:
    """Return the beginning of a page that is in no list at the side: there are hundreds of them."""
    return f":orphan:\n\n{own}\n{'=' * len(own)}\n\nIn :doc:`{name}`.\n\n"


def _of_data(module: ModuleType, own: str) -> str:
    """Return the page of a value: what the source says of it, and the names that it holds."""
    thing = getattr(module, own)
    lines = _comment(module, thing, own)
    if isinstance(thing, Mapping | tuple):
        what = "A mapping, by these names" if isinstance(thing, Mapping) else "The names"
        lines += ["", f"{what}: {', '.join(f'``{name}``' for name in thing)}."]
    return f".. py:data:: {own}\n\n" + "".join(f"   {line}\n" for line in lines)


def _comment(module: ModuleType, thing: object, own: str) -> list[str]:
    """Return the docstring under a value's definition, in whichever module of ours that is."""
    for name, place in sorted(sys.modules.items()):
        if name.startswith("scratchvae") and getattr(place, own, None) is thing:
            found = ModuleAnalyzer.for_module(name).find_attr_docs().get(("", own))
            if found:
                return found
    return []


def _elsewhere(name: str, own: str, page: str) -> str:
    return f"{_head(name, own)}The same as :doc:`{page} <{page}>`.\n"


def _first_line(thing: object) -> str:
    own = inspect.isclass(thing) or callable(thing) or isinstance(thing, ModuleType)
    return docstrings.readable((inspect.getdoc(thing) or "").split("\n")[0].strip()) if own else ""
