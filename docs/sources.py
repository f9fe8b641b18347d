"""Pages of the site that are texts of the repository: README, CONTRIBUTING, CHANGELOG, and code.

Each is written once, where it is read with the code, and comes to the site when it is built. Links
that lead about the repository are made to lead about the site.
"""

import re
from pathlib import Path
from posixpath import normpath, relpath

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"

FRONT = "index"  # the front page begins with the README
OF_FILES = {"design": "CONTRIBUTING.md", "changes": "CHANGELOG.md"}

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_PICTURE = re.compile(r'(<img src=")([^"]+)"([^>]*)>')


def write_pages() -> None:
    """Write the pages of the repository's texts, and of the code files that any page links to."""
    for name, file in OF_FILES.items():
        text = (ROOT / file).read_text("utf-8")
        write(DOCS / "guide" / f"{name}.md", linked(text, ".", f"guide/{name}"))
    for path in (DOCS / "guide").glob("*.md"):
        if path.stem not in OF_FILES:  # of an earlier version
            path.unlink()
    for path in DOCS.glob("*.md"):
        of_the_site(path.stem, path.read_text("utf-8"))


def of_the_site(page: str, text: str) -> str:
    """Return a page of ``docs`` with the site's links; the front page begins with the README."""
    text = linked(text, "docs", page)
    if page == FRONT:
        text = linked((ROOT / "README.md").read_text("utf-8"), ".", page) + "\n" + text
    return text


def linked(text: str, folder: str, page: str) -> str:
    """Return Markdown whose links lead to pages of the site.

    Parameters
    ----------
    text
        Markdown of a file in ``folder`` of the repository.
    folder
        That folder, from the repository's root: ``"."``, ``"docs"`` or ``"lessons"``.
    page
        The page that the text is for, from the site's root and without its ending.
    """

    def link(match: re.Match[str]) -> str:
        picture, words, target = match.groups()
        if re.match(r"[a-z]+:|#", target):
            return match[0]
        if picture:
            return f"![{words}]({_of_picture(target)})"
        place, _, fragment = target.partition("#")
        found = _page_of(normpath(f"{folder}/{place}"), fragment)
        if found is None:
            return words
        return f"[{words}]({relpath(found, normpath(f'{page}/..'))})"

    def image(match: re.Match[str]) -> str:
        described = re.sub(r"\s*\n\s*", " ", match[3])
        return f'{match[1]}{_of_picture(match[2])}"{described}>'

    def _of_picture(target: str) -> str:
        return relpath(normpath(f"{folder}/{target}"), normpath(f"docs/{page}/.."))

    return _PICTURE.sub(image, _LINK.sub(link, text))


def _page_of(path: str, fragment: str) -> str | None:
    """Return the site's page of a file of the repository; ``None`` for a folder."""
    if path == "README.md":
        return f"{FRONT}.md"
    for name, file in OF_FILES.items():
        if path == file:
            return f"guide/{name}.md"
    if path.startswith("lessons/"):
        return path + ("#" + fragment if fragment else "")
    if path.startswith("docs/"):
        return path.removeprefix("docs/") + ("#" + fragment if fragment else "")
    if path.endswith(".py"):
        return _page_of_code(path)
    if (ROOT / path).is_dir():
        return None
    raise FileNotFoundError(f"a page of the site links to {path}, which has no page")


def _page_of_code(path: str) -> str:
    page = f"code/{path.removesuffix('.py').replace('/', '.')}.md"
    steps = relpath(ROOT / path, DOCS / "code")
    head = f"---\norphan: true\n---\n\n# {path}\n\n"
    code = f"```{{literalinclude}} {steps}\n:language: python\n```\n"
    write(DOCS / page, head + code)
    return page


def write(path: Path, text: str) -> None:
    """Write a file if it is new or changed: what is not need not be built again."""
    path.parent.mkdir(exist_ok=True)
    if not path.exists() or path.read_text("utf-8") != text:
        path.write_text(text, "utf-8")
