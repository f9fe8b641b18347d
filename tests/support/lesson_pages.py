"""The lessons in JupyterLab in a real browser: a server, and what a reader does there."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

START_SECONDS = 120  # for JupyterLab and a kernel
RUN_SECONDS = 300  # for a whole lesson with little work, on a machine that does other things too
ERRORS = '.jp-Notebook [data-mime-type="application/vnd.jupyter.error"]'
PANEL = ".jp-Notebook.jp-WindowedPanel-outer, .jp-Notebook .jp-WindowedPanel-outer"

# All cells on the page at once, so that a test can see them; and no question about news over them.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}

# Every cell has its number (one whose code is folded shows none), and the kernel has been idle for
# a second: between two cells it is so for a moment.
HAS_RUN = """() => {
    const shown = [...document.querySelectorAll(".jp-Notebook .jp-CodeCell")]
        .map(cell => cell.querySelector(".jp-InputPrompt")?.textContent ?? "");
    const idle = document.querySelector(".jp-Notebook-ExecutionIndicator[data-status=idle]");
    if (idle === null || shown.some((number, n) => number !== "" && number !== `[${n + 1}]:`))
        window.idleSince = undefined;
    else
        window.idleSince ??= Date.now();
    return Date.now() - (window.idleSince ?? Date.now()) > 1000;
}"""
IS_RUNNING = """() => [...document.querySelectorAll(".jp-Notebook .jp-InputPrompt")]
    .some(prompt => prompt.textContent === "[*]:")"""


@contextlib.contextmanager
def serving(folder, home):
    """Yield the address of a JupyterLab on a folder; what it keeps for itself goes to ``home``."""
    for name, settings in SETTINGS.items():
        file = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(settings), encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--ip=127.0.0.1", "--ServerApp.token="]
    command += ["--ServerApp.disable_check_xsrf=True", f"--notebook-dir={folder}"]
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
        for _ in range(240):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=2).close()
                break
            except OSError:
                assert process.poll() is None, (home / "log").read_text(encoding="utf-8")
                time.sleep(0.25)
        yield address
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def opened(browser, address, name):
    """Yield a page with a lesson whose kernel is there, and end the kernel with it."""
    page = browser.new_page(viewport={"width": 1200, "height": 1000})
    page.set_default_timeout(1000 * START_SECONDS)
    try:
        page.goto(f"{address}/lab/tree/{name}.ipynb?reset", wait_until="domcontentloaded")
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        # The status bar says so once the kernel answers; a restart before that is lost.
        page.locator("#jp-main-statusbar").get_by_text(re.compile(r"\| Idle$")).wait_for()
        yield page
    finally:
        for session in page.request.get(f"{address}/api/sessions").json():
            page.request.delete(f"{address}/api/sessions/{session['id']}")
        page.close()


def run_all(page):
    """Run all cells in a fresh kernel, by the menu, and wait until they have run."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Restart Kernel and Run All Cells…").click()
    page.locator(".jp-Dialog .jp-mod-accept").click()
    page.locator(".jp-Dialog").wait_for(state="detached")
    page.wait_for_function(IS_RUNNING, polling=50)
    stopped = f"() => ({HAS_RUN})() || document.querySelector('{ERRORS}') !== null"
    page.wait_for_function(stopped, polling=500, timeout=1000 * RUN_SECONDS)
    assert not page.locator(ERRORS).all_inner_texts()


def write_into(page, place, code):
    """Replace what the cell at ``place`` says, as a reader does: by the keyboard."""
    editor = page.locator(".jp-Notebook .jp-Cell").nth(place).locator(".cm-content")
    editor.scroll_into_view_if_needed()
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(code)


def photograph(page, name):
    """Save pictures of a whole lesson, a screen each, in the folder that SCREENSHOTS names."""
    if not (folder := os.environ.get("SCREENSHOTS")):
        return
    Path(folder).mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1200, "height": 2400})
    page.wait_for_function(f"document.querySelector('{PANEL}').clientHeight > 2000")
    panel = page.locator(PANEL).first
    whole, screen = panel.evaluate("panel => [panel.scrollHeight, panel.clientHeight]")
    for number, top in enumerate(range(0, whole, screen - 30)):
        panel.evaluate("(panel, top) => panel.scrollTo({top, behavior: 'instant'})", top)
        panel.screenshot(path=Path(folder) / f"{name}-{number:02}.png")
    page.set_viewport_size({"width": 1200, "height": 1000})
