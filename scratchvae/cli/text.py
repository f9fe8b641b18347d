"""Text that any terminal can show, and that does to it nothing but be shown."""

import io
import os
import shlex
from typing import Any

from scratchvae.characters import PLAIN, escaped


def show_every_character(stream: Any) -> None:
    """Let a stream write what its encoding lacks in plain characters: ``1/3`` for ⅓."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors=PLAIN)


def printable(text: str) -> str:
    """Return ``text`` with escapes for what would move a terminal's cursor, or cannot be shown."""
    return "".join(one if one.isprintable() else escaped(one) for one in text)


def say(line: object) -> None:
    """Print a line that may hold the names of files, which may hold anything."""
    print(printable(str(line)), flush=True)


def as_typed(words: list[str]) -> str:
    """Return a command line to be pasted into a shell."""
    return " ".join(map(_as_typed, words))


def _as_typed(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    plain = (f"{byte:c}" if 32 <= byte < 127 and byte not in b"'\\" else f"\\x{byte:02x}"
             for byte in os.fsencode(word))  # fmt: skip
    return f"$'{''.join(plain)}'"
