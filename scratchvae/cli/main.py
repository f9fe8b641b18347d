"""The command line: ``train``, ``draw``, ``evaluate``, ``gradcheck``, ``reproduce``, ``bench``.

Here are its exit codes; its words are in ``arguments``, and what the commands do is in
``commands``. What is wrong with an argument or a file is said in one line on standard error, with
exit code 2.
"""

import io
import os
import sys
from collections.abc import Sequence

from scratchvae.cli.parser import make_parser
from scratchvae.errors import InputError
from scratchvae.kernels import get_threads, set_threads

INPUT_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it
NOBODY_READS = 141  # 128 + SIGPIPE


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments
        The words after ``scratchvae``; ``None`` takes the process's own.
    """
    try:
        code = _run(arguments)
        sys.stdout.flush()  # here, where a failure can still be told
        return code
    except InputError as error:
        return _complain(str(error))
    except BrokenPipeError:
        _abandon_output()  # the reader has gone (`| head`): nothing is left to say to it
        return NOBODY_READS
    except OSError as error:
        if error.filename is not None:
            return _complain(f"cannot use {error.filename!r}: {error.strerror}; choose another one")
        _abandon_output()
        return _complain(f"cannot write the output: {error.strerror or error}; send it elsewhere")
    except MemoryError:
        return _complain("the memory is too small: use a smaller --latent-dim or --batch-size")
    except KeyboardInterrupt as interrupt:
        print(f"\n{str(interrupt) or 'stopped; nothing was left half written'}", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: Sequence[str] | None) -> int:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as `>&-` does: nobody wants to read it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A folder's name may hold what the terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        options = make_parser().parse_args(arguments)
    except SystemExit as end:  # --help and --version
        return int(end.code or 0)
    set_threads(options.threads)
    get_threads()  # a senseless SCRATCHVAE_THREADS is found here, not in the middle of the work
    return int(options.run(options))


def _complain(message: str) -> int:
    one_line = " ".join(message.split())
    print(f"scratchvae: error: {one_line}", file=sys.stderr)
    return INPUT_ERROR


def _abandon_output() -> None:
    """Let what was not written vanish, rather than fail once more as Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
