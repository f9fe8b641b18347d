"""The latent explorer in a browser: its models, how a page is opened, where things are on it."""

import base64
import io
import os
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from explorer_pages import colourful, stirred
from PIL import Image

import scratchvae
from scratchvae.data.synthetic import make_synthetic_digits

TRAIN = make_synthetic_digits(2000, seed=0)
TESTS = make_synthetic_digits(300, seed=1)
IMAGES, LABELS = TESTS.images, TESTS.labels


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
