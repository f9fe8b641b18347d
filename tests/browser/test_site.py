"""The site as a reader has it: from a disk, on a wide screen and on a phone, by day and night.

``make test-browser`` builds the site first.
"""

from pathlib import Path
from urllib.parse import quote

import pytest
import site_pages
from axe_playwright_python.sync_playwright import Axe

SITE = Path(__file__).parents[2] / "docs" / "_build" / "html"
WIDE, PHONE = 1280, 400

# One page of each kind, for what takes seconds a page.
KINDS = [
    *("index", "faq", "gradients", "bugs_in_the_wild", "kernels", "search", "library", "explorer"),
    *("lessons/08_gaussian_kl", "lessons/13_what_the_kl_buys", "reference/scratchvae.gradcheck"),
]

# As strangers ask, and where the answer is.
QUESTIONS = [
    ("why does KL increase while training", "why-does-the-kl-rise"),
    ("KL loss goes to zero", "why-is-my-kl-zero"),
    ("should I sum or average the loss over pixels", "sum-or-mean"),
    ("blurry images", "why-are-the-pictures-blurred"),
    ("good reconstructions but bad samples", "reconstructions-are-good"),
    ("loss is nan", "my-loss-became-nan"),
    ("why log variance instead of variance", "why-the-logarithm"),
    ("how many latent dimensions", "how-many-latents"),
    ("normalize images to 0 1 or -1 1", "should-i-normalise"),
    ("sigmoid or logits in decoder", "logits-or-probabilities"),
]


@pytest.fixture
def opened(browser, request):
    """Return a function that opens a page of the site from the disk."""
    assert SITE.is_dir(), "no site: run make site first"
    width, scheme, script = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, java_script_enabled=script
    )
    page = context.new_page()

    def visit(name, query=""):
        page.goto((SITE / name).as_uri() + query)
        return page

    yield visit
    context.close()


@pytest.mark.parametrize("opened", [(PHONE, "light", True)], indirect=True)
def test_no_page_scrolls_sideways_on_a_phone_or_lacks_what_it_shows(opened):
    found = []
    pages = (path for path in SITE.rglob("*.html") if path.parent.name != "_static")
    for path in sorted(pages):
        page = opened(path.relative_to(SITE))
        if page.evaluate(site_pages.SIDEWAYS) > 0:
            found.append(f"{path.name}: wider than the screen")
        found += [f"{path.name}: {fault}" for fault in page.evaluate(site_pages.FAULTS)]
    assert found == []


@pytest.mark.parametrize(
    "opened",
    [(width, scheme, True) for width in (WIDE, PHONE) for scheme in ("light", "dark")],
    indirect=True,
)
def test_no_serious_fault_of_accessibility(opened):
    axe, found = Axe(), []
    for name in KINDS:
        violations = axe.run(opened(f"{name}.html")).response["violations"]
        found += [
            f"{name}: {violation['id']}: {violation['nodes'][0]['html'][:120]}"
            for violation in violations
            if violation["impact"] in ("serious", "critical")
        ]
    assert found == []


@pytest.mark.parametrize("opened", [(WIDE, "light", True)], indirect=True)
@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_a_strangers_question_is_answered_by_the_first_or_second_hit(question, answer, opened):
    page = opened("search.html", f"?q={quote(question)}")
    hits = page.locator("#search-results li a")
    hits.nth(1).wait_for()
    assert any(answer in hits.nth(place).get_attribute("href") for place in (0, 1))


@pytest.mark.parametrize("opened", [(PHONE, "light", False)], indirect=True)
def test_a_lesson_is_read_without_javascript(opened):
    page = opened("lessons/08_gaussian_kl.html")
    assert page.locator("article math").first.is_visible()
    fold = page.locator("article details:has-text('Solution')").first
    assert not fold.locator("pre").first.is_visible()
    fold.locator("summary").click()
    assert fold.locator("pre").first.is_visible()


@pytest.mark.parametrize("opened", [(WIDE, "dark", True), (PHONE, "light", True)], indirect=True)
def test_the_explorer_on_its_page_follows_the_pointer_and_is_seen_whole(opened):
    page = opened("explorer.html")
    page.context.set_offline(True)
    inner = page.frame_locator(".explorer iframe")
    where = inner.locator("#where")
    before = where.inner_text()
    inner.locator("#plane").click(position={"x": 60, "y": 80})
    assert where.inner_text() != before
    frame = page.locator(".explorer iframe").element_handle().content_frame()
    assert frame.evaluate(site_pages.SIDEWAYS) <= 0
    assert frame.evaluate(site_pages.DOWNWARDS) <= 0
    assert not page.locator(".still").is_visible()


@pytest.mark.parametrize("opened", [(PHONE, "light", False)], indirect=True)
def test_without_javascript_there_is_a_picture_of_the_explorer(opened):
    page = opened("explorer.html")
    assert page.locator(".still img").is_visible()
    assert not page.locator(".explorer iframe").is_visible()
