"""The exercises of lesson 8, "The Gaussian KL", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_08.divergences import (
    CLOSEST_DIAGONAL,
    GAUSSIAN_ENTROPY,
    KL_CHOLESKY,
    KL_PRIOR_GRADIENTS,
    KL_SOFTPLUS_GRADIENT,
    closest_diagonal,
    gaussian_entropy,
    kl_cholesky,
    kl_prior_gradients,
    kl_softplus_gradient,
)
from scratchvae.course.exercises.lesson_08.pieces import (
    BUG_IN_THE_KL,
    KL_GRADIENTS,
    KL_OF_A_SHIFT,
    KL_TO_STANDARD,
)

__all__ = [
    "EXERCISES",
    "closest_diagonal",
    "gaussian_entropy",
    "kl_cholesky",
    "kl_prior_gradients",
    "kl_softplus_gradient",
]

EXERCISES: list[Exercise | Question] = [
    GAUSSIAN_ENTROPY,
    KL_CHOLESKY,
    CLOSEST_DIAGONAL,
    KL_PRIOR_GRADIENTS,
    KL_OF_A_SHIFT,
    KL_TO_STANDARD,
    KL_GRADIENTS,
    BUG_IN_THE_KL,
    KL_SOFTPLUS_GRADIENT,
]
