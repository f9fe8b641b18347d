"""The exercises of lesson 3, "Training", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_03.initialisation import (
    GLOROT_BOUND,
    SPREAD_AFTER_TEN,
    glorot_bound,
    spread_after,
)
from scratchvae.course.exercises.lesson_03.minibatches import (
    BATCHES,
    ERROR_OF_A_BATCH,
    RISING_CURVE,
    SHUFFLED_APART,
    TRAIN_NETWORK,
    gradient_variance,
    stationary_variance,
)
from scratchvae.course.exercises.lesson_03.optimisers import (
    ADAM,
    COSINE,
    EFFECTIVE_RATE,
    LARGEST_RATE,
    MOMENTUM,
    largest_stable_rate,
)

__all__ = [
    "EXERCISES",
    "glorot_bound",
    "gradient_variance",
    "largest_stable_rate",
    "spread_after",
    "stationary_variance",
]

EXERCISES: list[Exercise | Question] = [
    BATCHES,
    ERROR_OF_A_BATCH,
    LARGEST_RATE,
    EFFECTIVE_RATE,
    MOMENTUM,
    ADAM,
    COSINE,
    SPREAD_AFTER_TEN,
    GLOROT_BOUND,
    SHUFFLED_APART,
    TRAIN_NETWORK,
    RISING_CURVE,
]
