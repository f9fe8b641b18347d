"""Exercises on the mutual information gap: what it is, what it is by chance, what it says.

Dimensions: F factors, D latents.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.program import mutual_information_gap
from scratchvae.validation import FloatArray

GAP_OF_A_ROTATED_CODE = Question(
    name="gap-of-a-rotated-code",
    kind="predict",
    answer=0.0,
    mistakes={
        "that is the gap before the rotation": 1.0,
        "the gap is a difference between two latents: what does each of them know now?": 0.5,
    },
    hints=(
        "After a turn by 45° both latents are mixed from both factors, in equal parts.",
        "The gap compares the two latents that know most about a factor.",
    ),
)


def _draw_table(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    factors, latents = unequal_sizes(random, 2)
    entropies = random.uniform(1, 3, factors)
    return random.uniform(0, 1, (factors, latents)) * entropies[:, None], entropies


def _column_gap(information: FloatArray, entropies: FloatArray) -> float:
    shares = np.sort(information / entropies[:, None], axis=0)
    return float((shares[-1] - shares[-2]).mean())


MUTUAL_INFORMATION_GAP = Exercise(
    name="mutual-information-gap",
    piece="mutual_information_gap",
    answer=mutual_information_gap,
    draw=_draw_table,
    mistakes={
        "that is the gap of each latent between two factors; sort along the latents, axis 1": (
            _column_gap
        ),
        "the entropies are missing: a factor's gap is a share of what there is to know": (
            lambda information, entropies: mutual_information_gap(
                information, np.ones_like(entropies)
            )
        ),
        "that is between the best latent and the worst; take the best and the next": (
            lambda information, entropies: float((np.ptp(information, axis=1) / entropies).mean())
        ),
        "that is the share of the best latent, however much the next one knows": (
            lambda information, entropies: float((information.max(axis=1) / entropies).mean())
        ),
        "the sum of the gaps over the sum of the entropies is not the mean of the shares": (
            lambda information, entropies: float(
                np.diff(np.sort(information, axis=1)[:, -2:]).sum() / entropies.sum()
            )
        ),
        "the sign is wrong": lambda information, entropies: (
            -mutual_information_gap(information, entropies)
        ),
    },
    hints=(
        "np.sort(information, axis=1) puts what the latents know about a factor in order.",
        "(ordered[:, -1] - ordered[:, -2]) / entropies, and the mean over the factors.",
    ),
    returns=("the gap",),
)


def chance_information(images: int, bins: int, classes: int) -> float:
    """Return what an independent latent seems to know, in nats, by chance: eq. 19.6."""
    return (bins - 1) * (classes - 1) / (2 * images)


CHANCE_INFORMATION = Question(
    name="chance-information",
    kind="predict",
    answer=chance_information(2000, 50, 10),
    mistakes={
        "there is a 2 in the denominator": 2 * chance_information(2000, 50, 10),
        "that is with B and V; the degrees of freedom are B − 1 and V − 1": 500 / 4000,
        "it is exactly 0 only for infinitely many images": 0.0,
    },
    hints=(
        "Put B = 50, V = 10 and N = 2000 into (19.6).",
        "49 · 9 / 4000.",
    ),
)

WHAT_A_LOW_GAP_SAYS = Question(
    name="what-a-low-gap-says",
    kind="explain",
    answer="B",
    mistakes={
        "a good bound needs no gap: it does not see a rotation": "A",
        "both shares are found with the same bins: more of them would not set the two apart": "C",
        "a latent that knows nothing costs nothing; it changes no gap but that of chance": "D",
    },
    hints=(
        "What would the table look like if the model knew nothing about the factor?",
        "Compare the largest share of its row with the next.",
    ),
)
