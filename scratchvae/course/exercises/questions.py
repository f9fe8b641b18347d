"""Judging an answer that is a number or a choice."""

import math
from typing import Any

import numpy as np

from scratchvae.checks.diagnosis import Diagnosis
from scratchvae.course.exercises.exercise import Question


def judge_statement(question: Question, given: Any, measured: Any = None) -> Diagnosis | None:
    """Return what is wrong with ``given`` as an answer, or ``None``.

    ``measured`` is the right number where the question leaves it to the lesson.
    """
    if given is None or given is ...:
        return Diagnosis("not done", "Put your answer in place of the dots.")
    right = measured if question.answer is None else question.answer
    if isinstance(right, str):
        return _judge_choice(question, given, right)
    number = _number(given)
    if number is None:
        found = given if isinstance(given, float) else type(given).__name__  # nan, or infinite
        return Diagnosis("type", f"expected a number, not {found}")
    if _close(number, float(right), question.within):
        return None
    for sentence, mistaken in question.mistakes.items():
        # More strictly than the right answer, so that a near miss is not accused of a mistake.
        if not isinstance(mistaken, str) and _close(number, mistaken, 0.2 * question.within):
            return Diagnosis("mistake", sentence)
    if right and number and math.copysign(1, number) != math.copysign(1, right):
        return Diagnosis("sign", "it has the other sign")
    ratio = abs(number / right) if right else math.inf
    way = "large" if ratio > 1 else "small"
    times = max(ratio, 1 / ratio) if ratio else math.inf
    much = ""
    if 2 <= times < 1000:
        whole = math.isclose(times, round(times), rel_tol=1e-6)
        much = f"{round(times)} times" if whole else f"more than {math.floor(times)} times"
    return Diagnosis("size", " ".join(f"it is {much} too {way}".split()))


def _judge_choice(question: Question, given: Any, right: str) -> Diagnosis | None:
    if not isinstance(given, str):
        return Diagnosis("type", f'expected a letter such as "A", not {type(given).__name__}')
    letter = given.strip(" .:()").upper()
    if letter == right:
        return None
    for sentence, mistaken in question.mistakes.items():
        if letter == mistaken:
            return Diagnosis("mistake", sentence)
    letters = sorted({right, *(each for each in question.mistakes.values() if str(each) == each)})
    return Diagnosis("choice", f"choose one of {', '.join(map(str, letters))}")


def _number(given: Any) -> float | None:
    if isinstance(given, bool | np.bool) or not isinstance(given, int | float | np.number):
        return None
    return float(given) if np.isfinite(given) else None


def _close(number: float, right: float, within: float) -> bool:
    return abs(number - right) <= within * (abs(right) or 1.0)
