"""The exercises of lesson 25, "Diffusion", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_25.questions import (
    NEEDLESS_LAYERS,
    WHAT_CANNOT_COLLAPSE,
    WITHOUT_A_GUESS,
)
from scratchvae.course.exercises.lesson_25.steps import (
    DIFFUSE,
    GUESSED_IMAGE,
    POSTERIOR,
    STEP_NATS,
)

EXERCISES: list[Exercise | Question] = [
    WHAT_CANNOT_COLLAPSE,
    DIFFUSE,
    POSTERIOR,
    GUESSED_IMAGE,
    STEP_NATS,
    NEEDLESS_LAYERS,
    WITHOUT_A_GUESS,
]
