"""The lessons as a reader has them: JupyterLab in a real browser.

They are run, looked at for what a browser shows wrongly, their sliders are moved and their folds
opened; and what is written in a cell is used by the cells and the lessons that follow.

``make test-browser`` runs this; it needs Chromium (Debian's package, or CHROMIUM=/path/to/it).
Screenshots of whole lessons go to the folder that SCREENSHOTS names.
"""

import shutil
from pathlib import Path

import lesson_pages
import pytest

from scratchvae.course import notebooks

LESSONS = Path(__file__).parents[2] / "lessons"
SLIDERS = ".jp-OutputArea .widget-slider .noUi-handle, .widget-slider [role=slider]"

# What a reader would see of Markdown, equations or pictures that were not rendered, and of output
# that is cut off, by the kind of fault.
FAULTS = r"""() => {
    const all = kind => [...document.querySelectorAll(".jp-Notebook " + kind)];
    const beginning = shown => shown.textContent.trim().slice(0, 80);
    const wide = shown => shown.scrollWidth > shown.clientWidth + 4;  // a slanted letter leans out
    const unrendered = /\$|\\[a-z]{3,}|\*\*|^\s*\|.*\||<\/?[a-z]+>|\]\(/m;
    const plain = all(".jp-RenderedMarkdown").map(shown => {
        const copy = shown.cloneNode(true);
        copy.querySelectorAll("mjx-container, code, pre").forEach(part => part.remove());
        return copy;
    });
    const faults = {
        "cut off": all(".jp-OutputArea-output, .jp-MarkdownOutput, mjx-container").filter(wide),
        "in a box that scrolls": all(".jp-mod-outputsScrolled"),
        "not rendered": plain.filter(shown => unrendered.test(shown.textContent)),
        "no equation": all("mjx-merror, [data-mjx-error]"),
        "no picture": all("img").filter(shown => shown.complete && shown.naturalWidth === 0),
        "a warning": all('[data-mime-type="application/vnd.jupyter.stderr"]'),
    };
    return Object.entries(faults)
        .flatMap(([kind, found]) => found.map(shown => `${kind}: ${beginning(shown)}`));
}"""

# Where something is written, and the lesson that uses it next.
WRITTEN = [
    ("02_dense_layers", "dense-layer", "Dense", "03_training"),
    ("14_convolution", "conv-layer", "Conv2D", "15_transposed_convolution"),
    ("17_fast_kernels", "blocked-product", "blocked_product", None),
    ("24_discrete_latents", "nearest-codes", "nearest_codes", None),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield the address of a JupyterLab on a copy of the lessons, and their folder."""
    folder = tmp_path_factory.mktemp("lessons")
    for path in LESSONS.glob("*.ipynb"):
        shutil.copy(path, folder)
    with lesson_pages.serving(folder, tmp_path_factory.mktemp("home")) as address:
        yield address, folder


@pytest.mark.parametrize("name", [path.stem for path in sorted(LESSONS.glob("*.ipynb"))])
def test_it_runs_from_a_fresh_kernel_and_nothing_looks_wrong(name, server, browser):
    lesson = notebooks.read(LESSONS / f"{name}.ipynb")
    with lesson_pages.opened(browser, server[0], name) as page:
        lesson_pages.run_all(page)
        _open_folds(page)
        lesson_pages.photograph(page, name)
        assert not page.evaluate(FAULTS)
        folded = sum("hide-input" in cell.metadata.get("tags", ()) for cell in lesson.cells)
        assert page.locator(".jp-CodeCell .jp-InputPlaceholder").count() == folded
        sliders = page.locator(SLIDERS)
        explores = any("course.explore(" in cell.source for cell in lesson.cells)
        assert (sliders.count() >= 1) == explores
        for number in range(sliders.count()):
            _move(page, sliders.nth(number))


@pytest.mark.parametrize(("name", "exercise", "piece", "later"), WRITTEN)
def test_what_is_written_in_a_cell_is_used_from_then_on(
    name, exercise, piece, later, server, browser
):
    address, folder = server
    lesson = notebooks.read(LESSONS / f"{name}.ipynb")
    place, code = notebooks.exercises(lesson)[exercise], notebooks.solutions(lesson)[exercise]
    (folder / "my_vae.py").unlink(missing_ok=True)
    used = f"{piece}: yours, from my_vae.py"
    with lesson_pages.opened(browser, address, name) as page:
        lesson_pages.write_into(page, place, f'{code}\n\ncheck("{exercise}", {piece})')
        lesson_pages.run_all(page)
        cell = page.locator(".jp-Notebook .jp-Cell").nth(place)
        assert "It is now in my_vae.py" in cell.inner_text()
        assert page.get_by_text(used).count() >= 1
        lesson_pages.photograph(page, f"{name} with {exercise}")
    text = (folder / "my_vae.py").read_text(encoding="utf-8")
    assert f"class {piece}" in text or f"def {piece}" in text
    if later:
        with lesson_pages.opened(browser, address, later) as page:
            lesson_pages.run_all(page)
            assert page.get_by_text(used).count() >= 1


def _open_folds(page):
    """Open all hints and solutions, which are folded at first, by a click on each."""
    folds = page.locator(".jp-Notebook details")
    assert page.locator(".jp-Notebook details[open]").count() == 0
    for number in range(folds.count()):
        fold = folds.nth(number)
        before = fold.bounding_box()["height"]
        fold.locator("summary").click()
        assert fold.get_attribute("open") is not None
        assert fold.bounding_box()["height"] > before


def _move(page, slider):
    """Move a slider by the keyboard, and see its picture change."""
    slider.scroll_into_view_if_needed()
    box = slider.locator("xpath=ancestor::div[contains(@class, 'jp-OutputArea-output')]")
    picture = box.locator("img").first
    before = picture.get_attribute("src")
    slider.focus()
    at_its_end = slider.get_attribute("aria-valuenow") == slider.get_attribute("aria-valuemax")
    slider.press("ArrowLeft" if at_its_end else "ArrowRight")
    changed = "([picture, before]) => picture.src !== before"
    page.wait_for_function(changed, arg=[picture.element_handle(), before], timeout=60_000)
