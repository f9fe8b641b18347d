"""The lessons as a reader has them: JupyterLab in a real browser.

They are run, sliders are moved, and what is written in one lesson is used in the next.

``make test-browser`` runs this; it needs Chromium (Debian's package, or CHROMIUM=/path/to/it).
Screenshots go to the folder that SCREENSHOTS names.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from scratchvae.course import notebooks

LESSONS = Path(__file__).parents[2] / "lessons"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
# Without a sandbox, as root in a container needs; and quiet: nothing is fetched but the page.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
RUN_SECONDS = (
    300  # for a whole lesson with little work, on a machine that is also busy with other things
)
ERRORS = '[data-mime-type="application/vnd.jupyter.error"], .jp-RenderedText pre .ansi-red-fg'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Yield the address of a JupyterLab on a copy of the lessons, and their folder."""
    folder = tmp_path_factory.mktemp("lessons")
    for path in LESSONS.glob("*.ipynb"):
        shutil.copy(path, folder)
    home = tmp_path_factory.mktemp("home")
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # All cells on the page at once, so that the test can see them.
    whole = json.dumps({"windowingMode": "none"})
    (settings / "tracker.jupyterlab-settings").write_text(whole, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [
        f"--port={port}",
        "--ip=127.0.0.1",
        "--ServerApp.token=",
        f"--notebook-dir={folder}",
    ]
    environment = os.environ | {
        "SCRATCHVAE_FAST": "1",
        "SCRATCHVAE_STATIC": "0",
        "SCRATCHVAE_LESSON_DATA": "synthetic",
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
    }
    environment.pop("SCRATCHVAE_MY_VAE", None)
    with open(home / "log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2).close()
                break
            except OSError:
                assert process.poll() is None, (home / "log").read_text(encoding="utf-8")
                time.sleep(0.5)
        yield address, folder
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="module")
def browser():
    assert CHROMIUM, "no Chromium found: install it (apt install chromium) or set CHROMIUM"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.mark.parametrize("name", [path.stem for path in sorted(LESSONS.glob("*.ipynb"))])
def test_it_runs_from_a_fresh_kernel_and_its_sliders_move(name, server, browser, tmp_path):
    page = _opened(browser, server[0], name)
    _run_all(page)
    sliders = page.locator(
        ".jp-OutputArea .widget-slider .noUi-handle, .widget-slider [role=slider]"
    )
    explores = "course.explore(" in (LESSONS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert (sliders.count() >= 1) == explores
    for number in range(sliders.count()):
        _move(page, sliders.nth(number))
    cut = page.evaluate(
        """() => [...document.querySelectorAll(".jp-Cell-outputArea .jp-OutputArea-output")]
        .filter(shown => shown.scrollWidth > shown.clientWidth + 1)
        .map(shown => shown.innerText.slice(0, 80))"""
    )
    assert not cut, cut
    assert page.locator(".jp-mod-outputsScrolled").count() == 0
    _photograph(page, tmp_path, name)
    page.close()


def test_what_is_written_in_one_lesson_is_used_in_the_next(server, browser, tmp_path):
    address, folder = server
    lesson = notebooks.read(LESSONS / "02_dense_layers.ipynb")
    place, answer = notebooks.exercises(lesson)["dense-layer"], notebooks.solutions(lesson)
    page = _opened(browser, address, "02_dense_layers")
    _run_all(page)
    cell = page.locator(".jp-Notebook .jp-Cell").nth(place)
    cell.scroll_into_view_if_needed()
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(answer["dense-layer"] + '\n\ncheck("dense-layer", Dense)')
    page.keyboard.press("Shift+Enter")
    cell.get_by_text("It is now in my_vae.py").wait_for()
    assert "class Dense:" in (folder / "my_vae.py").read_text(encoding="utf-8")
    _photograph(page, tmp_path, "a piece that was written")
    page.close()

    page = _opened(browser, address, "03_training")
    _run_all(page)
    used = page.get_by_text("Dense: yours, from my_vae.py").first
    used.wait_for()
    used.scroll_into_view_if_needed()
    _photograph(page, tmp_path, "a piece that is used")
    page.close()


def _opened(browser, address, name):
    """Return a page with a lesson whose kernel is there."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(120_000)
    page.goto(f"{address}/lab/tree/{name}.ipynb?reset", wait_until="domcontentloaded")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").first.wait_for()
    return page


def _run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.wait_for_timeout(1000)
    page.get_by_text("Restart Kernel and Run All Cells…").click()
    dialog = page.locator(".jp-Dialog")
    dialog.wait_for()
    page.wait_for_timeout(1000)  # it takes no click while it unfolds
    dialog.locator(".jp-mod-accept").click()
    dialog.wait_for(state="detached")
    _wait_until_run(page)
    assert page.locator(ERRORS).count() == 0


def _photograph(page, tmp_path, name):
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}.png")


def _wait_until_run(page):
    """Wait until the kernel has been busy and is idle again, and every cell has its number."""
    indicator = ".jp-Notebook-ExecutionIndicator[data-status={}]"
    page.locator(indicator.format("busy")).first.wait_for()
    begun = time.monotonic()
    while time.monotonic() - begun < RUN_SECONDS:
        assert page.locator(ERRORS).count() == 0, page.locator(ERRORS).first.inner_text()
        time.sleep(3)  # between two cells a kernel is idle for a moment
        if page.locator(indicator.format("idle")).count():
            prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
            # A cell that is folded shows no number.
            assert all(seen in ("", f"[{n}]:") for n, seen in enumerate(prompts, 1)), prompts
            return
    raise AssertionError(f"not run after {RUN_SECONDS} s")


def _move(page, slider):
    """Move a slider by the keyboard, and see its picture change."""
    slider.scroll_into_view_if_needed()
    box = slider.locator("xpath=ancestor::div[contains(@class, 'jp-OutputArea-output')]")
    picture = box.locator("img").first
    before = picture.get_attribute("src")
    slider.focus()
    slider.press("ArrowRight")
    for _ in range(60):
        if picture.get_attribute("src") != before:
            return
        time.sleep(0.5)
    slider.press("ArrowLeft")  # it began at its upper end
    for _ in range(60):
        if picture.get_attribute("src") != before:
            return
        time.sleep(0.5)
    raise AssertionError("a slider was moved, and its picture stayed as it was")
