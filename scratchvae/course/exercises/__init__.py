"""The exercises of the lessons: ``check("name", your_function)`` says what is right and wrong.

One file per lesson, or one folder where a lesson has several subjects, named as the lesson: the
right answers, the draws of their arguments, typical wrong answers as a reader would write them, and
hints. ``draws`` and ``functions`` are what several lessons share; ``checking`` runs an answer,
``comparison`` says what kind of wrong it is.
"""

from scratchvae.course.exercises.checking import check
from scratchvae.course.exercises.exercise import Exercise, Verdict

__all__ = ["Exercise", "Verdict", "check"]
