"""A reader's error in one sentence: what was raised, with which arguments, in which line."""

import linecache
import re
import traceback
from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchvae.course.own_program import source_of

# NumPy says of a matrix product which of its dimensions are different, in terms of its own code.
_INNER_SIZES = re.compile(
    r"mismatch in its core dimension .*\(size (\d+) is different from (\d+)\)"
)
# The checker's own functions, which a reader's code is given, are called by their names alone.
_INSIDE = re.compile(r"\b[\w.]+\.<locals>\.")
_NOT_KEPT = re.compile(r"'(\w+)' object has no attribute '(\w+)'")


def error_in_words(error: BaseException, written: Any, named: Mapping[str, Any]) -> str:
    """Return a reader's error in one line, with the line of theirs where it happened.

    Parameters
    ----------
    error
        What was raised.
    written
        What the reader wrote: a function or a class.
    named
        What it was called with, by name.
    """
    kind = "class" if isinstance(written, type) else "function"
    line = _line_of_the_reader(error, written)
    if line is None and isinstance(written, type) and not isinstance(error, SystemExit):
        # Raised where it is used, before anything of the reader's ran.
        return f"your class cannot be used as the exercise says: {_message(error)}"
    sentence = f"your {kind} raised {_message(error)}"
    sentence += f", in the line `{line}`" if line else ""
    match = _NOT_KEPT.search(_first_line(error)) if isinstance(error, AttributeError) else None
    if match and isinstance(written, type) and match[1] == written.__name__:
        return f"{sentence}: let an earlier call keep it, as self.{match[2]} = ..."
    if isinstance(error, ValueError | IndexError) and (shapes := _shapes(named)):
        sentence += f" (with {shapes})"
    return sentence


def _message(error: BaseException) -> str:
    first = _first_line(error)
    if match := _INNER_SIZES.search(first):
        first = (
            f"the inner sizes of a matrix product must be equal, and are {match[2]} and {match[1]}"
        )
    first = _INSIDE.sub("", first)
    return type(error).__name__ + (f": {first}" if first else "")


def _first_line(error: BaseException) -> str:
    try:
        return next(iter(str(error).splitlines()), "").strip()
    except Exception:  # an error of the reader's own that cannot be put into words
        return ""


def _line_of_the_reader(error: BaseException, written: Any) -> str | None:
    """Return the line of the reader's where it happened; ``None`` if it did elsewhere."""
    file, _ = source_of(written)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            return (frame.line or linecache.getline(file, frame.lineno or 0)).strip()
    return None


def _shapes(named: Mapping[str, Any]) -> str:
    found = []
    for name, value in named.items():
        if isinstance(value, tuple) and all(isinstance(number, int) for number in value):
            found.append(f"{name} {value}")  # is a shape itself
        elif np.ndim(value):
            found.append(f"{name} {np.shape(value)}")
    return ", ".join(found)
