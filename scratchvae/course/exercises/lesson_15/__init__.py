"""The exercises of lesson 15, "Transposed convolution", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_15.pieces import CONV_TRANSPOSE_LAYER, OUTPUT_PADDING
from scratchvae.course.exercises.lesson_15.stamps import (
    CONTRAST,
    COVERAGE,
    PRINTED_DECODER,
    STAMP,
    STAMPED_BIAS,
    TRANSPOSE_OR_INVERSE,
    coverage,
    enlarge,
    stamp,
)

__all__ = ["EXERCISES", "coverage", "enlarge", "stamp"]

EXERCISES: list[Exercise | Question] = [
    TRANSPOSE_OR_INVERSE,
    STAMP,
    OUTPUT_PADDING,
    PRINTED_DECODER,
    CONV_TRANSPOSE_LAYER,
    STAMPED_BIAS,
    COVERAGE,
    CONTRAST,
]
