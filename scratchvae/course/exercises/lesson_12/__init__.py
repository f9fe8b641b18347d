"""The exercises of lesson 12, "Your VAE", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_12.gradients import (
    LOGITS_GRADIENT,
    TWO_PATHS,
    logits_gradient,
    two_paths,
)
from scratchvae.course.exercises.lesson_12.linear_vae import (
    LINEAR_VAE_GRADIENTS,
    linear_vae_gradients,
)
from scratchvae.course.exercises.lesson_12.walk import WALK_SPEED, walk_speed

__all__ = [
    "EXERCISES",
    "linear_vae_gradients",
    "logits_gradient",
    "two_paths",
    "walk_speed",
]

EXERCISES: list[Exercise | Question] = [
    LOGITS_GRADIENT,
    TWO_PATHS,
    LINEAR_VAE_GRADIENTS,
    WALK_SPEED,
]
