"""The exercises of lesson 17, "Fast kernels, with a stopwatch", in the order of the lesson."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_17.counting import (
    FLOPS_AND_BYTES,
    ROWS_OF_A_TILE,
    SAVED_MULTIPLICATIONS,
    WHICH_ORDER,
    WHY_NO_VECTORS,
    flops_and_bytes,
)
from scratchvae.course.exercises.lesson_17.loops import (
    BLOCKED_PRODUCT,
    REGISTER_TILE,
    SAME_BITS,
    register_tile,
    total,
)
from scratchvae.course.exercises.lesson_17.winograd import SHORT_CONVOLUTION

__all__ = ["EXERCISES", "flops_and_bytes", "register_tile", "total"]

EXERCISES: list[Exercise | Question] = [
    FLOPS_AND_BYTES,
    WHICH_ORDER,
    WHY_NO_VECTORS,
    BLOCKED_PRODUCT,
    ROWS_OF_A_TILE,
    REGISTER_TILE,
    SAME_BITS,
    SHORT_CONVOLUTION,
    SAVED_MULTIPLICATIONS,
]
