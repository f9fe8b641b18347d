"""The exercises of lesson 7, "Latent variables", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_07.importance_sampling import (
    DRAWS_NEEDED,
    IMPORTANCE_ESTIMATE,
    LOG_WEIGHTS,
    draws_needed,
    importance_estimate,
    log_weights,
)
from scratchvae.course.exercises.lesson_07.linear_gaussian import (
    DRAW_IMAGES,
    LINEAR_EVIDENCE,
    draw_images,
    log_evidence,
)
from scratchvae.course.exercises.lesson_07.questions import (
    A_LIKELIHOOD_OF_A_GAN,
    DRAWS_FROM_THE_POSTERIOR,
    POSTERIOR_FOR_PRIOR,
    UNBIASED_AND_TOO_LOW,
)

__all__ = [
    "EXERCISES",
    "draw_images",
    "draws_needed",
    "importance_estimate",
    "log_evidence",
    "log_weights",
]

EXERCISES: list[Exercise | Question] = [
    DRAW_IMAGES,
    LINEAR_EVIDENCE,
    POSTERIOR_FOR_PRIOR,
    DRAWS_FROM_THE_POSTERIOR,
    LOG_WEIGHTS,
    DRAWS_NEEDED,
    UNBIASED_AND_TOO_LOW,
    IMPORTANCE_ESTIMATE,
    A_LIKELIHOOD_OF_A_GAN,
]
