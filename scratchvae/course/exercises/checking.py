"""Running a reader's answer, and saying what is wrong with it: never with a traceback of ours."""

import copy
import inspect
import linecache
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

import numpy as np

from scratchvae.course.exercises.comparison import explain
from scratchvae.course.exercises.exercise import Exercise, Verdict
from scratchvae.course.exercises.trials import Finding, Trial, agrees

TRIALS = 6

_wrong_attempts: Counter[str] = Counter()


class _UnfinishedError(Exception):
    """The answer gives nothing back yet."""


class _UnusableError(Exception):
    """What the answer gives back, or does, cannot be compared."""

    def __init__(self, kind: str, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind


def check(name: str, function: Any) -> Verdict:
    """Judge the reader's ``function`` by the exercise called ``name``.

    It is called on random arguments and compared with the right answer. Every further wrong attempt
    brings one more hint.

    Returns
    -------
    Verdict
        Not done, right, or wrong and what kind of wrong. Whatever ``function`` does, nothing is
        raised.
    """
    from scratchvae.course.exercises.catalogue import EXERCISES

    exercise = EXERCISES.get(name)
    if exercise is None:
        close = get_close_matches(str(name), EXERCISES, n=1)
        told = f" Did you mean {close[0]!r}?" if close else ""
        return Verdict(
            str(name), "not done", "unknown", f"There is no exercise of this name.{told}"
        )
    finding = judge(exercise, function)
    if finding is None:
        _wrong_attempts[name] = 0
        return Verdict(name, "right")
    if finding.kind == "not done":
        return Verdict(name, "not done", "", finding.sentence)
    _wrong_attempts[name] += 1
    hints = exercise.hints[: _wrong_attempts[name]]
    spent = _wrong_attempts[name] > len(exercise.hints)
    message = _sentence(finding.sentence, exercise.returns) + (
        " The solution is folded below." if spent else ""
    )
    return Verdict(name, "wrong", finding.kind, message, hints)


def judge(exercise: Exercise, function: Any) -> Finding | None:
    """Return what is wrong with ``function`` as an answer, or ``None``."""
    if function is None or function is ...:
        return Finding("not done", "")
    if not callable(function):
        return Finding(
            "not a function", f"a function is asked for, and this is a {type(function).__name__}"
        )
    try:
        trials = [_try(exercise, function, number) for number in range(TRIALS)]
        again = _try(exercise, function, 0)
    except _UnfinishedError as unfinished:
        return Finding("not done", str(unfinished))
    except _UnusableError as unusable:
        return Finding(unusable.kind, str(unusable))
    if not all(_equal(a.given, b.given) for a, b in zip(again, trials[0], strict=True)):
        return Finding(
            "not repeatable",
            "two calls with the same arguments give different results: nothing may be drawn or "
            "remembered inside",
        )
    if all(_right(trial, exercise.tolerance) for results in trials for trial in results):
        return None
    return (
        _told_by_name(exercise, trials) or _swapped(trials, exercise) or _unnamed(trials, exercise)
    )


def _try(exercise: Exercise, function: Callable[..., Any], number: int) -> list[Trial]:
    """Return a trial for each result of one call."""
    random = np.random.default_rng([zlib.crc32(exercise.name.encode()), number])
    arguments = exercise.draw(random)
    names = [*inspect.signature(exercise.answer).parameters]
    named = dict(zip(names, arguments, strict=False))
    expected = _results(exercise, exercise.answer(*copy.deepcopy(arguments)))
    own = copy.deepcopy(arguments)
    given = _results(exercise, _call(function, own, named))
    for name, before, after in zip(named, arguments, own, strict=False):
        if isinstance(before, np.ndarray) and not _equal(before, after):
            raise _UnusableError(
                "changes its argument",
                f"it changes {name}, which belongs to the caller: work on a new array",
            )
    return [Trial(named, right, ours) for right, ours in zip(expected, given, strict=True)]


def _call(function: Callable[..., Any], own: tuple[Any, ...], named: Mapping[str, Any]) -> Any:
    try:
        inspect.signature(function).bind(*own)
    except TypeError:
        raise _UnusableError(
            "arguments", f"it must take {len(own)} arguments in this order: {', '.join(named)}"
        ) from None
    except ValueError:
        pass  # some functions written in C do not tell their arguments
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*own)
    except NotImplementedError:
        raise _UnfinishedError("") from None
    except (Exception, SystemExit) as error:
        raise _UnusableError("error", _told(error, function)) from None


