"""The latent explorer as a reader has it: a file in a real browser, with the network off.

``make test-browser`` runs this. Screenshots go to the folder that SCREENSHOTS names, and how many
images a second the browser decodes is printed (``-s``).
"""

import base64
import io
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from explorer_pages import colourful, stirred
from PIL import Image

import scratchvae
from scratchvae import explorer
from scratchvae.data.synthetic import make_synthetic_digits

TRAIN = make_synthetic_digits(2000, seed=0)
TESTS = make_synthetic_digits(300, seed=1)
IMAGES, LABELS = TESTS.images, TESTS.labels

# What a page promises, of pixels from 0 to 1.
AGREED = 1e-4

RATE = """() => {
    const z = () => Float64Array.from({length: content.latents}, () => 2 * Math.random() - 1);
    for (let n = 0; n < 20; n++) decode(z());
    const start = performance.now();
    let count = 0;
    while (performance.now() - start < 1000) { decode(z()); count += 1; }
    return 1000 * count / (performance.now() - start);
}"""


def trained(recipe, latents):
    model = scratchvae.build(recipe, latent_dim=latents, seed=0)
    return model.fit(TRAIN.images, epochs=2, batch_size=100, progress=False)


MODELS = {
    "mlp, 2 latents": lambda: trained("zhao-mlp", 2),
    "mlp, 10 latents": lambda: trained("zhao-mlp", 10),
    "cnn, 2 latents": lambda: trained("zhao-cnn", 2),
}
OTHERS = {
    "conditional": lambda: stirred(scratchvae.build("conditional-vae", latent_dim=4, seed=0)),
    "learned variance": lambda: stirred(scratchvae.build("learned-variance", seed=0)),
    "in colour": colourful,
    "one latent": lambda: stirred(scratchvae.build("zhao-mlp", latent_dim=1, seed=0)),
    "without a prior": lambda: stirred(scratchvae.build("fleuret-autoencoder", seed=0)),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Return a function from a model's name to the model and the file of its explorer."""
    folder, made = tmp_path_factory.mktemp("explorers"), {}

    def write(name):
        if name not in made:
            model, path = (MODELS | OTHERS)[name](), folder / f"{name}.html"
            fits = model.image_shape == IMAGES.shape[1:]
            explorer.write(model, path, *((IMAGES, LABELS) if fits else ()))
            made[name] = model, path
        return made[name]

    return write


@contextmanager
def opened(browser, path, width=1240, height=900, **context):
    """Open a page from its file; it must ask for nothing else, and complain of nothing."""
    context = browser.new_context(viewport={"width": width, "height": height}, **context)
    context.set_offline(True)
    asked, complaints = [], []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    settle(page)
    yield page
    settle(page)
    assert [url for url in asked if not url.startswith("data:")] == [path.as_uri()]
    assert not complaints
    context.close()


def settle(page, what="!requested && !stale && (!content.images || sheet.complete)"):
    """Wait until everything that follows a change is drawn, or something else holds."""
    # Playwright's own way of waiting makes a function of text, which the page does not allow.
    page.evaluate(f"""() => new Promise(done => {{
        const look = () => {what} ? done() : setTimeout(look, 5);
        look();
    }})""")


def pixels(page, canvas):
    """Return what a canvas shows, (H, W, 3), 8 bits; ``canvas`` is its id, or JavaScript for it."""
    settle(page)
    found = f'document.getElementById("{canvas}")' if canvas.isidentifier() else canvas
    address = page.evaluate(f"{found}.toDataURL()")  # as PNG, which keeps every number
    content = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))[..., :3]


def as_bytes(images):
    """Return decoded images as a canvas has them, rounded to 8 bits, in three colours."""
    whole = np.rint(255 * np.clip(images, 0, 1)).astype(int)
    return np.repeat(whole, 3, axis=-1) if whole.shape[-1] == 1 else whole


def assert_shows(page, name, images):
    """Expect a canvas to show images side by side; what is nearly half a level goes either way."""
    expected = np.concatenate(list(as_bytes(images)), axis=1)
    assert np.abs(pixels(page, name).astype(int) - expected).max() <= 1


def point(page):
    return np.array(page.evaluate("[...state.z]"), np.float32)


def at(page, across, down):
    """Return a place of the plane on the screen, by shares of its sides."""
    page.locator("#plane").scroll_into_view_if_needed()
    box = page.locator("#plane").bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def place_of_code(page, index):
    """Return where a test image's point is on the screen."""
    page.locator("#plane").scroll_into_view_if_needed()
    place = """index => {
        const box = canvas.getBoundingClientRect(), [x, y] = plane.placeOfCode(index);
        return [box.left + canvas.clientLeft + x, box.top + canvas.clientTop + y];
    }"""
    return page.evaluate(place, index)


def lonely_code(page):
    """Return a test image whose point has no other within 25 pixels."""
    place = np.array([place_of_code(page, index) for index in range(len(IMAGES))])
    apart = np.linalg.norm(place[:, None] - place, axis=-1) + 1e9 * np.eye(len(place))
    return int(apart.min(axis=1).argmax())


