"""The lessons as a reader has them: JupyterLab in a real browser, "run all", sliders moved.

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
    """Yield the address of a JupyterLab on a copy of the lessons."""
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
        yield address
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


@pytest.mark.parametrize("name", ["01_first_look", "08_reparameterisation", "10_your_vae"])
def test_it_runs_from_a_fresh_kernel_and_its_sliders_move(name, server, browser, tmp_path):
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(120_000)
    page.goto(f"{server}/lab/tree/{name}.ipynb?reset", wait_until="domcontentloaded")
    page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=60_000)
    indicator = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    indicator.first.wait_for(timeout=120_000)  # a kernel is there
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

    sliders = page.locator(
        ".jp-OutputArea .widget-slider .noUi-handle, .widget-slider [role=slider]"
    )
    assert sliders.count() >= 1
    for number in range(sliders.count()):
        _move(page, sliders.nth(number))
    folder = Path(os.environ.get("SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    sliders.first.scroll_into_view_if_needed()
    page.screenshot(path=folder / f"{name}.png")
    page.close()


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
            assert prompts == [f"[{number}]:" for number in range(1, len(prompts) + 1)]
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