def _told(error: BaseException, function: Callable[..., Any]) -> str:
    """Return a reader's error in one line, with the line of theirs where it happened."""
    sentence = f"your function raised {type(error).__name__}"
    first = next(iter(str(error).splitlines()), "")
    sentence += f": {first}" if first else ""
    file = getattr(getattr(function, "__code__", None), "co_filename", None)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename == file:
            line = (frame.line or linecache.getline(frame.filename, frame.lineno or 0)).strip()
            return f"{sentence}, at the line: {line}" if line else sentence
    return sentence


def _results(exercise: Exercise, returned: Any) -> list[Any]:
    """Return what came back as a list of arrays, as many as the exercise asks for."""
    count = len(exercise.returns)
    if returned is None or returned is ...:
        raise _UnfinishedError("")
    if count == 1:
        return [_as_floats(returned, exercise.returns[0])]
    names = ", ".join(exercise.returns)
    if not isinstance(returned, tuple | list):
        raise _UnusableError("results", f"{count} results are asked for, as a tuple: {names}")
    if len(returned) != count:
        raise _UnusableError(
            "results", f"{count} results are asked for ({names}), and there are {len(returned)}"
        )
    for name, result in zip(exercise.returns, returned, strict=True):
        if result is None or result is ...:
            raise _UnfinishedError(f"{name} is still missing.")
    return [_as_floats(r, name) for name, r in zip(exercise.returns, returned, strict=True)]


def _as_floats(result: Any, name: str) -> Any:
    try:
        array = np.asarray(result)
        if array.dtype.kind not in "biuf":
            raise TypeError
        return array.astype(np.float64)
    except (TypeError, ValueError):
        raise _UnusableError(
            "type", f"{name} must be an array of numbers, and this is a {type(result).__name__}"
        ) from None


def _told_by_name(exercise: Exercise, trials: list[list[Trial]]) -> Finding | None:
    """Return the typical mistake that the results are those of, if there is one."""
    for sentence, mistaken in exercise.mistakes.items():
        if all(_is_that(exercise, mistaken, number, ts) for number, ts in enumerate(trials)):
            return Finding("mistake", sentence)
    return None


def _is_that(
    exercise: Exercise, mistaken: Callable[..., Any], number: int, trials: list[Trial]
) -> bool:
    try:
        others = _try(exercise, mistaken, number)
    except (_UnusableError, _UnfinishedError):
        return False
    return all(
        _right(Trial(ours.arguments, other.given, ours.given), exercise.tolerance)
        for ours, other in zip(trials, others, strict=True)
    )


def _swapped(trials: list[list[Trial]], exercise: Exercise) -> Finding | None:
    for first in range(len(exercise.returns)):
        for second in range(first):
            pairs = [(results[first], results[second]) for results in trials]
            if all(
                _right(Trial({}, a.expected, b.given), exercise.tolerance)
                and _right(Trial({}, b.expected, a.given), exercise.tolerance)
                for a, b in pairs
            ):
                names = f"{exercise.returns[second]} and {exercise.returns[first]}"
                return Finding("swapped", f"{names} are right, but the wrong way round")
    return None


def _unnamed(trials: list[list[Trial]], exercise: Exercise) -> Finding:
    """Return what is wrong with the first result that is wrong."""
    by_result = list(zip(*trials, strict=True))
    wrong = [
        place
        for place, results in enumerate(by_result)
        if not all(_right(trial, exercise.tolerance) for trial in results)
    ]
    found = explain(by_result[wrong[0]], exercise.tolerance)
    if len(exercise.returns) == 1:
        return found
    right = [name for place, name in enumerate(exercise.returns) if place not in wrong]
    praise = f"; {' and '.join(right)} {'is' if len(right) == 1 else 'are'} right" if right else ""
    return Finding(found.kind, f"{exercise.returns[wrong[0]]}: {found.sentence}{praise}")


def _right(trial: Trial, tolerance: float) -> bool:
    if trial.given.shape != trial.expected.shape:
        return False
    return bool(agrees(trial.given, trial.expected, tolerance).all())


def _equal(first: Any, second: Any) -> bool:
    return np.shape(first) == np.shape(second) and bool(
        np.array_equal(first, second, equal_nan=True)
    )


def _sentence(text: str, names: tuple[str, ...]) -> str:
    """Return a sentence with its capital and its stop; a name keeps its own letters."""
    begins = text if text.startswith(names) else f"{text[:1].upper()}{text[1:]}"
    return begins + ("" if text.endswith((".", "?", "!")) else ".")
