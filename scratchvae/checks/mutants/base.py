"""What is recorded of each mutant."""

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from scratchvae.checks.distributions import DistributionReport
from scratchvae.checks.gradients import GradientReport, gradcheck
from scratchvae.layers import Layer
from scratchvae.validation import FloatArray

Report = GradientReport | DistributionReport
Check = Callable[[int], Report]

GRADIENT = "gradient"
MOMENTS = "moments"
KL = "Monte-Carlo KL"
PROBABILITY = "total probability"
ORDER = "bound order"
EXACT = "exact likelihood"
STEPS = "optimiser steps"
CHECKS = (GRADIENT, MOMENTS, KL, PROBABILITY, ORDER, EXACT, STEPS)


@dataclass(frozen=True)
class Mutant:
    """A right thing with one bug in it.

    Attributes
    ----------
    name
        What the thing is and what is wrong with it, in a few words.
    bug
        What is wrong, in a sentence.
    origin
        How the mistake comes about, or where it is found.
    caught_by
        Which check catches it: one of ``CHECKS``.
    check
        Runs that check on the mutant, with a seed.
    right
        Runs the same check on the right thing.
    cause
        For a gradient: the cause that the diagnosis must name; ``"unnamed"`` if none fits.
    says
        Words that must be in the diagnosis.
    passes_check
        Runs a gradient check that the mutant passes, which is why the other checks are needed.
    """

    name: str
    bug: str
    origin: str
    caught_by: str
    check: Check
    right: Check
    cause: str = ""
    says: str = ""
    passes_check: Check | None = None


def of_layer(make: Callable[[int], Any], *shape: int) -> Check:
    """Return the gradient check of the layer that ``make`` returns for a seed."""

    def check(seed: int) -> Report:
        return gradcheck(make(seed), normal(seed, *shape), seed=seed)

    return check


def layer_pair(
    mutant: Callable[..., Layer], right: Callable[..., Layer], shape: tuple[int, ...], *sizes: Any
) -> tuple[Check, Check]:
    """Return the gradient checks of a mutant and of the right layer, built alike."""

    def built(make: Callable[..., Layer], seed: int) -> Layer:
        draws = {"rng": seed} if "rng" in signature(make).parameters else {}
        return make(*sizes, **draws, dtype=np.float64)

    return (
        of_layer(lambda seed: built(mutant, seed), *shape),
        of_layer(lambda seed: built(right, seed), *shape),
    )


def layer_mutant(
    name: str, bug: str, origin: str, cause: str, pair: tuple[Check, Check], says: str = ""
) -> Mutant:
    """Return a mutant of a layer, which a gradient check catches."""
    return Mutant(name, bug, origin, GRADIENT, pair[0], pair[1], cause, says)


def normal(seed: int, *shape: int) -> FloatArray:
    """Return draws from N(0, 1)."""
    return np.random.default_rng([seed, 17]).standard_normal(shape)
