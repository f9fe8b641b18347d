"""Text that any terminal can show, and that does to it nothing but be shown."""

import codecs
import io
import os
import shlex
from typing import Any

_PLAIN = {
    "⅓": "1/3", "⅔": "2/3", "½": "1/2", "¼": "1/4", "¾": "3/4", "√": "sqrt ", "π": "pi",
    "≤": "<=", "≥": ">=", "≈": "~", "−": "-", "–": "-", "—": "-", "×": "x", "·": "*", "±": "+-",
    "…": "...", "²": "^2", "₁": "1", "₂": "2", "→": "->", "‖": "||", "∞": "inf", "∂": "d",
    "α": "alpha", "β": "beta", "ε": "epsilon", "λ": "lambda", "µ": "u", "μ": "mu", "σ": "sigma",
    "“": '"', "”": '"', "‘": "'", "’": "'",
}  # fmt: skip


def show_every_character(stream: Any) -> None:
    """Let a stream write what its encoding lacks in plain characters: ``1/3`` for ⅓."""
    codecs.register_error("scratchvae.plain", _in_plain_characters)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="scratchvae.plain")


def _in_plain_characters(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    return "".join(_PLAIN.get(one) or _escaped(one) for one in missing), error.end


def printable(text: str) -> str:
    """Return ``text`` with escapes for what would move a terminal's cursor, or cannot be shown."""
    return "".join(one if one.isprintable() else _escaped(one) for one in text)


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


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
