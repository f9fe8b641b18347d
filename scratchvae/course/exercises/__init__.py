"""The exercises of the lessons: ``check("name", your_function)`` says what is right or wrong.

One file per lesson, or one folder for a lesson with several subjects: the right answers, random
arguments for them, typical wrong answers as a reader would write them, and hints. ``draws`` and
``functions`` are what several lessons share; ``checking`` runs an answer, and ``comparison`` says
what is wrong with it.
"""

from scratchvae.course.exercises.checking import check
from scratchvae.course.exercises.exercise import Exercise, Verdict

__all__ = ["Exercise", "Verdict", "check"]
