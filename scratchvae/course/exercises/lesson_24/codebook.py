"""Exercises on the codebook: the nearest code, the straight-through gradient, the codes' own.

Dimensions: M vectors of D numbers, K codes.
"""

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import codebook_gradient, nearest_codes, straight_through
from scratchvae.course.program.discrete import Codes
from scratchvae.validation import FloatArray


def _draw_vectors(random: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    vectors, codes, numbers = unequal_sizes(random, 3)
    return random.standard_normal((3 * vectors, numbers)), random.standard_normal((codes, numbers))


def _draw_gradients(
    random: np.random.Generator,
) -> tuple[FloatArray, FloatArray, FloatArray, float, int]:
    vectors, numbers, images = unequal_sizes(random, 3)
    dy, z, y = random.standard_normal((3, vectors, numbers))
    return dy, z, y, float(random.uniform(0.2, 0.9)), images


def _draw_book(random: np.random.Generator) -> tuple[FloatArray, Codes, FloatArray, int]:
    codes, numbers, images = unequal_sizes(random, 3)
    z = random.standard_normal((3 * codes, numbers))  # so that codes occur several times
    chosen = random.integers(codes, size=len(z))
    chosen[:2] = chosen[2]
    return z, chosen, random.standard_normal((codes, numbers)), images


def _overwritten(
    z: FloatArray, codes: Codes, codebook: FloatArray, count: int, sign: float = 1.0
) -> FloatArray:
    """Return what indexing with ``+=`` gives: of several terms for one code, the last."""
    gradient = np.zeros_like(codebook)
    gradient[codes] += sign * 2 / count * (codebook[codes] - z)
    return gradient


NEAREST_CODES = Exercise(
    name="nearest-codes",
    piece="nearest_codes",
    answer=nearest_codes,
    draw=_draw_vectors,
    mistakes={
        "those are the farthest codes": lambda z, codebook: (
            ((z[:, None] - codebook) ** 2).sum(axis=-1).argmax(axis=1)
        ),
        "that is the code with the largest inner product; it need not be the nearest": (
            lambda z, codebook: (z @ codebook.T).argmax(axis=1)
        ),
        "‖z − e‖² = ‖z‖² − 2 z·e + ‖e‖², and you left the 2 out": lambda z, codebook: (
            (codebook**2).sum(axis=1) - z @ codebook.T
        ).argmin(axis=1),
        "those are the nearest codes' vectors; their numbers are asked for": lambda z, codebook: (
            codebook[nearest_codes(z, codebook)]
        ),
    },
    hints=(
        "z[:, None] - codebook has a row for each vector and a column for each code.",
        "Square, sum over the last axis, and take the argmin over the codes.",
    ),
    returns=("the codes",),
)

STRAIGHT_THROUGH = Exercise(
    name="straight-through",
    piece="straight_through",
    answer=straight_through,
    draw=_draw_gradients,
    mistakes={
        "the commitment is missing": lambda dy, z, y, beta, count: dy,
        "only the commitment is there; dy passes straight through": (
            lambda dy, z, y, beta, count: 2 * beta / count * (z - y)
        ),
        "the commitment pushes z away from its code: z − y, not y − z": (
            lambda dy, z, y, beta, count: dy + 2 * beta / count * (y - z)
        ),
        "the derivative of a square is twice the distance": (
            lambda dy, z, y, beta, count: dy + beta / count * (z - y)
        ),
        "the loss is a mean over the images: the commitment lacks its 1/N": (
            lambda dy, z, y, beta, count: dy + 2 * beta * (z - y)
        ),
        "N is the number of images, count; an image has several vectors": (
            lambda dy, z, y, beta, count: dy + 2 * beta / len(z) * (z - y)
        ),
        "the codebook loss has an sg around z, and moves only the codes: 1 + β is too much": (
            lambda dy, z, y, beta, count: dy + 2 * (1 + beta) / count * (z - y)
        ),
        "dy is a gradient of the mean loss already; do not divide it by N once more": (
            lambda dy, z, y, beta, count: (dy + 2 * beta * (z - y)) / count
        ),
        "beta belongs to the commitment only": (
            lambda dy, z, y, beta, count: beta * (dy + 2 / count * (z - y))
        ),
        "the weight beta is missing": lambda dy, z, y, beta, count: dy + 2 / count * (z - y),
    },
    hints=(
        "Two paths lead to z: from the reconstruction, where y stands for z, and the commitment.",
        "β/N ‖z − y‖² has the derivative 2β/N (z − y), with y a constant.",
    ),
    returns=("dz",),
)

CODEBOOK_GRADIENT = Exercise(
    name="codebook-gradient",
    piece="codebook_gradient",
    answer=codebook_gradient,
    draw=_draw_book,
    planted=_overwritten,
    mistakes={
        "the sign was right before": lambda z, codes, codebook, count: _overwritten(
            z, codes, codebook, count, -1.0
        ),
        "that is the mean over a code's vectors; gradients of a code used often are larger": (
            lambda z, codes, codebook, count: (
                codebook_gradient(z, codes, codebook, count)
                / np.maximum(np.bincount(codes, minlength=len(codebook)), 1)[:, None]
            )
        ),
        "each term is there once, and in the wrong direction": (
            lambda z, codes, codebook, count: -codebook_gradient(z, codes, codebook, count)
        ),
    },
    hints=(
        "Try it on three vectors with one code: does the gradient change if you drop the first?",
        "gradient[codes] += … reads, adds and writes all rows at once. Where a code occurs twice, "
        "the second writing replaces the first.",
        "np.add.at(gradient, codes, …), or a matrix of ones and zeros times the terms.",
    ),
    returns=("the gradient",),
)
