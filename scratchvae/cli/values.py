"""How the text of an option is read."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scratchvae.plots.figures import SUFFIXES

_WORDS = {"true": True, "false": False, "none": None}


def read_value(text: str) -> Any:
    """Return the number, truth value or word that a text stands for."""
    text = text.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def read_values(text: str) -> list[Any]:
    """Return the values of a list such as "1,2,5"."""
    values = [read_value(each) for each in text.split(",")]
    if "" in values:
        raise expected("values with a comma between them", text)
    return values


def read_names(text: str) -> list[str]:
    """Return the names in a list such as "target,mask"."""
    names = [name.strip() for name in text.split(",")]
    if "" in names:
        raise expected("names with a comma between them", text)
    return names


def read_assignment(text: str) -> tuple[str, str]:
    """Return the name and the text of the value in "name=value"."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise expected("NAME=VALUE", text)
    return name.strip().replace("-", "_"), value


def whole(minimum: int, maximum: float = 1e9) -> Callable[[str], int]:
    """Return what reads a whole number in a range."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = minimum - 1
        if not minimum <= value <= maximum:
            bound = f"least {minimum}" if value < minimum else f"most {maximum:.0f}"
            raise expected(f"a whole number of at {bound}", text)
        return value

    return read


def real(bound: str) -> Callable[[str], float]:
    """Return what reads a finite number above 0, or of at least 0."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0 or (value == 0 and bound == "above 0"):
            raise expected(f"a finite number {bound}", text)
        return value

    return read


def read_path(text: str) -> Path:
    """Return the name of a file or folder."""
    if not text:
        raise expected("the name of a file or folder", text)
    return Path(text)


def read_picture(text: str) -> Path:
    """Return the name of a picture's file."""
    path = read_path(text)
    if path.suffix.lower() not in SUFFIXES:
        raise expected(f"a name that ends in {' or '.join(SUFFIXES)}", path.name)
    return path


def expected(what: str, text: str) -> argparse.ArgumentTypeError:
    """Return the error of an option's text."""
    return argparse.ArgumentTypeError(f"expected {what}, not {text!r}")
