"""The exercises of lesson 10, "Your VAE", in the order in which it asks them."""

from scratchvae.exercises.exercise import Exercise
from scratchvae.exercises.your_vae.adam import ADAM_STEP, adam_step
from scratchvae.exercises.your_vae.gradients import (
    LOGITS_GRADIENT,
    TWO_ROADS,
    logits_gradient,
    two_roads,
)
from scratchvae.exercises.your_vae.linear_vae import LINEAR_VAE_GRADIENTS, linear_vae_gradients
from scratchvae.exercises.your_vae.walk import WALK_SPEED, walk_speed

__all__ = [
    "EXERCISES",
    "adam_step",
    "linear_vae_gradients",
    "logits_gradient",
    "two_roads",
    "walk_speed",
]

EXERCISES: list[Exercise] = [
    LOGITS_GRADIENT,
    TWO_ROADS,
    LINEAR_VAE_GRADIENTS,
    ADAM_STEP,
    WALK_SPEED,
]
