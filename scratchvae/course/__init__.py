"""What the lessons stand on: their display, their exercises, and running the notebooks."""

from scratchvae.course.display import digits, explore, is_fast, say, sized, style
from scratchvae.course.exercises import check
from scratchvae.course.exercises.pieces import yours

__all__ = ["check", "digits", "explore", "is_fast", "say", "sized", "style", "yours"]
