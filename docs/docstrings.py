"""Docstrings made ready for Sphinx: what is written for people to read in the code."""

import re
from typing import Any

from sphinx.application import Sphinx

_RETURNS = re.compile(r"^(Returns|Yields)\n-+\n((?:(?!.*\n-{3,}$).*\S.*\n?)+)", re.M)
# A star before a word, as in (N, *shape): the beginning of emphasis to Sphinx, a star to us.
_STAR = re.compile(r"(?<![`*\w])(\*{1,2})(?=\.?[a-zA-Z]\w*\b(?!\*))")
# A type that napoleon is given for a text that has none, and that is taken out of what it writes.
_NO_TYPE = "text"
_NAPOLEONS = f"*{_NO_TYPE}* -- "
_LITERAL = re.compile(r"(``.*?``|`[^`]+`)", re.S)


def readable(text: str) -> str:
    """Return a docstring whose free text under Returns is text, and whose stars are stars."""
    pieces = _LITERAL.split(_RETURNS.sub(_returned, text))
    for place in range(0, len(pieces), 2):
        pieces[place] = _STAR.sub(lambda star: "\\" + "\\".join(star[1]), pieces[place])
    return "".join(pieces)


def _returned(section: re.Match[str]) -> str:
    """Give a section without types one; napoleon would take its first line for it."""
    lines = section[2].rstrip().split("\n")
    if any(line.startswith(" ") for line in lines):
        return section[0]
    indented = "".join(f"    {line}\n" for line in lines)
    return f"{section[1]}\n{'-' * len(section[1])}\n{_NO_TYPE}\n{indented}"


def _before(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = readable("\n".join(lines) + "\n").split("\n")


def _after(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [line.replace(_NAPOLEONS, "") for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    """Have docstrings made ready before napoleon reads them, and what it made of them mended."""
    app.connect("autodoc-process-docstring", _before, priority=400)
    app.connect("autodoc-process-docstring", _after, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
