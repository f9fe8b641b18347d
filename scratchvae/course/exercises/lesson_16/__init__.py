"""The exercises of lesson 16, "Batch normalisation", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_16.gradients import (
    BATCH_NORM_LINE,
    BATCH_NORM_STEPS,
    FOLD,
    MIXED_STATISTICS,
    batch_norm_line,
    batch_norm_steps,
    fold,
    normalise,
)
from scratchvae.course.exercises.lesson_16.pieces import BATCH_NORM_LAYER, SET_TRAINING
from scratchvae.course.exercises.lesson_16.questions import (
    BATCHES_TO_FOLLOW,
    BIAS_BEFORE,
    DIRECTIONS_LEFT,
    WHOSE_BOUND,
)

__all__ = ["EXERCISES", "batch_norm_line", "batch_norm_steps", "fold", "normalise"]

EXERCISES: list[Exercise | Question] = [
    BATCH_NORM_STEPS,
    BATCH_NORM_LINE,
    BIAS_BEFORE,
    BATCHES_TO_FOLLOW,
    BATCH_NORM_LAYER,
    SET_TRAINING,
    MIXED_STATISTICS,
    FOLD,
    DIRECTIONS_LEFT,
    WHOSE_BOUND,
]
