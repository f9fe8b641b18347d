"""Things that people get wrong, kept as they are, to be caught.

A check that has never failed is no check. Here are broken layers, models, samplers, divergences,
likelihoods, bounds and optimisers, each with what is wrong, who makes that mistake, and which check
catches it. The tests prove that each is caught and that its right counterpart is not; lessons show
them::

    from scratchvae.checks.mutants import find_broken
    print(find_broken("dense: bias gradient averaged").check(0))
"""

from difflib import get_close_matches

from scratchvae.checks.mutants.base import CHECKS, Broken
from scratchvae.checks.mutants.bounds import BROKEN_BOUNDS
from scratchvae.checks.mutants.dense_layers import BROKEN_DENSE_LAYERS
from scratchvae.checks.mutants.distributions import BROKEN_DISTRIBUTIONS
from scratchvae.checks.mutants.layers import BROKEN_LAYERS
from scratchvae.checks.mutants.models import BROKEN_MODELS
from scratchvae.checks.mutants.optimisers import BROKEN_OPTIMISERS
from scratchvae.errors import InputError

BROKEN = (
    BROKEN_DENSE_LAYERS
    + BROKEN_LAYERS
    + BROKEN_MODELS
    + BROKEN_DISTRIBUTIONS
    + BROKEN_BOUNDS
    + BROKEN_OPTIMISERS
)

__all__ = ["BROKEN", "CHECKS", "Broken", "find_broken"]


def find_broken(name: str) -> Broken:
    """Return the broken thing called ``name``; ``InputError`` with the nearest if there is none."""
    by_name = {broken.name: broken for broken in BROKEN}
    if name in by_name:
        return by_name[name]
    near = get_close_matches(name, by_name, n=1, cutoff=0.3)
    hint = f": did you mean {near[0]!r}?" if near else ""
    raise InputError(f"there is no broken thing {name!r}{hint}")
