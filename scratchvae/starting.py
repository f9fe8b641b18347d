"""What ends the program ``scratchvae`` while its modules are imported, which takes half a second.

``scratchvae.cli.main`` can answer for nothing that happens before it is imported itself. So the
package imports this first: in the program, Ctrl-C then ends the process without a word, and an
environment variable that a module refuses is said in one line. Elsewhere nothing is changed.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType, TracebackType

from scratchvae.errors import InputError


def is_program() -> bool:
    """Return whether this process is the program, rather than one that imports the package."""
    if sys.argv[:1] == ["-m"]:  # so it is while Python looks for the module of its option -m
        return "scratchvae" in sys.orig_argv
    return bool(sys.argv) and Path(sys.argv[0]).stem in ("scratchvae", "scratchvae-script")


def end(number: int, frame: FrameType | None) -> None:
    """Handle a signal: end the process, with the exit code that shells give it."""
    os._exit(128 + number)


def _complain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if not isinstance(error, InputError):
        sys.__excepthook__(kind, error, trace)
        return
    print(f"scratchvae: error: {error}", file=sys.stderr, flush=True)
    os._exit(2)


if is_program():
    sys.excepthook = _complain
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end)
