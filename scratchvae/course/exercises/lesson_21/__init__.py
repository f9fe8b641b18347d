"""The exercises of lesson 21, "Collapse and hierarchy", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_21.gains import (
    COMPONENT_GAIN,
    GAUSSIAN_MISMATCH,
)
from scratchvae.course.exercises.lesson_21.pieces import FREE_BITS, LAYER_KLS
from scratchvae.course.exercises.lesson_21.questions import (
    NATS_ABOVE_THE_THRESHOLD,
    NATS_UPSTAIRS,
    NO_DECODER_HELPS,
    WHOSE_FAILURE,
    nats_upstairs,
)

__all__ = ["EXERCISES", "nats_upstairs"]

EXERCISES: list[Exercise | Question] = [
    COMPONENT_GAIN,
    NO_DECODER_HELPS,
    NATS_ABOVE_THE_THRESHOLD,
    LAYER_KLS,
    GAUSSIAN_MISMATCH,
    NATS_UPSTAIRS,
    FREE_BITS,
    WHOSE_FAILURE,
]
