"""A process of its own for the user's code: what it does there does not end the program."""

import codecs
import json
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import IO, Any

from scratchvae.cli.own_code.failures import ended
from scratchvae.cli.own_code.target import Target
from scratchvae.errors import InputError
from scratchvae.kernels import get_threads

_START = (
    "import json, sys; order = json.loads(sys.argv[1]); sys.path[:] = order['path']; "
    "from scratchvae.cli.own_code.child import answer; answer(order)"
)
_MOST_PRINTED = 100_000  # bytes of what the user's code prints
_GRACE = 30.0  # seconds more, in which the process begins, and ends itself once its time is over
_READ = 2.0  # seconds in which what was written last is read
_TIMED_OUT = "Timeout ("  # how faulthandler begins when the time is over


def run_apart(job: str, target: Target, *, time_limit: float, seed: int, **arguments: Any) -> Any:
    """Return what a job of ``child.JOBS`` makes of the user's code in a process of its own.

    What the code prints goes to standard error, as far as anybody would read it.

    Parameters
    ----------
    job, arguments
        Which job, and what it is given, as JSON has it.
    target
        The user's code.
    time_limit
        Seconds after which it is ended.
    seed
        Seeds the job, and Python's and NumPy's global generators before the code is run.

    Raises
    ------
    InputError
        If the code cannot be run, fails, ends the process, or does not end.
    """
    order = {"job": job, "target": target, "time_limit": time_limit, "seed": seed, "path": sys.path}
    # -P: nothing that lies where the user is takes the place of what Python itself needs.
    options = ("-P", "-B", "-u", "-c", _START)
    words = [sys.executable, *options, json.dumps(order | {"arguments": arguments})]
    environment = os.environ | {
        "PYTHONDONTWRITEBYTECODE": "1",  # for processes that the user's code starts
        "SCRATCHVAE_THREADS": str(get_threads()),
    }
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,  # so that all that it starts can be ended with it
    )
    answers = _Reader(process.stdout, show=False)
    prints = _Reader(process.stderr, show=True)
    timed_out = False
    try:
        process.wait(time_limit + _GRACE)
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        _end(process)
    text = answers.all()
    prints.all()
    return _answered(text, process.returncode, target, time_limit, timed_out)


def _answered(text: str, code: int, target: Target, time_limit: float, timed_out: bool) -> Any:
    last = (text.splitlines() or [""])[-1]
    if not last.startswith("{"):
        over = timed_out or text.startswith(_TIMED_OUT)
        raise ended(code, text, target, time_limit if over else None)
    answer = json.loads(last)
    if "problem" in answer:
        raise InputError(answer["problem"], answer["remedy"])
    return answer["done"]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process, and what it has started and left behind."""
    with suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


class _Reader:
    """Reads a stream to its end in a thread, so that who writes never waits."""

    def __init__(self, stream: IO[bytes] | None, show: bool) -> None:
        assert stream is not None, "it was asked for"
        self._stream, self._show = stream, show
        self._pieces: list[bytes] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def all(self) -> str:
        """Return what has come; a process that got away from us may hold the stream open."""
        self._thread.join(_READ)
        if not self._thread.is_alive():
            self._stream.close()
        return b"".join(self._pieces).decode("ascii", "replace")

    def _read(self) -> None:
        left, decoder = _MOST_PRINTED, codecs.getincrementaldecoder("utf-8")("replace")
        while piece := os.read(self._stream.fileno(), 65536):
            if not self._show:
                self._pieces.append(piece)
            elif left > 0:
                _print(decoder.decode(piece[:left]))
                left -= len(piece)
                if left <= 0:
                    _print("\n(what your code prints beyond this is left out)\n")


def _print(text: str) -> None:
    with suppress(OSError, ValueError):  # nobody reads it
        sys.stderr.write(text)
        sys.stderr.flush()
