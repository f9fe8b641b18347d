"""Running a reader's answer, and saying what is wrong with it, never with a traceback of ours."""

import copy
import inspect
import time
import zlib
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.checks.diagnosis import Comparison, Diagnosis, agrees
from scratchvae.course.exercises import running
from scratchvae.course.exercises.comparison import explain
from scratchvae.course.exercises.exercise import Exercise, Verdict
from scratchvae.course.exercises.running import (
    UnfinishedError,
    UnusableError,
    call,
)
from scratchvae.errors import unknown_name
from scratchvae.validation import FloatArray

TRIALS = 6

_wrong_attempts: Counter[str] = Counter()


def check(name: str, function: Any) -> Verdict:
    """Judge the reader's ``function`` by the exercise called ``name``.

    It is called with random arguments and compared with the right answer. Every further wrong
    attempt adds another hint.

    Returns
    -------
    Verdict
        Not done, right, or wrong and in what way. Nothing is raised, no matter what ``function``
        does; one that never ends is stopped after 20 seconds, unless it catches every exception or
        sits in a single call of compiled code.
    """
    from scratchvae.course.exercises.catalogue import EXERCISES

    exercise = EXERCISES.get(name) if isinstance(name, str) else None
    if exercise is None:
        return Verdict(
            str(name), "not done", "unknown", str(unknown_name("exercise", name, EXERCISES))
        )
    found = judge(exercise, function)
    if found is None:
        _wrong_attempts[name] = 0
        return Verdict(name, "right")
    if found.cause == "not done":
        return Verdict(name, "not done", "", found.sentence)
    _wrong_attempts[name] += 1
    hints = exercise.hints[: _wrong_attempts[name]]
    spent = _wrong_attempts[name] > len(exercise.hints)
    message = _sentence(found.sentence, exercise.returns)
    message += " The solution is folded below." if spent else ""
    return Verdict(name, "wrong", found.cause, message, hints)


def judge(exercise: Exercise, function: Any) -> Diagnosis | None:
    """Return what is wrong with ``function`` as an answer, or ``None``."""
    if function is None or function is ...:
        return Diagnosis("not done", "")
    if not callable(function):
        return Diagnosis("not a function", f"expected a function, not {type(function).__name__}")
    deadline = time.monotonic() + running.MOST_SECONDS  # for all calls together
    try:
        trials = [_try(exercise, function, n, deadline, aloud=not n) for n in range(TRIALS)]
        again = _try(exercise, function, 0, deadline)
    except UnfinishedError as unfinished:
        return Diagnosis("not done", str(unfinished))
    except UnusableError as unusable:
        return Diagnosis(unusable.cause, str(unusable))
    if not all(_equal(a.given, b.given) for a, b in zip(again, trials[0], strict=True)):
        return Diagnosis(
            "not repeatable",
            "two calls with the same arguments give different results: nothing may be drawn or "
            "remembered inside",
        )
    wrong = [
        place
        for place, results in enumerate(zip(*trials, strict=True))
        if not all(_right(trial.given, trial.expected, exercise.tolerance) for trial in results)
    ]
    if not wrong:
        return None
    return (
        _named_mistake(exercise, trials)
        or _swapped(exercise, trials)
        or _first_wrong(exercise, trials, wrong)
    )


def _try(
    exercise: Exercise,
    function: Callable[..., Any],
    number: int,
    deadline: float,
    aloud: bool = False,
) -> list[Comparison]:
    """Return a comparison for each result of one call; ``aloud``: with what it prints."""
    random = np.random.default_rng([zlib.crc32(exercise.name.encode()), number])
    arguments = exercise.draw(random)
    names = [*inspect.signature(exercise.answer).parameters]
    named = dict(zip(names, arguments, strict=False))
    expected = _results(exercise, exercise.answer(*copy.deepcopy(arguments)))
    own = copy.deepcopy(arguments)
    given = _results(exercise, call(function, own, named, deadline, aloud))
    for name, before, after in zip(named, arguments, own, strict=False):
        if isinstance(before, np.ndarray) and not _equal(before, after):
            raise UnusableError(
                "changes its argument",
                f"it changes {name}, which belongs to the caller: work on a new array",
            )
    return [Comparison(ours, right, named) for ours, right in zip(given, expected, strict=True)]


