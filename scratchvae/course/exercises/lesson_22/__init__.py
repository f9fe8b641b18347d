"""The exercises of lesson 22, "How good is it?", in the order in which it asks them."""

from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.lesson_22.draws import (
    BOUND_OF_TWO,
    IWAE_EXERCISE,
    MORE_DRAWS,
    NORMALISED_WEIGHTS,
)
from scratchvae.course.exercises.lesson_22.gaps import (
    LATENT_ACTIVITY,
    NEGATIVE_BOUND,
    WHICH_GAP,
    gap_parts,
    log_evidence_on_grid,
    log_joint_on_grid,
    product_nodes,
)

__all__ = [
    "EXERCISES",
    "gap_parts",
    "log_evidence_on_grid",
    "log_joint_on_grid",
    "product_nodes",
]

EXERCISES: list[Exercise | Question] = [
    BOUND_OF_TWO,
    MORE_DRAWS,
    NORMALISED_WEIGHTS,
    IWAE_EXERCISE,
    LATENT_ACTIVITY,
    NEGATIVE_BOUND,
    WHICH_GAP,
]
