"""The exercises of lesson 20, "Rate and distortion", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_20.points import (
    BOUND_NATS,
    CALIBRATED_NATS,
    LINEAR_PLANE,
    PLANE_POINT,
)
from scratchvae.course.exercises.lesson_20.questions import (
    CALIBRATED_C,
    EASIER_FASHION,
    LATENTS_WORTH_HAVING,
    LESS_RATE,
    SPARE_LATENTS,
)

__all__ = ["EXERCISES"]

EXERCISES: list[Exercise | Question] = [
    PLANE_POINT,
    LESS_RATE,
    LINEAR_PLANE,
    LATENTS_WORTH_HAVING,
    BOUND_NATS,
    CALIBRATED_NATS,
    CALIBRATED_C,
    SPARE_LATENTS,
    EASIER_FASHION,
]
