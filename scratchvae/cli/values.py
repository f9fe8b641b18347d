"""Values of options whose type depends on their name, as text gives them."""

import argparse
from typing import Any

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
        raise argparse.ArgumentTypeError(f"expected values with a comma between them, not {text!r}")
    return values


def read_assignment(text: str) -> tuple[str, str]:
    """Return the name and the text of the value in "name=value"."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, not {text!r}")
    return name.strip().replace("-", "_"), value
