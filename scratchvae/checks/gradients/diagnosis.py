"""What is probably wrong with a gradient that a check has found wrong.

A gradient that is wrong by hand is seldom random: it is the right one times ½, or transposed, or
that of one example instead of all. So usual mistakes are tried, one after the other, as hypotheses:
each says what the gradient would then have to be, or how the backward pass would then have to
behave, and is named only if every measured entry fits. Where none fits, nothing is said.

The order matters: what the backward pass *does* (forgets, overwrites, draws again) comes before
what its numbers look like.
"""

from scratchvae.checks.gradients.behaviour import BEHAVIOURS
from scratchvae.checks.gradients.evidence import Diagnosis, Facts, Measured
from scratchvae.checks.gradients.patterns import PATTERNS


def diagnose(measured: Measured, facts: Facts | None = None) -> Diagnosis | None:
    """Return the first of the usual mistakes that fits all the evidence, or ``None``."""
    facts = facts or Facts()
    for hypothesis in (*BEHAVIOURS, *PATTERNS):
        found = hypothesis(measured, facts)
        if found is not None:
            return found
    return None
