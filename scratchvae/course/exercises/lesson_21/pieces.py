"""Exercises on two layers of latents: what each costs, and free bits.

Dimensions: N images, D latents in the lower layer, U in the upper.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import free_bits, kl_to_standard, layer_kls, log_normal
from scratchvae.probability import kl_diagonal
from scratchvae.validation import FloatArray

Pair = tuple[FloatArray, FloatArray]


def _draw_layers(random: np.random.Generator) -> tuple[FloatArray, Pair, Pair, Pair]:
    count, lower, upper = unequal_sizes(random, 3)

    def gaussian(latents: int) -> Pair:
        mean, log_variance = random.standard_normal((2, count, latents))
        return mean, log_variance

    return random.standard_normal((count, lower)), gaussian(lower), gaussian(lower), gaussian(upper)


def _first(change: Callable[..., Any]) -> Callable[..., Any]:
    """Return ``layer_kls`` with another first result."""
    return lambda z_1, lower, prior, upper: (
        change(z_1, lower, prior, upper),
        kl_to_standard(*upper),
    )


LAYER_KLS = Exercise(
    name="layer-kls",
    piece="layer_kls",
    answer=layer_kls,
    draw=_draw_layers,
    mistakes={
        "the closed-form KL forgets that z₂ was drawn given z₁; take both densities at z_1": _first(
            lambda z_1, lower, prior, upper: kl_diagonal(*lower, *prior)
        ),
        "the lower layer is measured against N(0, I); its prior is p(z₁ | z₂)": _first(
            lambda z_1, lower, prior, upper: kl_to_standard(*lower)
        ),
        "the sign of the lower layer: log q − log p": _first(
            lambda z_1, lower, prior, upper: log_normal(z_1, *prior) - log_normal(z_1, *lower)
        ),
        "log q(z₁ | x) is missing": _first(
            lambda z_1, lower, prior, upper: -log_normal(z_1, *prior)
        ),
        "the two layers are exchanged": lambda *given: layer_kls(*given)[::-1],
    },
    hints=(
        "The lower layer: two calls of log_normal at the same z_1. The upper: kl_to_standard.",
        "log_normal(z_1, *lower) - log_normal(z_1, *prior), kl_to_standard(*upper)",
    ),
    returns=("the lower layer", "the upper layer"),
)


def _draw_kls(random: np.random.Generator) -> tuple[FloatArray, float]:
    count, latents = unequal_sizes(random, 2)
    # Latents of unequal use, so that some lie above the allowance and some below, on average.
    use = np.linspace(0.2, 2.0, latents)
    return use * random.exponential(size=(count, latents)), float(random.uniform(0.6, 0.9))


FREE_BITS = Exercise(
    name="free-bits",
    piece="free_bits",
    answer=free_bits,
    draw=_draw_kls,
    planted=lambda kl, free: float(np.maximum(kl, free).mean(axis=0).sum()),
    mistakes={
        "the allowance is one for the whole layer; each latent has its own": lambda kl, free: max(
            float(kl.mean(axis=0).sum()), free
        ),
        "that gives the allowance back on top: a latent above it pays its whole KL": (
            lambda kl, free: float(np.maximum(kl.mean(axis=0) - free, 0).sum())
        ),
        "the cost is capped at the allowance; it should not sink below it": lambda kl, free: float(
            np.minimum(kl.mean(axis=0), free).sum()
        ),
        "the costs of the latents are added up, not averaged": lambda kl, free: float(
            np.maximum(kl.mean(axis=0), free).mean()
        ),
    },
    hints=(
        "Which comes first in (21.7), the mean over the batch or the maximum?",
        "A latent may say much about a few images and nothing about others. Which of its KLs are "
        "raised by maximum(kl, free)?",
        "Take kl.mean(axis=0) first, then np.maximum with free, then the sum.",
    ),
    returns=("the cost",),
)
