"""The site is built without a warning, and all that it refers to is there."""

import importlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")

for needed in ("furo", "latex2mathml", "myst_nb", "sphinx", "sphinx_design", "ziamath"):
    pytest.importorskip(needed)


class Page(HTMLParser):
    """What a page refers to, and the places in it that others may refer to."""

    def __init__(self, path):
        super().__init__()
        self.links, self.places, self.equations = [], set(), 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.places |= {values[key] for key in ("id", "name") if values.get(key)}
        self.links += [values[key] for key in ("href", "src") if values.get(key)]
        self.equations += tag == "math"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as ``make site`` does, and return its pages by their addresses."""
    folder = tmp_path_factory.mktemp("site")
    options = ["-q", "-W", "--keep-going", "-b", "html"]
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, ROOT / "docs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return {path.resolve(): Page(path) for path in folder.rglob("*.html")}


@pytest.fixture(scope="module")
def folder(site):
    (front,) = (
        path for path in site if path.name == "index.html" and path.parent.name != "reference"
    )
    return front.parent


def broken(site):
    for path, page in site.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                yield f"{path.name}: {link}"
            elif target in site and parts.fragment:
                places = site[target].places
                yield from [] if unquote(parts.fragment) in places else [f"{path.name}: {link}"]


def test_no_link_leads_to_nowhere(site):
    assert list(broken(site)) == []


def test_nothing_is_fetched_from_elsewhere_to_read_it(folder):
    elsewhere = re.compile(
        r'<(?:script|img|iframe)[^>]*src="(?:https?:)?//|<link[^>]*rel="stylesheet"'
        r'[^>]*href="(?:https?:)?//'
    )
    for path in folder.rglob("*.html"):
        assert not elsewhere.search(path.read_text(encoding="utf-8")), path.name


def test_every_numbered_equation_is_a_place_on_its_lessons_page(site, folder):
    for lesson in (ROOT / "lessons").glob("*.ipynb"):
        cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        numbers = [number for cell in cells for number in TAG.findall("".join(cell["source"]))]
        places = site[folder / "lessons" / f"{lesson.stem}.html"].places
        assert {f"eq-{number.replace('.', '-')}" for number in numbers} <= places


def test_every_equation_of_a_lesson_is_on_its_page(site, folder):
    for lesson in (ROOT / "lessons").glob("*.ipynb"):
        cells = json.loads(lesson.read_text(encoding="utf-8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        blocks = sum(len(re.findall(r"\$\$.+?\$\$", text, re.S)) for text in texts)
        assert site[folder / "lessons" / f"{lesson.stem}.html"].equations >= blocks > 0


@pytest.mark.parametrize(
    ("page", "number", "lesson"),
    [
        ("kernels", "(17.1)", "lessons/17_fast_kernels"),
        ("reference/scratchvae.probability.reparameterise", "eq. 10.7", "10_reparameterisation"),
        ("lessons/09_elbo", "(9.2)", "#eq-9-2"),
        ("lessons/12_your_vae", "(8.10)", "08_gaussian_kl"),
    ],
)
def test_an_equations_number_leads_to_the_equation(page, number, lesson, folder):
    text = (folder / f"{page}.html").read_text(encoding="utf-8")
    links = re.findall(rf'href="([^"]*)">{re.escape(number)}</a>', text)
    digits = re.sub(r"[^\d.]", "", number).strip(".").replace(".", "-")
    assert any(lesson in link and link.endswith(f"#eq-{digits}") for link in links)


def test_every_public_name_has_a_page(folder):
    modules = [path.stem for path in (folder / "reference").glob("scratchvae*.html")]
    assert "scratchvae.layers" in modules
    for name in (
        "",
        ".layers",
        ".probability",
        ".models",
        ".training",
        ".data",
        ".kernels",
        ".explorer",
    ):
        module = importlib.import_module("scratchvae" + name)
        for own in set(module.__all__) - {"__version__"}:
            page = folder / "reference" / f"{module.__name__}.{own}.html"
            text = page.read_text(encoding="utf-8")
            assert 'class="sig ' in text or "The same as" in text, page.name


def test_pictures_say_in_words_what_they_show(folder):
    for path in (folder / "lessons").glob("*.html"):
        pictures = re.findall(r"<img [^>]*>", path.read_text(encoding="utf-8"))
        described = [re.search(r'alt="([^"]*)"', picture) for picture in pictures]
        assert all(alt and alt[1] and "_images/" not in alt[1] for alt in described), path.name
