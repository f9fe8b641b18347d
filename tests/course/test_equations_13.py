"""The equations of lesson 13, "What the KL buys", each against numbers got another way."""

import numpy as np
import pytest
from scipy import stats

from scratchvae.course.program import aggregate_log_density, effective_number, kl_to_standard


def test_effective_number():
    """eq. 13.1: equal shares count fully, and it is the exponential of SciPy's entropy."""
    assert effective_number(np.array([5, 5, 0, 5])) == pytest.approx(3)
    counts = np.array([1, 2, 7, 0])
    assert effective_number(counts) == pytest.approx(np.exp(stats.entropy(counts)))


def test_aggregate_posterior_and_the_two_parts_of_the_kl():
    """eq. 13.2, eq. 13.3: by quadrature in one dimension."""
    mean, log_variance = np.array([[-1.0], [0.5], [2.0]]), np.array([[-1.0], [0.3], [-2.0]])
    grid = np.linspace(-9, 9, 20_001)[:, None]
    sd = np.exp(log_variance / 2)
    each = stats.norm.pdf(grid, mean.T, sd.T)  # (grid, images)
    aggregate = each.mean(axis=1)
    log_density = aggregate_log_density(grid, mean, log_variance)
    np.testing.assert_allclose(np.exp(log_density), aggregate, rtol=1e-10, atol=1e-300)
    prior = stats.norm.pdf(grid[:, 0])

    def divergence(q, p):
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = np.where(q > 0, q * (np.log(q) - np.log(p)), 0)
        return np.trapezoid(terms, grid[:, 0])

    information = np.mean([divergence(each[:, n], aggregate) for n in range(3)])
    mismatch = divergence(aggregate, prior)
    # The trapezoid rule is exact to rounding for what vanishes at both ends.
    assert information + mismatch == pytest.approx(kl_to_standard(mean, log_variance).mean())
    assert 0 < information < np.log(3)
