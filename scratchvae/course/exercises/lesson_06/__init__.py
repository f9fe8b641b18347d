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
    mixture_moments,
    posterior_of_causes,
)
from scratchvae.course.exercises.lesson_06.pieces import (
    DRAWS_FOR_A_DIGIT,
    LOG_NORMAL,
    MEAN_AND_ERROR,
)
from scratchvae.course.exercises.lesson_06.questions import WHICH_IS_GENERATIVE
from scratchvae.course.program import log_mean_exp

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
    LOG_NORMAL,
    WHICH_IS_GENERATIVE,
    LOG_MEAN_EXP,
    POSTERIOR_OF_CAUSES,
    KL_CATEGORICAL,
    DRAWS_FOR_A_DIGIT,
    MEAN_AND_ERROR,
    KL_MONTE_CARLO,
]
