"""What is recorded of each broken thing."""

from collections.abc import Callable
from dataclasses import dataclass
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
class Broken:
    """One thing that somebody got wrong.

    Attributes
    ----------
    name
        What the thing is and what is wrong with it, in a few words.
    wrong
        What is wrong, in a sentence.
    whose
        Who makes this mistake, and how.
    caught_by
        Which check catches it: one of ``CHECKS``.
    check
        Runs that check on the broken thing, with a seed.
    right
        Runs the same check on the right thing.
    cause
        For a gradient: what to call it, as the diagnosis must give; ``"unnamed"`` where none fits.
    says
        A part of the sentence that the diagnosis must say.
    unseen_by
        Runs a gradient check that the broken thing passes: why the other checks are needed.
    """

    name: str
    wrong: str
    whose: str
    caught_by: str
    check: Check
    right: Check
    cause: str = ""
    says: str = ""
    unseen_by: Check | None = None


def of_layer(make: Callable[[int], Any], *shape: int) -> Check:
    """Return the gradient check of what ``make`` makes of a seed, on inputs of a shape."""

    def check(seed: int) -> Report:
        return gradcheck(make(seed), normal(seed, *shape), seed=seed)

    return check


def layer_pair(
    broken: Callable[..., Layer], right: Callable[..., Layer], shape: tuple[int, ...], *sizes: Any
) -> tuple[Check, Check]:
    """Return the gradient checks of a broken and of a right layer, built alike."""
    return (
        of_layer(lambda seed: broken(*sizes, rng=seed, dtype=np.float64), *shape),
        of_layer(lambda seed: right(*sizes, rng=seed, dtype=np.float64), *shape),
    )


def broken_layer(
    name: str, wrong: str, whose: str, cause: str, pair: tuple[Check, Check], says: str = ""
) -> Broken:
    """Return the record of a broken layer, which a gradient check catches."""
    return Broken(name, wrong, whose, GRADIENT, pair[0], pair[1], cause, says)


def normal(seed: int, *shape: int) -> FloatArray:
    """Return draws from N(0, 1)."""
    return np.random.default_rng([seed, 17]).standard_normal(shape)
