"""The exercises of lesson 24, "Discrete latents", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_24.codebook import (
    CODEBOOK_GRADIENT,
    NEAREST_CODES,
    STRAIGHT_THROUGH,
)
from scratchvae.course.exercises.lesson_24.prior import CAUSAL_MASKS, CODE_NATS
from scratchvae.course.exercises.lesson_24.questions import (
    LEAKY_TOTAL,
    PRICE_OF_CODES,
    SLOPE_OF_A_STEP,
    UNUSED_CODES,
    WHERE_CODES_REST,
)

EXERCISES: list[Exercise | Question] = [
    NEAREST_CODES,
    SLOPE_OF_A_STEP,
    STRAIGHT_THROUGH,
    CODEBOOK_GRADIENT,
    WHERE_CODES_REST,
    PRICE_OF_CODES,
    CODE_NATS,
    CAUSAL_MASKS,
    LEAKY_TOTAL,
    UNUSED_CODES,
]
