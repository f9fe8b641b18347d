"""Calling a reader's answer: within a time, and with every error in words."""

import contextlib
import inspect
import io
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scratchvae.course import patience
from scratchvae.course.exercises.errors import error_in_words
from scratchvae.course.patience import stopped_at


class UnfinishedError(Exception):
    """The answer returns nothing yet."""


class UnusableError(Exception):
    """What the answer returns, or does, cannot be compared."""

    def __init__(self, cause: str, sentence: str) -> None:
        super().__init__(sentence)
        self.cause = cause


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
            stopped_at(deadline),  # the last, so that it never strikes while the others end
        ):
            returned = function(*arguments)
    except BaseException as error:
        if time.monotonic() >= deadline:  # whatever its end became on its way
            raise UnusableError(
                "endless",
                f"your function had not ended after {patience.MOST_SECONDS:.0f} seconds: look for "
                "a loop whose condition never becomes false, or one over far too many values",
            ) from None
        if isinstance(error, UnusableError):  # what is seen only while the answer is used
            raise
        if isinstance(error, NotImplementedError):
            raise UnfinishedError("") from None
        if isinstance(error, Exception | SystemExit):
            raise UnusableError("error", error_in_words(error, written, named)) from None
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
