"""A limit to how long a reader's code may run: what never ends is stopped, where it can be."""

import contextlib
import ctypes
import signal
import sys
import threading
import time
from collections.abc import Iterator

# Answers take milliseconds; a reader who waits for one that never ends should not wait long.
MOST_SECONDS = 20.0
# How long an answer that has been told to stop may take before it is told so again, or said not to
# listen.
_PATIENCE, _TIMES = 1.0, 5


class EndlessError(BaseException):
    """Raised inside an answer that does not end; no ``except Exception`` of it is in the way."""


@contextlib.contextmanager
def stopped_at(deadline: float) -> Iterator[None]:
    """Raise ``EndlessError`` in this thread if what runs inside has not ended by then.

    It is raised between two steps of Python, on every platform and in notebooks, so a single long
    call of compiled code must return first. One that waits (for input, or asleep) is woken as by
    Ctrl-C, on the main thread under Unix. What catches every exception cannot be stopped: then a
    line says so.
    """
    done, ended, thread = threading.Event(), threading.Event(), threading.current_thread()
    watch = threading.Thread(target=_watch, args=(thread, deadline, done, ended), daemon=True)
    try:
        watch.start()
        yield
    finally:
        try:
            _settle(deadline, done, ended)
        finally:  # what was on its way may have come before its first line
            _settle(deadline, done, ended)


def _settle(deadline: float, done: threading.Event, ended: threading.Event) -> None:
    """End the watch; what it has sent and has not arrived yet must not hit what comes later."""
    while True:
        try:
            done.set()
            if time.monotonic() < deadline:
                return  # it has sent nothing, and will not
            # Not by join: where an exception interrupts that, it takes the thread for ended.
            while not ended.is_set():
                time.sleep(0.001)
            _take_what_was_sent()
            return
        except (KeyboardInterrupt, EndlessError):
            if time.monotonic() < deadline:
                raise  # the reader's Ctrl-C


def _watch(
    thread: threading.Thread, deadline: float, done: threading.Event, ended: threading.Event
) -> None:
    """Stop a thread at a time unless it is done, and again until it is."""
    try:
        if not done.wait(max(0.0, deadline - time.monotonic())) and not done.is_set():
            _stop(thread, done)
    finally:
        ended.set()


def _stop(thread: threading.Thread, done: threading.Event) -> None:
    for attempt in range(_TIMES):
        _raise_in(thread, EndlessError)
        if done.wait(_PATIENCE):
            return
        # It may be waiting in a call of the system, which only a signal ends.
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if attempt and usual and thread is threading.main_thread() and sys.platform != "win32":
            signal.pthread_kill(thread.ident or 0, signal.SIGINT)
    if not done.wait(_PATIENCE):
        print(
            f"Your code has not ended after {MOST_SECONDS:.0f} seconds, and cannot be stopped "
            "from here: interrupt it, or restart the kernel.",
            file=sys.stderr,
            flush=True,
        )


def _take_what_was_sent() -> None:
    """Wait until nothing is on its way to this thread any more.

    One more error is sent, in place of one that has not arrived, and awaited. To rescind it instead
    would leave the interpreter looking for it at every step; Python 3.11 then never gets past the
    first line of a function under a profiler or a debugger.
    """
    with contextlib.suppress(EndlessError):
        _raise_in(threading.current_thread(), EndlessError)
        while True:
            time.sleep(0.001)
    time.sleep(0.05)  # a signal that was sent arrives by then


def _raise_in(thread: threading.Thread, error: type[BaseException]) -> None:
    """Have a thread raise an error at its next step."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(error)
    )
