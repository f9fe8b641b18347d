"""The exercises of lesson 2, "Dense layers", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_02.gradients import (
    DENSE_WEIGHT_GRADIENT,
    ELU_BACKWARD,
    EXTRAPOLATED_SLOPE,
    ONE_SIDED_BEST_STEP,
    SKIP_CONNECTION_BACKWARD,
    elu_backward,
    extrapolated_slope,
    one_sided_best_step,
    skip_backward,
    weight_gradient,
)
from scratchvae.course.exercises.lesson_02.graphs import (
    BACKPROPAGATE,
    ENTRIES_OF_A_JACOBIAN,
    backpropagate,
    skip_tape,
)
from scratchvae.course.exercises.lesson_02.layers import DENSE_LAYER, ELU_LAYER, TANH_LAYER
from scratchvae.course.exercises.lesson_02.networks import SEQUENTIAL, SLOPES, SQUARED_ERROR

__all__ = [
    "EXERCISES",
    "backpropagate",
    "elu_backward",
    "extrapolated_slope",
    "one_sided_best_step",
    "skip_backward",
    "skip_tape",
    "weight_gradient",
]

EXERCISES: list[Exercise | Question] = [
    DENSE_WEIGHT_GRADIENT,
    DENSE_LAYER,
    ELU_BACKWARD,
    TANH_LAYER,
    ELU_LAYER,
    SQUARED_ERROR,
    SEQUENTIAL,
    SKIP_CONNECTION_BACKWARD,
    SLOPES,
    ONE_SIDED_BEST_STEP,
    EXTRAPOLATED_SLOPE,
    ENTRIES_OF_A_JACOBIAN,
    BACKPROPAGATE,
]
