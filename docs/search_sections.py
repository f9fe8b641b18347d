"""The search's index: one entry for each section of the site, found by its words.

Sphinx's own index knows whole pages, and finds those that have all words of a question. A lesson is
long and has nearly every word somewhere; a question is answered by a section, often in other words.
``search_ranking.js`` looks in this index instead. It is a script, so it is loaded from a disk too.
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

FILE = "search_sections.js"
_WORD = re.compile(r"\w+")
_SHOWN = 150  # letters of a section in the list of results
_LEFT_OUT = (nodes.math_block, nodes.literal_block, nodes.image, nodes.comment, nodes.raw)
_NOT_SHOWN = (addnodes.desc_signature, nodes.field_list)  # found, and nothing to read
_MATHS = "…"


def entries(document: nodes.document, page: str) -> list[list[str]]:
    """Return page, fragment, title, beginning and words of each section of a page."""
    found = []
    for section in document.findall(nodes.section):
        title = section.next_node(nodes.title)
        if title is None:
            continue
        own = [
            part for part in section.children if not isinstance(part, nodes.section | nodes.title)
        ]
        fragment = "" if section.parent is document else section["ids"][0]
        words = sorted({word.lower() for word in _WORD.findall(_text(own, _LEFT_OUT))})
        text = _text(own, _LEFT_OUT + _NOT_SHOWN)
        beginning = text if len(text) <= _SHOWN else text[:_SHOWN].rsplit(" ", 1)[0] + " …"
        found.append([page, fragment, title.astext(), beginning, " ".join(words)])
    return found


def _text(parts: Iterable[nodes.Node], left_out: tuple[type[nodes.Node], ...]) -> str:
    """Return the text of parts of a page, a space between two blocks, an ellipsis for maths."""
    texts: list[str] = []

    def collect(node: nodes.Node) -> None:
        if isinstance(node, nodes.math):
            texts.append(_MATHS)
        elif isinstance(node, nodes.Text):
            texts.append(node.astext())
        elif not isinstance(node, left_out):
            for child in node.children:
                collect(child)
            if not isinstance(node, nodes.Inline) or isinstance(node, nodes.Part):
                texts.append(" ")

    for part in parts:
        collect(part)
    return re.sub(r"\s+", " ", "".join(texts)).strip()


def _write(app: Sphinx, problem: Exception | None) -> None:
    if problem is not None or app.builder.format != "html":
        return
    found = [
        entry
        for page in sorted(app.env.found_docs)
        if not page.startswith("code/")
        for entry in entries(app.env.get_doctree(page), page)
    ]
    text = (
        "const SECTIONS = " + json.dumps(found, ensure_ascii=False, separators=(",", ":")) + ";\n"
    )
    (Path(app.outdir) / "_static" / FILE).write_text(text, "utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the index when all pages are there."""
    app.connect("build-finished", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
