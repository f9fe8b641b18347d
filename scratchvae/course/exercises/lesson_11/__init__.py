"""The exercises of lesson 11, "Likelihoods", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_11.likelihoods import (
    BEST_VARIANCE,
    CROSS_ENTROPY_FLOOR,
    LOGISTIC_LOSS,
    WATER_FILLING,
    best_variance,
    cross_entropy_floor,
    logistic_loss,
    water_filling,
)
from scratchvae.course.exercises.lesson_11.pieces import (
    BERNOULLI,
    BETA_OF_A_MEAN,
    GAUSSIAN,
    WHICH_IS_BETTER,
)
from scratchvae.course.exercises.lesson_11.shared_variance import (
    SHARED_VARIANCE_GRADIENTS,
    shared_variance_gradients,
)

__all__ = [
    "EXERCISES",
    "best_variance",
    "cross_entropy_floor",
    "logistic_loss",
    "shared_variance_gradients",
    "water_filling",
]

EXERCISES: list[Exercise | Question] = [
    BERNOULLI,
    LOGISTIC_LOSS,
    CROSS_ENTROPY_FLOOR,
    GAUSSIAN,
    BEST_VARIANCE,
    WATER_FILLING,
    BETA_OF_A_MEAN,
    WHICH_IS_BETTER,
    SHARED_VARIANCE_GRADIENTS,
]
