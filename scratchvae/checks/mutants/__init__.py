"""Usual bugs, kept as they are to be caught.

A check that has never failed is no check. Here are layers, models, samplers, divergences,
likelihoods, bounds and optimisers with one bug each, how that mistake comes about, and which check
catches it. The tests prove that each is caught and that its right counterpart is not; the lessons
show them::

    from scratchvae.checks.mutants import find_mutant
    print(find_mutant("dense: bias gradient averaged").check(0))
"""

from difflib import get_close_matches

from scratchvae.checks.mutants.base import CHECKS, Mutant
from scratchvae.checks.mutants.bounds import BOUND_MUTANTS
from scratchvae.checks.mutants.dense_layers import DENSE_LAYER_MUTANTS
from scratchvae.checks.mutants.distributions import DISTRIBUTION_MUTANTS
from scratchvae.checks.mutants.layers import LAYER_MUTANTS
from scratchvae.checks.mutants.models import MODEL_MUTANTS
from scratchvae.checks.mutants.optimisers import OPTIMISER_MUTANTS
from scratchvae.errors import InputError

MUTANTS = (
    DENSE_LAYER_MUTANTS
    + LAYER_MUTANTS
    + MODEL_MUTANTS
    + DISTRIBUTION_MUTANTS
    + BOUND_MUTANTS
    + OPTIMISER_MUTANTS
)

__all__ = ["CHECKS", "MUTANTS", "Mutant", "find_mutant"]


def find_mutant(name: str) -> Mutant:
    """Return the mutant called ``name``; ``InputError`` with the nearest name if there is none."""
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    if name in by_name:
        return by_name[name]
    near = get_close_matches(name, by_name, n=1, cutoff=0.3)
    hint = f": did you mean {near[0]!r}?" if near else ""
    raise InputError(f"there is no mutant {name!r}{hint}")
