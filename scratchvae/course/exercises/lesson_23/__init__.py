"""The exercises of lesson 23, "Conditional generation", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_23.judging import (
    AGREEMENT_IS_NOT_ENOUGH,
    CORRECTED_SHARE,
    corrected_share,
)
from scratchvae.course.exercises.lesson_23.labels import (
    LABEL_INFORMATION,
    MORE_THAN_A_LABEL,
    WORTH_OF_A_LABEL,
    label_information,
)
from scratchvae.course.exercises.lesson_23.pieces import (
    APPEND_LABELS,
    CONDITIONAL_VAE,
    LABEL_IN_THE_LATENT,
    SAMPLE_CLASSES,
)

__all__ = ["EXERCISES", "corrected_share", "label_information"]

EXERCISES: list[Exercise | Question] = [
    LABEL_INFORMATION,
    WORTH_OF_A_LABEL,
    APPEND_LABELS,
    CONDITIONAL_VAE,
    MORE_THAN_A_LABEL,
    LABEL_IN_THE_LATENT,
    SAMPLE_CLASSES,
    CORRECTED_SHARE,
    AGREEMENT_IS_NOT_ENOUGH,
]
