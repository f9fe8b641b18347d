"""An equation's number in a text is a link to the equation in its lesson.

Lessons and pages name an equation as (8.10), docstrings as ``eq. 8.10``. A number that is no
equation's in a lesson stays as it is, and so do code, equations and titles.
"""

import json
import re
from functools import cache
from typing import Any

from docutils import nodes
from mathml import TAG, place_of
from sources import ROOT
from sphinx.application import Sphinx

_NUMBER = r"(?P<number>\d{1,2}\.\d{1,2})"
_IN_BRACKETS = re.compile(rf"\({_NUMBER}\)")
_AFTER_EQ = re.compile(rf"\beqs?\.\s{_NUMBER}")
_KEPT = (nodes.literal, nodes.literal_block, nodes.math, nodes.math_block, nodes.title)
_KEPT += (nodes.reference, nodes.raw, nodes.comment)


@cache
def lessons() -> dict[str, str]:
    """Return the lesson's page of each numbered equation, by its number."""
    return {
        number: f"lessons/{path.stem}"
        for path in (ROOT / "lessons").glob("*.ipynb")
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        for number in TAG.findall("".join(cell["source"]))
    }


def _link(app: Sphinx, document: nodes.document, page: str) -> None:
    # In prose about versions (3.11) is one.
    numbers = _AFTER_EQ if page.startswith(("reference/", "guide/")) else _IN_BRACKETS
    for text in list(document.findall(nodes.Text)):
        if numbers.search(text) and not _is_kept(text):
            text.parent.replace(text, _pieces(app, str(text), page, numbers))


def _is_kept(text: nodes.Text) -> bool:
    parent = text.parent
    while parent is not None and not isinstance(parent, _KEPT):
        parent = parent.parent
    return parent is not None


def _pieces(app: Sphinx, text: str, page: str, numbers: re.Pattern[str]) -> list[nodes.Node]:
    pieces: list[nodes.Node] = []
    end = 0
    for match in numbers.finditer(text):
        lesson = lessons().get(match["number"])
        if lesson is not None:
            address = app.builder.get_relative_uri(page, lesson) if lesson != page else ""
            address += "#" + place_of(match["number"])
            pieces.append(nodes.Text(text[end : match.start()]))
            pieces.append(nodes.reference("", match[0], refuri=address, internal=True))
            end = match.end()
    return [*pieces, nodes.Text(text[end:])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Link equations when pages are written: only then does docutils know all of their text."""
    app.connect("doctree-resolved", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
