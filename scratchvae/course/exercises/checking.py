"""What is said about a reader's answer: right or wrong, in what way, and which hints."""

import inspect
import re
from collections import defaultdict
from typing import Any

import numpy as np

from scratchvae.checks.diagnosis import Diagnosis
from scratchvae.course.exercises.exercise import Exercise, Question, Verdict
from scratchvae.course.exercises.judging import judge
from scratchvae.course.exercises.pieces import written_by_hand
from scratchvae.course.exercises.questions import judge_statement
from scratchvae.course.exercises.written import borrowed, fingerprint, notebook_variables, packaged
from scratchvae.course.own_program import keep
from scratchvae.errors import InputError, unknown_name

_wrong_answers: defaultdict[str, set[object]] = defaultdict(set)


def check(name: str, answer: Any, measured: Any = None) -> Verdict:
    """Judge the reader's ``answer`` to the exercise called ``name``.

    A function or a class is called with random arguments and compared with the right one; a number
    or a letter is compared at once. Every other wrong answer adds another hint. A right piece of
    the reader's own program is written into it, unless the package's own code does its work.

    Parameters
    ----------
    name
        The exercise.
    answer
        A function, a class, a number or a letter.
    measured
        The right number, where the lesson has measured it.

    Returns
    -------
    Verdict
        Not done, right, or wrong and in what way. Nothing is raised, no matter what ``answer``
        does; one that never ends is stopped after 20 seconds, unless it catches every exception or
        sits in a single call of compiled code.
    """
    from scratchvae.course.exercises.catalogue import EXERCISES

    exercise = EXERCISES.get(name) if isinstance(name, str) else None
    if exercise is None:
        return Verdict(
            str(name), "not done", "unknown", str(unknown_name("exercise", name, EXERCISES))
        )
    if isinstance(exercise, Question):
        found = judge_statement(exercise, answer, measured)
    elif whose := packaged(answer):
        found = Diagnosis("not done", f"That is the package's own {whose}: write yours.")
    else:
        found = judge(exercise, answer)
        if found == Diagnosis("not done", "") and exercise.piece:  # a stub, as the lesson has it
            answer, found = _by_hand(exercise, answer, found)
        found = found or _somebody_elses(exercise, answer)
    if found is None:
        _wrong_answers[name].clear()
        return Verdict(name, "right", "", _praise(exercise, answer, measured))
    if found.cause == "not done":
        return Verdict(name, "not done", "", found.sentence)
    return _wrong(exercise, answer, found)


def _wrong(exercise: Exercise | Question, answer: Any, found: Diagnosis) -> Verdict:
    """Return what is wrong, and as many hints as there have been different wrong answers."""
    earlier = _wrong_answers[exercise.name]
    again = (attempt := (fingerprint(answer), found.sentence)) in earlier
    earlier.add(attempt)
    message = _sentence(found.sentence, _names(exercise))
    if variables := notebook_variables(answer):
        message += (
            f" Mind that it uses {', '.join(variables)} of the notebook: it is called with other "
            "numbers than those, and should use its arguments only."
        )
    if len(earlier) > len(exercise.hints):
        message += " The solution is folded below."
    elif again:
        message += " It is the same answer as before: another one brings the next hint."
    return Verdict(exercise.name, "wrong", found.cause, message, exercise.hints[: len(earlier)])


def _by_hand(exercise: Exercise, answer: Any, found: Diagnosis) -> tuple[Any, Diagnosis | None]:
    """Return what the reader has written into their own program, judged, if it is there."""
    try:
        own, wrong = written_by_hand(exercise.piece)
    except InputError as error:
        return answer, Diagnosis("not done", f"By the way, {error}.")
    return (answer, found) if own is None else (own, wrong)


def _somebody_elses(exercise: Exercise, answer: Any) -> Diagnosis | None:
    """Say so if an answer is right because the package's own code does the work."""
    whose = borrowed(answer, exercise.answer, exercise.usable)
    if not whose:
        return None
    sentence = f"It is right, but {whose} does the work: that is what you are to write."
    return Diagnosis("not done", sentence)


def _praise(exercise: Exercise | Question, answer: Any, measured: Any) -> str:
    if isinstance(exercise, Question):
        right = measured if exercise.answer is None else exercise.answer
        return f"It is {right:.4g}." if isinstance(right, int | float | np.number) else ""
    if not exercise.piece or not (said := keep(answer, exercise.piece)):
        return ""
    _, found = _by_hand(exercise, None, Diagnosis("not done", ""))
    if found is None or found.cause == "not done":  # or what was said says why it is not there
        return said
    return (
        f"{said} But there it fails ({found.sentence}): put what it needs from other cells into "
        "its own."
    )


def _names(exercise: Exercise | Question) -> set[str]:
    """Return the names in code that a message may begin with: of results, and of arguments."""
    if isinstance(exercise, Question):
        return set()
    return {*exercise.returns, *inspect.signature(exercise.answer).parameters} - {"a"}


def _sentence(text: str, names: set[str]) -> str:
    """Return a sentence with its capital and its stop; names and symbols keep their own letters."""
    first = re.split(r"[\s:,]", text, maxsplit=1)[0]
    if first not in names and (len(first) != 1 or first == "a"):
        text = f"{text[:1].upper()}{text[1:]}"
    return text + ("" if text.endswith((".", "?", "!")) else ".")
