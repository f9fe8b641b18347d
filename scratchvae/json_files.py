"""JSON in files: one object each, of text, finite numbers, lists and dictionaries."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scratchvae.errors import InputError
from scratchvae.files import AnyPath, as_path, cannot_read, read_bytes, write_text

_MOST_JSON_BYTES = 1 << 20  # a configuration has one or two thousand
_MOST_BITS = 4096  # of an integer: Python reads no more than 4,300 digits


def read_json(path: AnyPath) -> dict[str, Any]:
    """Return the JSON object in ``path``.

    Raises
    ------
    InputError
        If the file cannot be read or contains something else.
    """
    path = as_path(path)
    try:
        content = json.loads(read_bytes(path, _MOST_JSON_BYTES).decode())
    except OSError as error:
        raise cannot_read(path, error, "give another `folder`") from None
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise InputError(
            f"{str(path)!r} should contain a JSON object and does not: it is damaged or foreign",
            "restore it from a copy, or give another `folder`",
        )
    return content


def write_json(path: AnyPath, content: Any) -> None:
    """Write ``content`` to ``path`` as ``write_bytes`` does, as indented JSON.

    It is an ``InputError`` if there is something in it that ``plain`` refuses.
    """
    write_text(path, json.dumps(plain(content), indent=2) + "\n")


def plain(content: Any) -> Any:
    """Return ``content`` as JSON gives it back: tuples as lists, NumPy's scalars as numbers.

    Raises
    ------
    InputError
        If something in it would come back as another thing, or not at all: an object, an array, NaN
        or infinity, a key that is not text.
    """
    try:
        return _plain(content, "")
    except RecursionError:
        raise InputError("what is kept as JSON may not contain itself") from None


def _plain(content: Any, place: str) -> Any:
    match content:
        case np.bool_() | np.integer():
            return content.item()
        case np.floating():
            return _plain(float(content), place)
        case bool() | None:
            return content
        case str():
            return str(content)
        case int() if content.bit_length() <= _MOST_BITS:
            return int(content)
        case float() if math.isfinite(content):
            return float(content)
        case list() | tuple():
            return [_plain(item, f"{place}[{i}]") for i, item in enumerate(content)]
        case Mapping() if all(isinstance(key, str) for key in content):
            return {str(k): _plain(v, f"{place}.{k}") for k, v in content.items()}
    raise InputError(
        "what is kept as JSON must be text, finite numbers, None, and lists or dictionaries of "
        f"them with keys of text, not {_shown(content)}{place and f' (at {place[:80]!r})'}"
    )


def _shown(value: Any) -> str:
    text = f"{value!r:.80}" if isinstance(value, float | Mapping) else type(value).__name__
    return " ".join(text.split())
