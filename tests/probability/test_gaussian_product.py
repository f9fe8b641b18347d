"""The product of two Gaussians: against the product of their densities, and by differences."""

import numpy as np
import pytest
from helpers import each_dtype, normal
from scipy import stats

from scratchvae.checks.gradients import check_gradients
from scratchvae.probability import gaussian_product, gaussian_product_backward

NAMES = ("mean_1", "log_variance_1", "mean_2", "log_variance_2")


def factors(dtype=np.float64):
    return dict(zip(NAMES, normal(4, 3, 5, seed=2).astype(dtype), strict=True))


def test_it_is_proportional_to_the_product_of_the_densities():
    arrays = factors()
    found = gaussian_product(**arrays)

    def log_density(z, mean, log_variance):
        return stats.norm.logpdf(z, mean, np.exp(0.5 * log_variance))

    ratios = [
        log_density(z, arrays["mean_1"], arrays["log_variance_1"])
        + log_density(z, arrays["mean_2"], arrays["log_variance_2"])
        - log_density(z, found.mean, found.log_variance)
        for z in (-2.0, 0.3, 1.5)
    ]
    np.testing.assert_allclose(ratios[1:], [ratios[0]] * 2, rtol=1e-9, atol=1e-9)


def test_equal_opinions_halve_the_variance_and_a_vague_one_counts_for_nothing():
    mean, log_variance = normal(2, 3), normal(2, 3, seed=1)
    found = gaussian_product(mean, log_variance, mean, log_variance)
    np.testing.assert_allclose(found.mean, mean)
    np.testing.assert_allclose(found.log_variance, log_variance - np.log(2))
    for vague in (60.0, 800.0):
        found = gaussian_product(mean, log_variance, mean + 5, np.full((2, 3), vague))
        np.testing.assert_allclose(found.mean, mean, rtol=1e-12)
        np.testing.assert_allclose(found.log_variance, log_variance, rtol=1e-12)


def test_its_gradients_are_the_slopes():
    arrays = factors()
    d_mean, d_log_variance = normal(2, 3, 5, seed=3)

    def value():
        mean, log_variance = gaussian_product(**arrays)
        return float((mean * d_mean + log_variance * d_log_variance).sum())

    gradients = gaussian_product_backward(d_mean, d_log_variance, **arrays)._asdict()
    report = check_gradients("product", value, arrays, gradients, rng=np.random.default_rng(0))
    assert report.passed, report


@each_dtype
@pytest.mark.parametrize("part", ["mean", "log_variance"])
def test_it_keeps_the_dtype(dtype, part):
    arrays = factors(dtype)
    assert getattr(gaussian_product(**arrays), part).dtype == dtype
    gradients = gaussian_product_backward(*normal(2, 3, 5).astype(dtype), **arrays)
    assert {array.dtype for array in gradients} == {np.dtype(dtype)}
