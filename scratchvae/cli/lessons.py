"""``lessons``: a copy of the lessons for the reader, opened in JupyterLab."""

import argparse
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from scratchvae.cli.common import add_command
from scratchvae.cli.text import say
from scratchvae.cli.values import read_path
from scratchvae.errors import InputError

_DETAILS = """A file that you have changed is never overwritten; one that you have left as it was is
replaced when there is a newer lesson. JupyterLab runs until you end it with Ctrl-C."""


def add_lessons(subparsers: Any) -> None:
    """Add ``lessons``: a copy of the notebooks."""
    add = add_command(subparsers, "lessons", "scratchvae lessons my-lessons", lessons, _DETAILS)
    subparsers.choices["lessons"].set_defaults(computes=False)
    add("folder", metavar="DIR", type=read_path, help="a folder for your copy")
    add("--no-open", action="store_true", help="copy only")


def lessons(options: argparse.Namespace) -> int:
    """Copy the lessons, and open the first."""
    from scratchvae.course.copies import FIRST, copy_lessons

    done = copy_lessons(options.folder)
    say(f"{len(done.new)} new files in {options.folder}, {len(done.renewed)} renewed")
    for name in done.kept:
        say(f"kept your {name}; the lesson has changed: rename yours, and the new one is copied")
    return 0 if options.no_open else _open(options.folder, FIRST)


def _open(folder: Path, name: str) -> int:
    """Run JupyterLab until the reader ends it."""
    if find_spec("jupyterlab") is None:
        raise InputError(
            "JupyterLab, which opens the lessons, is not installed",
            "install it with `pip install 'scratchvae[lessons]'`",
        )
    words = [sys.executable, "-m", "jupyterlab", name]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # as in most containers
        words.append("--allow-root")
    jupyter = subprocess.Popen(words, cwd=folder)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for JupyterLab, which asks
    try:
        return jupyter.wait()
    finally:
        signal.signal(signal.SIGINT, before)
