"""The exercises of lesson 10, "Reparameterisation", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_10.bound import (
    NOISE_AT_THE_POSTERIOR,
    SAMPLED_KL_GRADIENTS,
    loss_estimates,
    path_kl_gradients,
)
from scratchvae.course.exercises.lesson_10.estimators import (
    BEST_BASELINE,
    EXPONENTIAL_BACKWARD,
    GAUSSIAN_SCORE,
    LEAVE_ONE_OUT_BASELINE,
    SOFTPLUS_BACKWARD,
    best_baseline,
    exponential_backward,
    leave_one_out,
    softplus_backward,
)
from scratchvae.course.exercises.lesson_10.pieces import (
    DRAW,
    DRAW_BACKWARD,
    VARIANCE_OF_A_CONSTANT,
    VARIANCE_WITH_NEIGHBOURS,
)
from scratchvae.course.program import gaussian_score

__all__ = [
    "EXERCISES",
    "best_baseline",
    "exponential_backward",
    "gaussian_score",
    "leave_one_out",
    "loss_estimates",
    "path_kl_gradients",
    "softplus_backward",
]

EXERCISES: list[Exercise | Question] = [
    GAUSSIAN_SCORE,
    VARIANCE_OF_A_CONSTANT,
    LEAVE_ONE_OUT_BASELINE,
    EXPONENTIAL_BACKWARD,
    VARIANCE_WITH_NEIGHBOURS,
    BEST_BASELINE,
    DRAW,
    DRAW_BACKWARD,
    SOFTPLUS_BACKWARD,
    NOISE_AT_THE_POSTERIOR,
    SAMPLED_KL_GRADIENTS,
]
