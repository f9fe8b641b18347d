"""Who may use a model when: one trainer at a time, and one thread where there is no double.

Nothing here waits across a fork: a forked process has only the thread that forked, so nobody else
is at a model's in it.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scratchvae.errors import InputError

# By the models' ids: a model stays alive while it is trained, and need not be hashable.
_trained: dict[int, tuple[int, int]] = {}
_locks: dict[int, threading.RLock] = {}


class trained_by:  # noqa: N801 - it is used as a function
    """Within this, refuse to let another trainer, or another thread, train the model.

    An `InputError` is raised if one of them does already. Each step begins with it, and a class
    has less to do for that than a generator.
    """

    __slots__ = ("_entered", "_mine", "_model")

    def __init__(self, trainer: Any, model: Any) -> None:
        self._mine, self._model = (id(trainer), threading.get_ident()), model

    def __enter__(self) -> None:
        held = _trained.setdefault(id(self._model), self._mine)  # at once, for all threads
        if held != self._mine:
            raise InputError(
                f"this {type(self._model).__name__} is being trained already, by another thread or "
                "trainer: wait until that has ended, or train a copy of the model "
                "(`copy.deepcopy(model)`)"
            )
        self._entered = held is self._mine  # else this is within a longer training by the same

    def __exit__(self, *_: object) -> None:
        if self._entered:
            _trained.pop(id(self._model), None)


@contextmanager
def alone_with(model: Any) -> Iterator[None]:
    """Within this, have other threads that ask for the same wait."""
    with _locks.setdefault(id(model), threading.RLock()):
        yield


def _forget_other_threads() -> None:
    _trained.clear()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_other_threads)
