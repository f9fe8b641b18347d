"""An orderly end: the first Ctrl-C stops between two steps, the second at once.

So do the signals that ask a program to end (of a scheduler, ``kill``, a terminal that is closed),
where ``signals_interrupt`` is in force, as it is in the program ``scratchvae``.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from scratchvae import starting

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last two not on every system
_SIGNALS = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
_SAID = "stopping when this step is done (compiling can take seconds); Ctrl-C again stops at once"


class Stopped(KeyboardInterrupt):
    """A signal has asked for an end, as Ctrl-C does; ``signum`` is which."""

    def __init__(self, text: str = "", signum: int = signal.SIGINT) -> None:
        super().__init__(text)
        self.signum = signum


class Interrupted(Stopped):
    """Training was stopped between two steps: the trainer is in a consistent state."""


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let the signals that ask for an end do what Ctrl-C does, where nobody handles them."""
    before = _handlers()
    nobody = (signal.SIG_DFL, starting.end)
    ours = [number for number, handler in before.items() if handler in nobody]
    for number in ours:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


def _handlers() -> dict[int, Any]:
    """Return what is done at each signal; nothing in a thread, which may not handle signals."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    return {number: signal.getsignal(number) for number in _SIGNALS if in_main_thread}


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Stopped(signum=number)


class OrderlyStop:
    """Turns the first signal into a request, so that no step is cut in two; the second interrupts.

    A context manager. A background job that ignores Ctrl-C goes on ignoring it, and a handler of
    the user's own for another signal stays in force.
    """

    def __init__(self) -> None:
        self._requested: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "OrderlyStop":
        for number, handler in _handlers().items():
            heard = number == signal.SIGINT and handler not in (None, signal.SIG_IGN)
            if heard or handler is _interrupt:
                self._before[number] = handler
                signal.signal(number, self._request)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def raise_if_requested(self) -> None:
        """Raise ``Interrupted`` if a signal has come."""
        if self._requested is not None:
            raise Interrupted("stopped between two steps", self._requested)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._requested = number
        self.__exit__()
        # A terminal that was closed, or a line that this one interrupts, cannot be written to.
        with suppress(OSError, ValueError, RuntimeError):
            print(f"\n{_SAID}", file=sys.stderr, flush=True)
