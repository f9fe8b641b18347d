"""The exercises of lesson 14, "Convolution", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_14.pieces import ADD_PATCHES, CONV_LAYER, PATCHES
from scratchvae.course.exercises.lesson_14.windows import (
    NUMBERS_OF_A_LAYER,
    OUTPUT_SIZE,
    RECEPTIVE_FIELD,
    SHIFTED_DIGITS,
    UNFLIPPED,
    input_gradient,
    output_size,
    receptive_field,
    slide,
)

__all__ = ["EXERCISES", "input_gradient", "output_size", "receptive_field", "slide"]

EXERCISES: list[Exercise | Question] = [
    NUMBERS_OF_A_LAYER,
    OUTPUT_SIZE,
    PATCHES,
    ADD_PATCHES,
    UNFLIPPED,
    CONV_LAYER,
    RECEPTIVE_FIELD,
    SHIFTED_DIGITS,
]
