"""Calling a reader's answer: within a time, and with every error in words."""

import contextlib
import ctypes
import inspect
import io
import linecache
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from scratchvae.course.own_program import source_of

# Answers take milliseconds; a reader who waits for one that never ends should not wait long.
MOST_SECONDS = 20.0
# How long an answer that has been told to stop may take before it is told so again, or said not to
# listen.
_PATIENCE, _TIMES = 1.0, 5


class UnfinishedError(Exception):
    """The answer returns nothing yet."""


class UnusableError(Exception):
    """What the answer returns, or does, cannot be compared."""

    def __init__(self, cause: str, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


class EndlessError(BaseException):
    """Raised inside an answer that does not end; no ``except Exception`` of it is in the way."""


def call(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    named: Mapping[str, Any],
    deadline: float,
    aloud: bool,
    written: Any,
) -> Any:
    """Return what an answer returns for ``arguments``, which it may change.

    Parameters
    ----------
    function, arguments
        What is called, and with what.
    named
        The arguments by name, for messages.
    deadline
        When it must have ended, by ``time.monotonic``.
    aloud
        Whether what it prints is shown.
    written
        What the reader wrote, which ``function`` uses: that, or a class.

    Raises
    ------
    UnfinishedError
        It returned nothing, or raised ``NotImplementedError``.
    UnusableError
        It does not take these arguments, raised an error, or did not end.
    """
    try:
        inspect.signature(function).bind(*arguments)
    except TypeError:
        raise UnusableError(
            "arguments",
            f"it must take {len(arguments)} arguments in this order: {', '.join(named)}",
        ) from None
    except ValueError:
        pass  # some functions written in C do not say what their arguments are
    heard = _Printed(aloud)
    try:
        with (
            warnings.catch_warnings(action="ignore"),
            np.errstate(all="ignore"),
            contextlib.redirect_stdout(heard),
            _stopped_at(deadline),  # the last, so that it never strikes while the others end
        ):
            returned = function(*arguments)
    except BaseException as error:
        if time.monotonic() >= deadline:  # whatever its end became on its way
            raise UnusableError(
                "endless",
                f"your function had not ended after {MOST_SECONDS:.0f} seconds: look for a loop "
                "whose condition never becomes false, or one over far too many values",
            ) from None
        if isinstance(error, NotImplementedError):
            raise UnfinishedError("") from None
        if isinstance(error, Exception | SystemExit):
            raise UnusableError("error", _error_in_words(error, written)) from None
        raise  # the reader's Ctrl-C
    if (returned is None or returned is ...) and heard.anything:
        raise UnfinishedError("It prints and returns nothing: end it with return.")
    return returned


class _Printed(io.TextIOBase):
    """Stands in for standard output: remembers whether anything came, and may pass it on."""

    def __init__(self, aloud: bool) -> None:
        self.anything = False
        self._shown = sys.stdout if aloud else None

    def write(self, text: str) -> int:
        self.anything = self.anything or bool(text.strip())
        return self._shown.write(text) if self._shown is not None else len(text)


@contextlib.contextmanager
def _stopped_at(deadline: float) -> Iterator[None]:
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
            f"Your function has not ended after {MOST_SECONDS:.0f} seconds, and cannot be stopped "
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


def _error_in_words(error: BaseException, written: Any) -> str:
    """Return a reader's error in one line, with the line of theirs where it happened."""
    sentence = f"your {'class' if isinstance(written, type) else 'function'} raised "
    sentence += type(error).__name__
    try:
        first = next(iter(str(error).splitlines()), "")
    except Exception:  # an error of the reader's own that cannot be put into words
        first = ""
    sentence += f": {first}" if first else ""
    file, _ = source_of(written)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            return f"{sentence}, in the line `{line}`" if line else sentence
    return sentence
