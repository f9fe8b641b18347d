"""The command line: ``train``, ``draw``, ``evaluate``, ``gradcheck``, ``reproduce``, ``bench``.

Here are its exit codes and what it says when a command fails; its options are in ``parser``, and
what the commands do is in ``commands``. What is wrong with an argument or a file is said in one
line on standard error, with exit code 2.
"""

import io
import os
import re
import sys
from collections.abc import Sequence

from scratchvae.cli.parser import make_parser
from scratchvae.errors import InputError
from scratchvae.kernels import get_threads, set_threads

INPUT_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
NOBODY_READS = 141  # 128 + SIGPIPE

# What an error suggests in terms of Python, as the command line has it.
_OPTIONS = {
    "folder": "--out",
    "Run.resume": "--resume",
    "epochs": "--epochs",
    "latent_dim=2": "--latent-dim 2",
    'load("synthetic")': "--data synthetic",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The ``arguments`` are the words after ``scratchvae``; ``None`` takes the process's own.
    """
    try:
        code = _run(arguments)
        sys.stdout.flush()  # here, where a failure can still be reported
        return code
    except InputError as error:
        return _complain(_in_options(error))
    except BrokenPipeError:
        _abandon_output()  # the reader has gone (`| head`): nothing is left to say to it
        return NOBODY_READS
    except OSError as error:
        if error.filename is not None:
            return _complain(f"cannot use {error.filename!r}: {error.strerror}; choose another one")
        _abandon_output()
        return _complain(f"cannot write the output: {error.strerror or error}; send it elsewhere")
    except MemoryError:
        return _complain("not enough memory: use a smaller --latent-dim or --batch-size")
    except KeyboardInterrupt as interrupt:
        print(f"\n{str(interrupt) or 'stopped; nothing was left half written'}", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as `>&-` does: nobody wants to read it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A folder's name may have characters that the terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options = make_parser().parse_args(arguments)
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    set_threads(options.threads)
    get_threads()  # an invalid SCRATCHVAE_THREADS is reported here, not in the middle of the work
    return int(options.run(options))


def _in_options(error: InputError) -> str:
    """Return an error's line with options in place of the Python that its remedy names."""
    if not error.remedy:
        return error.problem
    remedy = re.sub("`([^`]+)`", lambda found: _OPTIONS.get(found[1], found[0]), error.remedy)
    return f"{error.problem}: {remedy}"


def _complain(message: str) -> int:
    one_line = " ".join(message.split())
    print(f"scratchvae: error: {one_line}", file=sys.stderr)
    return INPUT_ERROR


def _abandon_output() -> None:
    """Let what was not written vanish, rather than fail once more as Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
