"""The command line: ``train``, ``data``, ``draw``, ``evaluate``, ``gradcheck``, ….

Here are its exit codes and what it says when a command fails; its options are in ``parser``, and
what the commands do is in ``commands``. What is wrong with an argument or a file is said in one
line on standard error, with exit code 2.
"""

import argparse
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TextIO

from scratchvae.cli.outline import is_outline, make_outline
from scratchvae.cli.text import printable, show_every_character
from scratchvae.errors import InputError

INPUT_ERROR = 2
SIGNALLED = 128  # and the signal's number, as shells have it
NOBODY_READS = SIGNALLED + 13  # as if by SIGPIPE, which not every system has

# What an error suggests in terms of Python, as the command line has it; all else is an option of
# its own name.
_OPTIONS = {
    "folder": "--out",
    "Run.resume": "--resume",
    "test": "--test-share",
    'load("synthetic")': "--data synthetic",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The ``arguments`` are the words after ``scratchvae``; ``None`` takes the process's own.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["help"]:  # as of git, pip and cargo
        words = [*words[1:2], "--help"]
    if is_outline(words):  # which takes no time, and so loads nothing else
        return _run(words or ["--help"], make_outline)
    try:
        from scratchvae.cli.parser import make_parser
        from scratchvae.training.interruption import signals_interrupt

        with signals_interrupt():
            return _run(words, make_parser)
    except InputError as error:  # of an environment variable, as it is imported
        return _complain(str(error))
    except KeyboardInterrupt as interrupt:
        _say(f"\n{str(interrupt) or 'stopped; nothing was left half written'}")
        try:
            sys.stdout.flush()
        except OSError:
            _abandon(sys.stdout)
        return SIGNALLED + getattr(interrupt, "signum", signal.SIGINT)


def _run(words: list[str], make_parser: Callable[[], argparse.ArgumentParser]) -> int:
    """Run a command; what fails is said in one line."""
    try:
        _open_streams()
        try:
            parser = make_parser()
            options = parser.parse_args(words)
            if options.run is None:
                parser.parse_args(["--help"])
        except SystemExit as end:  # --help and --version
            code = int(end.code or 0)
        else:
            if options.computes:
                _prepare(options.threads)
            code = int(options.run(options))
        sys.stdout.flush()  # here, where a failure can still be reported
        return code
    except InputError as error:
        return _complain(_in_options(error))
    except BrokenPipeError:
        _abandon(sys.stdout)  # the reader has gone (`| head`): nothing is left to say to it
        return NOBODY_READS
    except OSError as error:
        if error.filename is not None:
            return _complain(f"cannot use {error.filename!r}: {error.strerror}; choose another one")
        if _working_folder_is_gone():
            return _complain("the working folder was removed: change to one that is there")
        _abandon(sys.stdout)
        return _complain(f"cannot write the output: {error.strerror or error}; send it elsewhere")
    except MemoryError:
        return _complain(
            "not enough memory: close other programs, or train with a smaller --latent-dim or "
            "--batch-size"
        )


def _prepare(threads: int | None) -> None:
    """Report what is wrong with threads or kernels here, not amid the work."""
    from scratchvae import kernels

    kernels.set_threads(threads)
    kernels.get_threads()
    kernels.BACKEND  # noqa: B018 - it is chosen when it is asked for


def _open_streams() -> None:
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed, as `>&-` does: nobody wants to read it
            # Like Python's own streams it is left open to the end, and not complained about.
            nowhere = os.open(os.devnull, os.O_WRONLY)
            setattr(sys, name, open(nowhere, "w", encoding="utf-8", closefd=False))  # noqa: SIM115
        show_every_character(getattr(sys, name))


def _in_options(error: InputError) -> str:
    """Return an error's line with options in place of the Python that its remedy names."""
    if not error.remedy:
        return error.problem
    from scratchvae.cli.parser import option_names

    known = option_names()

    def as_option(found: re.Match[str]) -> str:
        name, _, value = found[1].partition("=")
        option = f"--{name.replace('_', '-')}"
        given = f"{option} {value}".rstrip() if option in known else found[0]
        return _OPTIONS.get(found[1], given)

    return f"{error.problem}: {re.sub('`([^`]+)`', as_option, error.remedy)}"


def _complain(message: str) -> int:
    _say(f"scratchvae: error: {printable(' '.join(message.split()))}")
    return INPUT_ERROR


def _say(text: str) -> None:
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:  # the terminal was closed
        _abandon(sys.stderr)


def _working_folder_is_gone() -> bool:
    try:
        os.getcwd()
    except FileNotFoundError:
        return True
    return False


def _abandon(stream: TextIO) -> None:
    """Let what was not written vanish, rather than fail once more as Python ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
