"""What is said of the user's code when it fails: one line, with the line of theirs."""

import os
import re
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scratchvae.cli.own_code.target import Target
from scratchvae.errors import InputError

_OURS = Path(__file__).parents[2]
_MOST_SAID = 300  # characters of the user's own error

# faulthandler escapes what is not ASCII.
_ESCAPED = re.compile(r"\\(x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})")

_NOT_A_PROGRAM = "put what is only for running it as a program under `if __name__ == '__main__':`"


@contextmanager
def of_user(target: Target) -> Iterator[None]:
    """Run code of the user's within this: whatever it raises becomes an ``InputError``."""
    try:
        yield
    except BaseException as error:  # also SystemExit, and a KeyboardInterrupt of theirs
        raise explained(error, target) from None


def explained(error: BaseException, target: Target) -> InputError:
    """Return in one line what the user's code has raised, and where."""
    if isinstance(error, SyntaxError):
        where = _place(error.filename, error.lineno, target) if error.filename else target.file
        return InputError(f"{where} is not Python ({error.msg}): mend that first")
    if isinstance(error, ValueError) and "null bytes" in str(error):  # before Python 3.12
        return InputError(f"{target.file} is not Python (it has null bytes): mend that first")
    frames = traceback.extract_tb(error.__traceback__)
    where = _innermost([(frame.filename, frame.lineno) for frame in frames[::-1]], target)
    if isinstance(error, SystemExit):
        return InputError(f"{where} ends the program (exit code {error.code}): {_NOT_A_PROGRAM}")
    if isinstance(error, EOFError):
        return InputError(f"{where} asks for input, and nobody answers here: {_NOT_A_PROGRAM}")
    if isinstance(error, ImportError) and "relative import" in str(error):
        return InputError(
            f"{where} imports from its package, which Python does not know by the file: type "
            "package.module:NAME instead, in the folder above the package"
        )
    return InputError(f"{where} raises {_said(error)}")


def _said(error: BaseException) -> str:
    kind = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except Exception:  # an exception of the user's own that cannot be shown
        text = ""
    text = text if len(text) <= _MOST_SAID else f"{text[:_MOST_SAID]} ..."
    return f"{kind}: {text}" if text else kind


def ended(code: int, fault: str, target: Target, time_limit: float | None = None) -> InputError:
    """Return what is said of a process that ended without an answer.

    ``fault`` is what ``faulthandler`` wrote, the innermost frame first; ``time_limit`` is given if
    it was that.
    """
    frames = []
    for line in fault.splitlines():
        words = line.strip().split('"')
        if len(words) == 3 and words[0] == "File ":
            number = words[2].replace(",", "").split()[1]
            name = _ESCAPED.sub(lambda found: chr(int(found[1][1:], 16)), words[1])
            frames.append((name, int(number) if number.isdigit() else None))
    where = _innermost(frames, target)
    if time_limit is not None:
        return InputError(
            f"{where} had not ended after {time_limit:g} seconds",
            "mend it if it is endless, else allow more with `time_limit`",
        )
    if code < 0:
        name = next((s.name for s in signal.Signals if s == -code), f"signal {-code}")
        hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
        return InputError(f"{where} was ended by {name}{hint}: run the file by itself to see why")
    return InputError(f"{where} ended the process (exit code {code}): {_NOT_A_PROGRAM}")


def _innermost(frames: list[tuple[str, int | None]], target: Target) -> str:
    """Return the innermost place in the user's own code, of ``frames`` with that one first."""
    for filename, number in frames:
        if _is_of_user(filename, target):
            return _place(filename, number, target)
    return target.file


def _is_of_user(filename: str, target: Target) -> bool:
    path = Path(filename)
    elsewhere = _OURS in path.parents or "site-packages" in path.parts
    return path.is_absolute() and target.folder in path.parents and not elsewhere


def _place(filename: str, number: int | None, target: Target) -> str:
    own = not target.is_module and filename == str(target.path)
    name = target.file if own else os.path.relpath(filename, target.start)
    return f"{name}, line {number}," if number else name
