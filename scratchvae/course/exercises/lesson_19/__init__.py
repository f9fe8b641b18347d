"""The exercises of lesson 19, "Disentanglement", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_19.factors import (
    CHANCE_INFORMATION,
    GAP_OF_A_ROTATED_CODE,
    MUTUAL_INFORMATION_GAP,
    WHAT_A_LOW_GAP_SAYS,
    chance_information,
)
from scratchvae.course.exercises.lesson_19.parts import (
    GAUSSIAN_TOTAL_CORRELATION,
    SPLIT_KL,
    TOO_FEW_IMAGES,
    gaussian_total_correlation,
)
from scratchvae.course.exercises.lesson_19.pieces import BETA_VAE, PRICE_OF_A_FACTOR, TRAVERSE

__all__ = ["EXERCISES", "chance_information", "gaussian_total_correlation"]

EXERCISES: list[Exercise | Question] = [
    BETA_VAE,
    PRICE_OF_A_FACTOR,
    TRAVERSE,
    GAUSSIAN_TOTAL_CORRELATION,
    SPLIT_KL,
    TOO_FEW_IMAGES,
    GAP_OF_A_ROTATED_CODE,
    MUTUAL_INFORMATION_GAP,
    CHANCE_INFORMATION,
    WHAT_A_LOW_GAP_SAYS,
]
