"""What is probably wrong with an array that is not what it should be.

Arrays that are computed by hand are seldom wrong at random: one is the right one times 1/2, or
transposed, or lacks a sum. So the usual mistakes are tried one after another as hypotheses, and one
is named only if it fits every known entry of every comparison. Gradient checks and the lessons'
exercises try these, each in its own order and with hypotheses of its own in between.
"""

from scratchvae.checks.diagnosis.evidence import (
    Comparison,
    Diagnosis,
    Evidence,
    agrees,
    common_ratio,
    fits,
)
from scratchvae.checks.diagnosis.factors import factor, factor_in_words
from scratchvae.checks.diagnosis.jacobian import Jacobian
from scratchvae.checks.diagnosis.mistakes import not_finite, offset, transposed, wrong_shape, zero
from scratchvae.checks.diagnosis.regions import differences, region

__all__ = [
    "Comparison",
    "Diagnosis",
    "Evidence",
    "Jacobian",
    "agrees",
    "common_ratio",
    "differences",
    "factor",
    "factor_in_words",
    "fits",
    "not_finite",
    "offset",
    "region",
    "transposed",
    "wrong_shape",
    "zero",
]
