"""The exercises of lesson 10, "Your VAE", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.lesson_10.adam import ADAM_STEP, adam_step
from scratchvae.course.exercises.lesson_10.gradients import (
    LOGITS_GRADIENT,
    TWO_PATHS,
    logits_gradient,
    two_paths,
)
from scratchvae.course.exercises.lesson_10.linear_vae import (
    LINEAR_VAE_GRADIENTS,
    linear_vae_gradients,
)
from scratchvae.course.exercises.lesson_10.walk import WALK_SPEED, walk_speed

__all__ = [
    "EXERCISES",
    "adam_step",
    "linear_vae_gradients",
    "logits_gradient",
    "two_paths",
    "walk_speed",
]

EXERCISES: list[Exercise] = [
    LOGITS_GRADIENT,
    TWO_PATHS,
    LINEAR_VAE_GRADIENTS,
    ADAM_STEP,
    WALK_SPEED,
]
