"""The exercises of lesson 6, "Probability", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_06.divergence import (
    KL_CATEGORICAL,
    KL_MONTE_CARLO,
    kl_categorical,
    kl_estimate,
)
from scratchvae.course.exercises.lesson_06.mixtures import (
    LOG_MEAN_EXP,
    MIXTURE_MOMENTS,
    POSTERIOR_OF_CAUSES,
    log_mean_exp,
    mixture_moments,
    posterior_of_causes,
)

__all__ = [
    "EXERCISES",
    "kl_categorical",
    "kl_estimate",
    "log_mean_exp",
    "mixture_moments",
    "posterior_of_causes",
]

EXERCISES: list[Exercise | Question] = [
    MIXTURE_MOMENTS,
    LOG_MEAN_EXP,
    POSTERIOR_OF_CAUSES,
    KL_CATEGORICAL,
    KL_MONTE_CARLO,
]