def photograph(page, name):
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"explorer, {name}.png", full_page=True)


@pytest.mark.parametrize("name", MODELS | OTHERS)
def test_its_decoder_agrees_with_pythons(name, written, browser):
    model, path = written(name)
    assert path.stat().st_size <= 1_500_000 or name not in MODELS
    z = np.random.default_rng(2).standard_normal((20, model.latent_dim)).astype(np.float32)
    labels = np.arange(20) % max(model.classes, 1)
    expected = model.decode(z, labels if model.classes else None)
    with opened(browser, path) as page:
        given = [[each.tolist(), int(label)] for each, label in zip(z, labels, strict=True)]
        found = page.evaluate("given => given.map(each => [...window.decode(...each)])", given)
        difference = np.abs(np.reshape(found, expected.shape) - expected).max()
        print(
            f"{name}: {path.stat().st_size:,} bytes, off by at most {difference:.1e}, "
            f"{page.evaluate(RATE):,.0f} images a second"
        )
        assert difference <= AGREED
        photograph(page, name)


@pytest.mark.parametrize("name", MODELS)
def test_the_image_follows_the_pointer(name, written, browser):
    model, path = written(name)
    with opened(browser, path) as page:
        before = pixels(page, "decoded")
        page.mouse.move(*at(page, 0.5, 0.5))
        page.mouse.down()
        page.mouse.move(*at(page, 0.25, 0.3), steps=4)
        on_the_way = pixels(page, "decoded")
        assert (before != on_the_way).any()
        page.mouse.move(*at(page, 0.7, 0.8), steps=4)
        page.mouse.up()
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        assert (pixels(page, "decoded") != on_the_way).any()
        page.mouse.move(*at(page, 0.1, 0.1))  # with no button pressed
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        first, second = page.evaluate("plane.axes.map(axis => state.z[axis])")
        assert first > 0 > second


def test_a_click_on_a_point_shows_its_image_and_reconstruction(written, browser):
    model, path = written("mlp, 10 latents")
    with opened(browser, path) as page:
        index = lonely_code(page)
        page.mouse.click(*place_of_code(page, index))
        assert page.evaluate("state.chosen") == index
        z = model.encode(IMAGES[index : index + 1])
        np.testing.assert_allclose(point(page), z[0], atol=1e-3)  # 16 bits of their range
        assert_shows(page, "original", IMAGES[index : index + 1] / 255)
        assert_shows(page, "rebuilt", model.decode(point(page)[None]))
        assert page.get_by_text(f"test image, class {LABELS[index]}", exact=True).is_visible()
        page.mouse.move(*at(page, 0.2, 0.2))
        page.mouse.down()
        page.mouse.move(*at(page, 0.3, 0.2), steps=3)
        page.mouse.up()
        assert page.evaluate("state.chosen") is None
        assert not pixels(page, "original").any()


def test_the_way_to_a_second_point(written, browser):
    model, path = written("cnn, 2 latents")
    with opened(browser, path) as page:
        page.mouse.click(*at(page, 0.1, 0.9))
        page.get_by_role("button", name="Second point here").click()
        end = point(page)
        page.mouse.click(*at(page, 0.9, 0.1))
        start = point(page)
        assert np.abs(start - end).min() > 1
        shares = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
        assert_shows(page, "way", model.decode((1 - shares) * start + shares * end))
        page.keyboard.down("Shift")
        page.mouse.click(*at(page, 0.9, 0.9))
        page.keyboard.up("Shift")
        np.testing.assert_array_equal(point(page), start)
        second = np.array(page.evaluate("[...state.second]"), np.float32)
        assert_shows(page, "way", model.decode((1 - shares) * start + shares * second))
        photograph(page, "a way")
        page.get_by_role("button", name="Remove it").click()
        assert page.evaluate("state.second") is None
        assert not pixels(page, "way").any()


def test_everything_can_be_done_by_keys(written, browser):
    model, path = written("mlp, 2 latents")
    with opened(browser, path) as page:
        page.keyboard.press("Tab")
        plane = page.locator("#plane")
        assert plane.evaluate("plane => plane === document.activeElement")
        assert plane.evaluate("plane => getComputedStyle(plane).outlineStyle") == "solid"
        step = page.evaluate("(plane.high[0] - plane.low[0]) * 0.01")
        for key, moved in (
            ("ArrowRight", (1, 0)),
            ("ArrowUp", (0, 1)),
            ("ArrowLeft", (-1, 0)),
            ("ArrowDown", (0, -1)),
            ("Shift+ArrowRight", (5, 0)),
        ):
            before = point(page)
            page.keyboard.press(key)
            np.testing.assert_allclose(point(page) - before, np.multiply(moved, step), atol=1e-6)
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        page.keyboard.press("s")
        page.keyboard.press("Home")
        assert not point(page).any()
        np.testing.assert_allclose(page.evaluate("[...state.second]"), [5 * step, 0], atol=1e-6)
        page.keyboard.press("Escape")
        assert page.evaluate("state.second") is None
        page.keyboard.press("Enter")
        z = model.encode(IMAGES)
        assert page.evaluate("state.chosen") == np.linalg.norm(z, axis=1).argmin()
        names = []
        while True:
            page.keyboard.press("Tab")
            name = page.evaluate("document.activeElement.id || document.activeElement.innerText")
            if (
                not name
                or name in names
                or page.evaluate("document.activeElement === document.body")
            ):
                break
            names.append(name)
        assert names[:4] == ["all", "0", "1", "2"]
        assert names[11:15] == ["codes", "tiles", "draw", "set-second"]


