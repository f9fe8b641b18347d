"""Equations as MathML, written when the site is built: no script and no network to read them.

An equation's number, ``\\tag{8.10}``, becomes the place ``eq-8-10`` that other pages point to.
"""

import re
from html import escape
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

TAG = re.compile(r"\s*\\tag\{([^}]*)\}")
_log = logging.getLogger(__name__)


def place_of(number: str) -> str:
    """Return the fragment of an equation's address."""
    return "eq-" + number.replace(".", "-")


def in_mathml(latex: str, *, block: bool) -> str:
    """Return an equation as a ``<math>`` element, its LaTeX kept as the alternative text."""
    source = latex.strip()
    made: str = convert(source, display="block" if block else "inline")
    return made.replace("<math ", f'<math alttext="{escape(source)}" ', 1)


def visit_inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(in_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def visit_block(writer: Any, node: nodes.math_block) -> None:
    latex = node.astext()
    numbers = TAG.findall(latex)
    body = in_mathml(TAG.sub("", latex), block=True)
    if numbers:
        place = place_of(numbers[0])
        number = f'<a class="number" href="#{place}">({escape(numbers[0])})</a>'
        writer.body.append(f'<div class="equation" id="{place}">{body}{number}</div>\n')
    else:
        writer.body.append(f'<div class="equation">{body}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
