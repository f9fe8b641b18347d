"""The exercises of lesson 26, "Find the bug", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_26.description import DESCRIBE, TWO_MEANS, describe
from scratchvae.course.exercises.lesson_26.programs import (
    MEANS_FOR_DRAWS,
    NOISE_ONCE,
    PRIVATE_NORM,
    elbo,
    normalise,
    train,
)
from scratchvae.course.exercises.lesson_26.vaes import MENDED, WHICH_FAULTS_HIDE

__all__ = ["EXERCISES", "describe", "elbo", "normalise", "train"]

EXERCISES: list[Exercise | Question] = [
    WHICH_FAULTS_HIDE,
    *MENDED,
    NOISE_ONCE,
    MEANS_FOR_DRAWS,
    PRIVATE_NORM,
    TWO_MEANS,
    DESCRIBE,
]
