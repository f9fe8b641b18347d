"""Running a reader's answer and comparing it with the right one, never with a traceback of ours."""

import copy
import inspect
import time
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.checks.diagnosis import Comparison, Diagnosis, agrees
from scratchvae.course import patience
from scratchvae.course.exercises.comparison import CLOSE, explain
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.running import UnfinishedError, UnusableError, call
from scratchvae.course.exercises.written import missing
from scratchvae.validation import FloatArray

TRIALS = 6


def judge(exercise: Exercise, function: Any) -> Diagnosis | None:
    """Return what is wrong with ``function`` as an answer, or ``None``."""
    if function is None or function is ...:
        return Diagnosis("not done", "")
    if not callable(function):
        return Diagnosis("not a function", f"expected a function, not {type(function).__name__}")
    deadline = time.monotonic() + patience.MOST_SECONDS  # for all calls together
    try:
        trials = [_try(exercise, function, n, deadline, aloud=not n) for n in range(TRIALS)]
        again = _try(exercise, function, 0, deadline)
    except UnfinishedError as unfinished:
        lacking = missing(function, exercise.answer, exercise.given, exercise.idle)
        return Diagnosis("not done", str(unfinished) or lacking)
    except UnusableError as unusable:
        return Diagnosis(unusable.cause, str(unusable))
    if not all(_equal(a.given, b.given) for a, b in zip(again, trials[0], strict=True)):
        return Diagnosis(
            "not repeatable",
            "two calls with the same arguments give different results: nothing may be drawn or "
            "remembered inside",
        )
    if exercise.planted is not None and _is_that(
        exercise, exercise.planted, trials, exercise.tolerance
    ):
        return Diagnosis("not done", "The bug is still in it.")
    wrong = [
        place
        for place, results in enumerate(zip(*trials, strict=True))
        if not all(_right(trial.given, trial.expected, exercise.tolerance) for trial in results)
    ]
    if not wrong:
        return None
    return (
        _named_mistake(exercise, trials, exercise.tolerance)
        or _swapped(exercise, trials, wrong)
        or _nearly_named_mistake(exercise, trials)
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
    use = exercise.use or (lambda answer: answer)
    names = [*inspect.signature(use(exercise.answer)).parameters]
    named = dict(zip(names, arguments, strict=False))
    expected = _results(exercise, use(exercise.answer)(*copy.deepcopy(arguments)))
    own = copy.deepcopy(arguments)
    given = _results(exercise, call(use(function), own, named, deadline, aloud, written=function))
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
            raise UnfinishedError(f"Still missing: {name}.")
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


def _named_mistake(
    exercise: Exercise, trials: list[list[Comparison]], tolerance: float
) -> Diagnosis | None:
    """Return the typical mistake that gives these results, if there is one."""
    for sentence, mistaken in exercise.mistakes.items():
        if _is_that(exercise, mistaken, trials, tolerance):
            return Diagnosis("mistake", sentence)
    return None


def _nearly_named_mistake(exercise: Exercise, trials: list[list[Comparison]]) -> Diagnosis | None:
    """Return a typical mistake that nearly gives these results: with a small constant, say.

    What is nearly right makes no such mistake.
    """
    tolerance = max(CLOSE, exercise.tolerance)
    if all(_right(one.given, one.expected, tolerance) for results in trials for one in results):
        return None
    return _named_mistake(exercise, trials, tolerance)


def _is_that(
    exercise: Exercise,
    mistaken: Callable[..., Any],
    trials: list[list[Comparison]],
    tolerance: float,
) -> bool:
    """Tell whether ``mistaken`` gives the reader's results in every trial."""
    deadline = time.monotonic() + patience.MOST_SECONDS
    for number, results in enumerate(trials):
        try:
            others = _try(exercise, mistaken, number, deadline)
        except (UnusableError, UnfinishedError):
            return False
        for ours, other in zip(results, others, strict=True):
            if not _right(ours.given, other.given, tolerance):
                return False
    return True


def _swapped(
    exercise: Exercise, trials: list[list[Comparison]], wrong: list[int]
) -> Diagnosis | None:
    """Return which two of the results that are wrong stand in each other's place."""
    for first in wrong:
        for second in (place for place in wrong if place < first):
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
