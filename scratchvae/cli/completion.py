"""The script by which a shell completes what is typed."""

import argparse
from typing import Any

from scratchvae.data import DATASET_NAMES
from scratchvae.errors import InputError, unknown_name
from scratchvae.models import RECIPES
from scratchvae.reproduce import SOURCES
from scratchvae.runs import PICTURES

SHELLS = ("bash", "zsh", "tcsh")

# What an argument can be, by its name in the parser.
_WORDS = {
    "recipe": tuple(RECIPES),
    "kind": PICTURES,
    "source": (*SOURCES, "all"),
    "data": DATASET_NAMES,
    "shell": SHELLS,
}
_FILES = ("names", "object", "config", "json", "picture", "model", "latents", "images")
_FOLDERS = ("folder", "out", "data_dir")


def completion_script(parser: argparse.ArgumentParser, shell: str) -> str:
    """Return the script for a shell.

    Raises
    ------
    InputError
        If there is no such shell, or the package ``shtab`` is not installed.
    """
    if shell not in SHELLS:
        raise unknown_name("shell", shell, SHELLS)
    try:
        import shtab
    except ImportError:
        raise InputError(
            "completion needs the package shtab, which is not installed",
            "install it with `pip install 'scratchvae[completion]'`",
        ) from None
    parsers = [parser]
    for one in parsers:
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
            else:
                _complete(action, shtab)
    script: str = shtab.complete(parser, shell)
    return script


def _complete(action: Any, shtab: Any) -> None:
    """Say what an argument can be, where that is known."""
    if action.dest in _WORDS:
        action.choices = _WORDS[action.dest]
    elif action.dest in _FILES:
        action.complete = shtab.FILE
    elif action.dest in _FOLDERS:
        action.complete = shtab.DIRECTORY
