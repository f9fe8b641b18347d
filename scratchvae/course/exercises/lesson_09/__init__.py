"""The exercises of lesson 9, "The ELBO", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_09.bound import (
    BEST_LOG_VARIANCE,
    ELBO_FROM_DRAWS,
    EXPECTED_SQUARED_ERROR,
    best_log_variance,
    elbo_from_draws,
    expected_squared_error,
)
from scratchvae.course.exercises.lesson_09.factor_analysis import (
    FACTOR_M_STEP,
    FACTOR_POSTERIOR,
    factor_m_step,
    factor_posterior,
)
from scratchvae.course.exercises.lesson_09.questions import A_KL_OF_ZERO, THE_THIRD_NUMBER

__all__ = [
    "EXERCISES",
    "best_log_variance",
    "elbo_from_draws",
    "expected_squared_error",
    "factor_m_step",
    "factor_posterior",
]

EXERCISES: list[Exercise | Question] = [
    FACTOR_POSTERIOR,
    ELBO_FROM_DRAWS,
    THE_THIRD_NUMBER,
    EXPECTED_SQUARED_ERROR,
    BEST_LOG_VARIANCE,
    FACTOR_M_STEP,
    A_KL_OF_ZERO,
]
