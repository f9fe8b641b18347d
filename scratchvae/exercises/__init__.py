"""The exercises of the lessons: ``check("name", your_function)`` says what is right and wrong.

One file per lesson, named as the lesson: the right answers, typical wrong ones, and hints.
"""

from scratchvae.exercises.checking import check
from scratchvae.exercises.exercise import Exercise, Verdict

__all__ = ["Exercise", "Verdict", "check"]
