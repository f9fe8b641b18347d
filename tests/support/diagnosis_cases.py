"""Given arrays beside expected ones, for tests of what is said about them."""

import numpy as np

from scratchvae.checks.diagnosis import Comparison, Evidence

NAN, INF = np.nan, np.inf
TOLERANCE = 1e-6  # far above rounding, far below any factor here


def evidence(*pairs, counts=None, **arguments):
    """Return the evidence of pairs of a given and an expected array, exact but for rounding."""
    counts = counts or [{}] * len(pairs)
    comparisons = [
        Comparison(np.asarray(given, float), np.asarray(expected, float), arguments, count)
        for (given, expected), count in zip(pairs, counts, strict=True)
    ]
    return Evidence(comparisons, tolerance=TOLERANCE, allowed=TOLERANCE)