def test_sliders_axes_the_prior_and_classes(written, browser):
    model, path = written("mlp, 10 latents")
    with opened(browser, path) as page:
        slider = page.get_by_role("slider", name="z₄", exact=False)
        slider.focus()
        slider.press("End")
        assert point(page)[3] == pytest.approx(page.evaluate("content.highest[3]"), abs=0.01)
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        page.get_by_label("across").select_option("z₄")
        assert page.evaluate("plane.axes[0]") == 3
        up = page.evaluate("plane.axes[1]")
        page.get_by_label("up").select_option("z₄")
        assert page.evaluate("plane.axes") == [up, 3]
        before = point(page)
        page.get_by_role("button", name="Draw from the prior").click()
        assert (point(page) != before).all()
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        page.get_by_role("button", name="7", exact=True).click()
        page.locator("#plane").press("Enter")
        assert LABELS[page.evaluate("state.chosen")] == 7
        page.get_by_role("button", name="7", exact=True).click()
        assert page.evaluate("state.shown") is None
        before = pixels(page, "plane")
        page.get_by_label("decoded images behind").check()
        settle(page, "tiles.left === 0")
        assert (pixels(page, "plane") != before).any(axis=-1).mean() > 0.3
        tile = page.evaluate("[...plane.tileLatents(17, state.z)]")
        shown = pixels(page, "(plane.tiles)")[28:56, 28:56]
        expected = as_bytes(model.decode(np.array([tile], np.float32)))[0]
        assert np.abs(shown.astype(int) - expected).max() <= 1


def test_a_conditional_model_decodes_the_class_that_is_chosen(written, browser):
    model, path = written("conditional")
    with opened(browser, path) as page:
        page.get_by_label("decode as class").select_option("6")
        assert_shows(page, "decoded", model.decode(point(page)[None], np.array([6])))
        index = lonely_code(page)
        page.mouse.click(*place_of_code(page, index))
        of_its_class = model.decode(point(page)[None], LABELS[index : index + 1])
        assert_shows(page, "rebuilt", of_its_class)
        assert page.get_by_label("decode as class").input_value() == str(LABELS[index])


def test_a_model_of_one_latent_has_a_line(written, browser):
    model, path = written("one latent")
    with opened(browser, path) as page:
        page.mouse.click(*at(page, 0.8, 0.02))
        assert point(page) > 0
        index = lonely_code(page)
        page.mouse.click(*place_of_code(page, index))
        assert page.evaluate("state.chosen") == index
        assert_shows(page, "rebuilt", model.decode(point(page)[None]))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_finger_on_a_small_screen(scheme, written, browser):
    model, path = written("mlp, 2 latents")
    screen = {"width": 400, "height": 800, "has_touch": True, "color_scheme": scheme}
    with opened(browser, path, **screen, is_mobile=True) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 400
        page.touchscreen.tap(*at(page, 0.2, 0.2))
        first = point(page)
        assert first[0] < 0 < first[1]
        touch = page.context.new_cdp_session(page)
        for kind, *place in (
            ("touchStart", 0.5, 0.5),
            ("touchMove", 0.6, 0.6),
            ("touchMove", 0.8, 0.7),
            ("touchEnd",),
        ):
            points = [dict(zip("xy", at(page, *place), strict=True))] if place else []
            touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        settle(page)
        assert point(page)[0] > 0 > point(page)[1]
        assert_shows(page, "decoded", model.decode(point(page)[None]))
        index = lonely_code(page)
        page.touchscreen.tap(*place_of_code(page, index))
        assert page.evaluate("state.chosen") == index
        # Text is read against what is behind it: WCAG's contrast of at least 4.5.
        ink, muted, paper = (_colour(page, name) for name in ("--ink", "--muted", "--paper"))
        assert min(_contrast(ink, paper), _contrast(muted, paper)) > 4.5
        photograph(page, f"small, {scheme}")


def _colour(page, name):
    read = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    return [int(page.evaluate(read, name)[place : place + 2], 16) / 255 for place in (1, 3, 5)]


def _contrast(first, second):
    """Return the ratio of two colours' luminances as WCAG 2 defines it."""

    def luminance(colour):
        linear = [((c + 0.055) / 1.055) ** 2.4 if c > 0.04045 else c / 12.92 for c in colour]
        return float(np.dot([0.2126, 0.7152, 0.0722], linear))

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)
