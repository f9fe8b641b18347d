"""The lessons as pages of the site: copied here, with what they refer to linked.

Lessons name another lesson as “lesson 8”. On a page that is a link, and a picture's caption is its
alternative text as well. The notebooks themselves stay as Jupyter shows them.
"""

import json
import re
from pathlib import Path
from typing import Any

import sources

LESSONS = Path(__file__).parent.parent / "lessons"
PAGES = Path(__file__).parent / "lessons"

# What must be left as it is: code, equations, links, HTML tags.
_KEPT = re.compile(r"(```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\[[^\]]*\]\([^)]*\)|<[^>]*>)", re.S)
_LESSON = re.compile(r"\b([Ll]esson) (\d{1,2})\b")
# A caption in italics, which may hold equations and words in bold, at the beginning of a text.
_CAPTION = re.compile(r"\s*\*(?!\*)((?:[^*]|\*\*[^*]+\*\*)+)\*(?!\*)")


def write_pages() -> None:
    """Copy notebooks and pages of the course into the site's sources."""
    PAGES.mkdir(exist_ok=True)
    notebooks = {path: json.loads(path.read_text("utf-8")) for path in LESSONS.glob("*.ipynb")}
    names = {int(path.name[:2]): path.name for path in notebooks}
    for path, notebook in notebooks.items():
        _describe_pictures(notebook["cells"])
        for cell in notebook["cells"]:
            if cell["cell_type"] == "markdown":
                text = sources.linked(_source(cell), "lessons", f"lessons/{path.stem}")
                cell["source"] = linked(text, path.name, names)
            else:
                _link_outputs(cell, path.name, names)
        sources.write(PAGES / path.name, json.dumps(notebook, ensure_ascii=False))
    for path in LESSONS.glob("*.md"):
        text = sources.linked(path.read_text("utf-8"), "lessons", f"lessons/{path.stem}")
        text = linked(text, path.name, names)
        sources.write(PAGES / path.name, text)


def linked(text: str, page: str, names: dict[int, str]) -> str:
    """Return Markdown with a link for each lesson that it names."""

    def lesson(match: re.Match[str]) -> str:
        name = names.get(int(match[2]), page)
        return match[0] if name == page else f"[{match[0]}]({name})"

    pieces = _KEPT.split(text)
    for place in range(0, len(pieces), 2):  # between what is kept
        if not pieces[place].lstrip().startswith("#"):
            pieces[place] = _LESSON.sub(lesson, pieces[place])
    return "".join(pieces)


def _link_outputs(cell: dict[str, Any], page: str, names: dict[int, str]) -> None:
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if "text/markdown" in data:
            text = linked("".join(data["text/markdown"]), page, names)
            # What a cell says is shown as it is: nobody looks for the page of a notebook there.
            data["text/markdown"] = text.replace(".ipynb)", ".html)")


def _describe_pictures(cells: list[dict[str, Any]]) -> None:
    """Give each cell with a picture the alternative text that its caption is."""
    for place, cell in enumerate(cells):
        outputs = [output.get("data", {}) for output in cell.get("outputs", [])]
        shown = [n for n, data in enumerate(outputs) if {"image/png", "image/svg+xml"} & set(data)]
        if not shown:
            continue
        texts = ["".join(data.get("text/markdown", "")) for data in outputs[shown[0] + 1 :]]
        if "image/svg+xml" in outputs[shown[0]]:  # a diagram has a description of its own
            texts.insert(0, "*" + "".join(outputs[shown[0]]["text/plain"]) + "*")
        if place + 1 < len(cells) and cells[place + 1]["cell_type"] == "markdown":
            texts.append(_source(cells[place + 1]))
        captions = [caption[1] for text in texts if (caption := _CAPTION.match(text))]
        described = in_words(captions[0]) if captions else ""
        cell["metadata"].setdefault("mystnb", {})["image"] = {"alt": described}


def in_words(caption: str) -> str:
    """Return a caption without Markdown's signs and with equations as one would read them out."""
    plain = re.sub(r"\*\*|\$|`|\[([^\]]*)\]\([^)]*\)", r"\1", caption)
    plain = re.sub(r"\\(?:hat|text|mathcal|mathbf|mathrm|tfrac|frac)\b|[{}]", "", plain)
    return re.sub(r"\s+", " ", re.sub(r"\\([a-zA-Z]+)|\\.", r"\1 ", plain)).strip()


def _source(cell: dict[str, Any]) -> str:
    return "".join(cell["source"])
