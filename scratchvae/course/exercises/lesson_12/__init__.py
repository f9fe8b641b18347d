"""The exercises of lesson 12, "Your VAE", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_12.chance import NOISE, TOSS
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
from scratchvae.course.exercises.lesson_12.model import (
    DECODER_BACKWARD,
    ENCODER_BACKWARD,
    LATENT_GRADIENTS,
    VAE_FORWARD,
)
from scratchvae.course.exercises.lesson_12.training import (
    EVALUATE,
    LOAD_PARAMETERS,
    SAVE_PARAMETERS,
    TRAIN_VAE,
)
from scratchvae.course.exercises.lesson_12.uses import (
    ESTIMATE_LOG_EVIDENCE,
    INTERPOLATE,
    LOSS_AT_THE_START,
    RECONSTRUCT,
    SAMPLE,
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
    VAE_FORWARD,
    LOGITS_GRADIENT,
    DECODER_BACKWARD,
    LATENT_GRADIENTS,
    TWO_PATHS,
    ENCODER_BACKWARD,
    TOSS,
    LINEAR_VAE_GRADIENTS,
    LOSS_AT_THE_START,
    NOISE,
    TRAIN_VAE,
    EVALUATE,
    SAVE_PARAMETERS,
    LOAD_PARAMETERS,
    RECONSTRUCT,
    SAMPLE,
    INTERPOLATE,
    ESTIMATE_LOG_EVIDENCE,
    WALK_SPEED,
]
