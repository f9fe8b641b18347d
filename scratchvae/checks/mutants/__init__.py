"""Usual bugs, kept as they are to be caught.

A check that has never failed is no check. Here are layers, models, samplers, divergences,
likelihoods, bounds and optimisers with one bug each, how that mistake comes about, and which check
catches it. The tests prove that each is caught and that its right counterpart is not; the lessons
show them::

    from scratchvae.checks.mutants import find_mutant
    print(find_mutant("dense: bias gradient averaged").check(0))
"""

from scratchvae.checks.mutants.base import CHECKS, Mutant
from scratchvae.checks.mutants.bounds import BOUND_MUTANTS
from scratchvae.checks.mutants.codes import CODE_MUTANTS
from scratchvae.checks.mutants.dense_layers import DENSE_LAYER_MUTANTS
from scratchvae.checks.mutants.distributions import DISTRIBUTION_MUTANTS
from scratchvae.checks.mutants.layers import LAYER_MUTANTS
from scratchvae.checks.mutants.models import MODEL_MUTANTS
from scratchvae.checks.mutants.optimisers import OPTIMISER_MUTANTS
from scratchvae.errors import unknown_name

MUTANTS = (
    DENSE_LAYER_MUTANTS
    + LAYER_MUTANTS
    + MODEL_MUTANTS
    + DISTRIBUTION_MUTANTS
    + BOUND_MUTANTS
    + OPTIMISER_MUTANTS
    + CODE_MUTANTS
)

__all__ = ["CHECKS", "MUTANTS", "Mutant", "find_mutant"]


def find_mutant(name: str) -> Mutant:
    """Return the mutant called ``name``; ``InputError`` with the nearest name if there is none."""
    by_name = {mutant.name: mutant for mutant in MUTANTS}
    if isinstance(name, str) and name in by_name:
        return by_name[name]
    raise unknown_name("mutant", name, by_name)