def _results(exercise: Exercise, returned: Any) -> list[FloatArray]:
    """Return what came back as a list of arrays, one for each result of the exercise."""
    count = len(exercise.returns)
    if returned is None or returned is ...:
        raise UnfinishedError("")
    if count == 1:
        return [_as_floats(returned, exercise.returns[0])]
    names = ", ".join(exercise.returns)
    if not isinstance(returned, tuple | list):
        raise UnusableError(
            "results", f"return {count} results as a tuple ({names}), not {type(returned).__name__}"
        )
    if len(returned) != count:
        raise UnusableError("results", f"return {count} results ({names}), not {len(returned)}")
    for name, result in zip(exercise.returns, returned, strict=True):
        if result is None or result is ...:
            raise UnfinishedError(f"{name} is still missing.")
    return [_as_floats(r, name) for name, r in zip(exercise.returns, returned, strict=True)]


def _as_floats(result: Any, name: str) -> FloatArray:
    try:
        array = np.asarray(result)
    except Exception:  # rows of several lengths, or an object that will not be an array
        array = np.array(None)
    if array.dtype.kind not in "biuf":
        found = type(result).__name__
        found += f" of {result.dtype}" if isinstance(result, np.ndarray) else ""
        raise UnusableError("type", f"{name} must be an array of real numbers, not {found}")
    return array.astype(np.float64)


def _named_mistake(exercise: Exercise, trials: list[list[Comparison]]) -> Diagnosis | None:
    """Return the typical mistake that gives these results, if there is one."""
    for sentence, mistaken in exercise.mistakes.items():
        if all(_is_that(exercise, mistaken, number, ts) for number, ts in enumerate(trials)):
            return Diagnosis("mistake", sentence)
    return None


def _is_that(
    exercise: Exercise, mistaken: Callable[..., Any], number: int, trials: list[Comparison]
) -> bool:
    try:
        others = _try(exercise, mistaken, number, time.monotonic() + running.MOST_SECONDS)
    except (UnusableError, UnfinishedError):
        return False
    return all(
        _right(ours.given, other.given, exercise.tolerance)
        for ours, other in zip(trials, others, strict=True)
    )


def _swapped(exercise: Exercise, trials: list[list[Comparison]]) -> Diagnosis | None:
    for first in range(len(exercise.returns)):
        for second in range(first):
            pairs = [(results[first], results[second]) for results in trials]
            if all(
                _right(b.given, a.expected, exercise.tolerance)
                and _right(a.given, b.expected, exercise.tolerance)
                for a, b in pairs
            ):
                names = f"{exercise.returns[second]} and {exercise.returns[first]}"
                return Diagnosis("swapped", f"{names} are right, but in the wrong order")
    return None


def _first_wrong(exercise: Exercise, trials: list[list[Comparison]], wrong: list[int]) -> Diagnosis:
    """Return what is wrong with the first result that is wrong, and which ones are right."""
    names = exercise.returns
    found = explain([results[wrong[0]] for results in trials], exercise.tolerance)
    if len(names) == 1:
        return found
    right = [name for place, name in enumerate(names) if place not in wrong]
    praise = f" (already right: {', '.join(right)})" if right else ""
    return Diagnosis(found.cause, f"{names[wrong[0]]}: {found.sentence}{praise}")


def _right(given: FloatArray, expected: FloatArray, tolerance: float) -> bool:
    if given.shape != expected.shape or (np.isnan(given) != np.isnan(expected)).any():
        return False
    return bool(agrees(given, expected, tolerance).all())


def _equal(first: Any, second: Any) -> bool:
    return np.shape(first) == np.shape(second) and bool(
        np.array_equal(first, second, equal_nan=True)
    )


def _sentence(text: str, names: tuple[str, ...]) -> str:
    """Return a sentence with its capital and its stop; a name in code keeps its own letters."""
    if not text.startswith(tuple(f"{n}{end}" for n in names if n.isidentifier() for end in ": ")):
        text = f"{text[:1].upper()}{text[1:]}"
    return text + ("" if text.endswith((".", "?", "!")) else ".")
