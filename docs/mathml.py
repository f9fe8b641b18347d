"""Equations as MathML, written when the site is built: no script and no network to read them.

An equation's number, as 8.10 in its tag, becomes the place ``eq-8-10`` that other pages point to.
"""

import re
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from fontTools.ttLib import TTFont
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

_NAMESPACE = "{http://www.w3.org/1998/Math/MathML}"
_MI, _MO, _MSPACE, _MTR, _MROW, _MOVER = (
    _NAMESPACE + name for name in ("mi", "mo", "mspace", "mtr", "mrow", "mover")
)
_SCRIPTS = {_NAMESPACE + name for name in ("msub", "msup", "msubsup", "munder", "mover")}
_UPRIGHT = ("normal", "sans-serif")
_FUNCTIONS = {"log", "exp", "tanh", "sinh", "cosh", "cos", "sin", "max", "min", "det", "arg"}

_ROW_HEIGHT = re.compile(r"\\\\\[\d+pt\]")
TAG = re.compile(r"\s*\\tag\{([^}]*)\}")
_log = logging.getLogger(__name__)


def place_of(number: str) -> str:
    """Return the fragment of an equation's address."""
    return "eq-" + number.replace(".", "-")


def in_mathml(latex: str, *, block: bool) -> str:
    """Return an equation as a ``<math>`` element, its LaTeX kept as the alternative text."""
    source = latex.strip()
    known = _ROW_HEIGHT.sub(r"\\\\", source).replace("{aligned}", "{align*}")
    root = ElementTree.fromstring(convert(known, display="block" if block else "inline"))
    root.set("alttext", source)
    for row in list(root.iter()):
        _join_upright(row)
        _set_upright(row)
        _space_functions(row)
        _align(row)
        _stretch(row)
    return ElementTree.tostring(root, encoding="unicode").replace("ns0:", "").replace(":ns0", "")


def _join_upright(row: ElementTree.Element) -> None:
    """Make one word of the letters of one: browsers set K and L of KL apart."""
    for place in range(len(row) - 1, 0, -1):
        both = row[place - 1], row[place]
        if all(each.tag == _MI and each.get("mathvariant") in _UPRIGHT for each in both):
            both[0].text = (both[0].text or "") + (both[1].text or "")
            row.remove(both[1])


def _set_upright(element: ElementTree.Element) -> None:
    """Set a capital Greek letter upright, as LaTeX does, and a letter that LaTeX says is."""
    if element.tag == _MI and len(element.text or "") == 1:
        greek = "\u0391" <= str(element.text) <= "\u03a9"
        if greek or element.get("mathvariant") in _UPRIGHT:
            element.set("mathvariant", "normal")
        return
    element.attrib.pop("mathvariant", None)  # a word is upright by itself


def _space_functions(row: ElementTree.Element) -> None:
    """Put a thin space beside a function's name where no bracket is."""
    if row.tag in _SCRIPTS:
        return
    for place in range(len(row) - 1, -1, -1):
        if not _is_function(row[place]):
            continue
        after = row[place + 1] if place + 1 < len(row) else None
        if after is not None and after.tag not in (_MO, _MSPACE):
            row.insert(place + 1, ElementTree.Element(_MSPACE, width="0.167em"))
        if place and row[place - 1].tag not in (_MO, _MSPACE):
            row.insert(place, ElementTree.Element(_MSPACE, width="0.167em"))


def _align(row: ElementTree.Element) -> None:
    """Say in CSS how the columns of aligned equations stand: browsers do not know the attribute."""
    if row.tag != _MTR:
        return
    for place, cell in enumerate(row):
        side = cell.get("columnalign", "center")
        pair_ends = side == "left" and place + 1 < len(row)
        padding = {"right": "0", "left": "0 2em 0 0" if pair_ends else "0"}.get(side, "0 0.4em")
        cell.set("style", f"text-align: {side}; padding: {padding}")


def _stretch(element: ElementTree.Element) -> None:
    """Draw a line above all that it covers, and bars as they are, close to what is between."""
    if element.tag == _MOVER and element[1].text == "\u2015":
        element.tag = _MROW
        element.set("style", "border-top: 0.06em solid; padding-top: 0.15em")
        element.remove(element[1])
    if element.tag == _MO and element.text in ("|", "\u2016") and not element.get("fence"):
        element.attrib |= {"lspace": "0", "rspace": "0", "stretchy": "false"}


def _is_function(element: ElementTree.Element) -> bool:
    base = element[0] if element.tag in _SCRIPTS and len(element) else element
    return base.tag == _MI and base.text in _FUNCTIONS


def visit_inline(writer: Any, node: nodes.math) -> None:
    """Write an equation in a line of text."""
    writer.body.append(in_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def visit_block(writer: Any, node: nodes.math_block) -> None:
    """Write an equation of its own, with its number."""
    latex = node.astext()
    numbers = TAG.findall(latex)
    body = in_mathml(TAG.sub("", latex), block=True)
    if numbers:
        place = place_of(numbers[0])
        number = f'<a class="number" href="#{place}">({escape(numbers[0])})</a>'
        writer.body.append(
            f'<div class="equation" id="{place}" tabindex="0">{body}{number}</div>\n'
        )
    else:
        writer.body.append(f'<div class="equation" tabindex="0">{body}</div>\n')
    raise nodes.SkipNode


def write_font(path: Path) -> None:
    """Write STIX Two Math, of the package ziamath: brackets and bars stretch with a font for it."""
    if path.exists():
        return
    font = TTFont(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf")
    font.flavor = "woff2"
    font.save(path)


def setup(app: Sphinx) -> dict[str, Any]:
    """Have Sphinx write equations in this way."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
