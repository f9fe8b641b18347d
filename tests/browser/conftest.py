"""The browser of these tests: Chromium, Debian's package or what CHROMIUM names."""

import os
import shutil

import pytest
from explorer_browser import IMAGES, LABELS, MODELS, OTHERS
from playwright.sync_api import sync_playwright

from scratchvae import explorer

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
# Without a sandbox, as root in a container needs; and quiet: nothing is fetched but the page.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def browser():
    assert CHROMIUM, "no Chromium found: install it (apt install chromium) or set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
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
