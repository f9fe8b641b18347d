"""The numbered equations of lesson 6, "Probability", against the package."""

import numpy as np
import pytest
from scipy import stats

from scratchvae.course.exercises.lesson_06 import (
    kl_categorical,
    kl_estimate,
    log_mean_exp,
    mixture_moments,
    posterior_of_causes,
)
from scratchvae.evaluation.importance import LogMeanExp
from scratchvae.probability import (
    bernoulli_log_density,
    gaussian_log_density,
    kl_diagonal,
    kl_to_standard,
)

# A smooth density that vanishes at both ends: the trapezoid rule is exact to rounding there.
GRID = np.linspace(-15, 15, 6001)


def expectation(density, function):
    return float(np.trapezoid(density * function, GRID))


def normal_density(mean, deviation):
    return stats.norm.pdf(GRID, mean, deviation)


def test_moments_of_a_mixture_are_its_integrals():
    """eq. 6.1, eq. 6.2, eq. 6.3: expectations, the variance, the marginal over a cause."""
    rng = np.random.default_rng(0)
    weights, means = rng.dirichlet(np.ones(3)), rng.normal(0, 2, 3)
    variances = rng.uniform(0.2, 1.5, 3)
    densities = [normal_density(m, np.sqrt(v)) for m, v in zip(means, variances, strict=True)]
    marginal = weights @ np.array(densities)
    mean, variance = mixture_moments(weights, means, variances)
    assert expectation(marginal, 1) == pytest.approx(1, rel=1e-12)
    assert expectation(marginal, GRID) == pytest.approx(mean, rel=1e-10)
    assert expectation(marginal, (GRID - mean) ** 2) == pytest.approx(variance, rel=1e-10)
    each = [expectation(density, np.cos(GRID)) for density in densities]
    assert expectation(marginal, np.cos(GRID)) == pytest.approx(weights @ each, rel=1e-10)


def test_the_posterior_of_causes_is_what_counting_gives():
    """eq. 6.3, eq. 6.4: the evidence and Bayes' rule, against a table of counts."""
    counts = np.random.default_rng(0).integers(1, 50, (4, 3))  # images x, causes z
    prior = counts.sum(axis=0) / counts.sum()
    likelihood = counts / counts.sum(axis=0)  # p(x | z)
    np.testing.assert_allclose((likelihood * prior).sum(axis=1), counts.sum(axis=1) / counts.sum())
    posterior = posterior_of_causes(np.log(prior), np.log(likelihood))
    np.testing.assert_allclose(posterior, counts / counts.sum(axis=1, keepdims=True))
    far = posterior_of_causes(np.log(prior), np.log(likelihood) - 5000)
    np.testing.assert_allclose(far, posterior, rtol=1e-11)  # 5000 costs four digits of sixteen


def test_log_densities_add_up_over_coordinates():
    """eq. 6.5, eq. 6.6: the Gaussian against SciPy, and sums for independent coordinates."""
    rng = np.random.default_rng(0)
    x, mean, log_variance = rng.normal(size=(3, 7, 5))
    each = stats.norm.logpdf(x, mean, np.exp(log_variance / 2))
    np.testing.assert_allclose(gaussian_log_density(x, mean, log_variance), each.sum(axis=1))
    product = np.log(np.exp(each).prod(axis=1))
    np.testing.assert_allclose(gaussian_log_density(x, mean, log_variance), product)
    pixels, logits = rng.integers(0, 2, (7, 5)).astype(float), rng.normal(size=(7, 5))
    each = stats.bernoulli.logpmf(pixels, 1 / (1 + np.exp(-logits)))
    np.testing.assert_allclose(bernoulli_log_density(pixels, logits), each.sum(axis=1))


@pytest.mark.parametrize("shift", [-5000.0, 0.0, 5000.0])
def test_log_sum_exp_shifts_with_its_arguments(shift):
    """eq. 6.7: the running mean of the package and the plain sum, near and far."""
    a = np.random.default_rng(0).normal(0, 3, (20, 4))
    expected = np.log(np.exp(a).sum(axis=0)) + shift - np.log(20)
    running = LogMeanExp(4)
    for piece in np.split(a + shift, [3, 11]):
        running.add(piece)
    np.testing.assert_allclose(running.log_mean(), expected)
    np.testing.assert_allclose(log_mean_exp(a + shift), expected)


def test_the_divergence_is_the_expected_log_ratio():
    """eq. 6.8: the closed form against the integral, in both orders."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        (m1, m2), (s1, s2) = rng.normal(size=2), rng.uniform(0.6, 1.4, 2)
        integral = expectation(
            normal_density(m1, s1),
            stats.norm.logpdf(GRID, m1, s1) - stats.norm.logpdf(GRID, m2, s2),
        )
        arguments = [np.array([[v]]) for v in (m1, 2 * np.log(s1), m2, 2 * np.log(s2))]
        assert kl_diagonal(*arguments)[0] == pytest.approx(integral, rel=1e-9)
        turned = kl_diagonal(*arguments[2:], *arguments[:2])[0]
        assert abs(turned - integral) > 1e-3  # not symmetric


def test_the_logarithm_is_below_its_tangent():
    """eq. 6.9: log t ≤ t − 1, with equality only at 1."""
    t = np.geomspace(1e-12, 1e12, 2001)
    off = np.abs(t - 1) > 1e-9
    assert off.sum() == 2000
    assert (np.log(t)[off] < t[off] - 1).all()
    assert np.log(1.0) == 0


def test_divergences_are_never_negative():
    """eq. 6.10: over random pairs, and 0 for equal ones."""
    rng = np.random.default_rng(0)
    q, p = rng.dirichlet(np.ones(6), (2, 2000))
    q[::2, 3] = 0
    q /= q.sum(axis=1, keepdims=True)
    assert (kl_categorical(q, p) > 0).all()
    np.testing.assert_array_equal(kl_categorical(p, p), 0)
    # Each step of the proof: −KL ≤ E_q[p/q − 1] = (what p has where q > 0) − 1 ≤ 0.
    ratio = np.divide(p, q, out=np.zeros_like(p), where=q > 0)
    middle = (q * (ratio - 1)).sum(axis=1)
    assert (-kl_categorical(q, p) <= middle).all()
    np.testing.assert_allclose(middle, (p * (q > 0)).sum(axis=1) - 1, atol=1e-14)
    arguments = rng.normal(size=(4, 2000, 3))
    assert (kl_diagonal(*arguments) > 0).all()
    assert (kl_diagonal(*arguments[:2], *arguments[:2]) == 0).all()


def test_monte_carlo_is_unbiased_with_the_error_that_it_states():
    """eq. 6.11, eq. 6.12: 2,000 estimates of one divergence from 100 draws each."""
    rng = np.random.default_rng(0)
    mean, log_variance = rng.normal(size=(2, 1, 4))
    eps = rng.standard_normal((100, 2000, 4))
    z = mean + np.exp(log_variance / 2) * eps
    log_q = gaussian_log_density(z, mean, log_variance)
    log_p = gaussian_log_density(z, np.zeros_like(mean), 0.0)
    estimate, error = kl_estimate(log_q, log_p)
    truth = kl_to_standard(mean, log_variance)[0]
    spread = estimate.std()
    assert abs(estimate.mean() - truth) < 4.5 * spread / np.sqrt(2000)
    # A standard deviation from 2,000 values is known to 1/√4000 = 1.6 %: 4.5 of these.
    one_draw = (log_q - log_p).std()
    assert spread == pytest.approx(one_draw / 10, rel=0.071)
    assert np.sqrt((error**2).mean()) == pytest.approx(spread, rel=0.071)
    # 95.4 % of Gaussian estimates are within two errors; √(0.954 · 0.046 / 2000) = 0.5 %, 4.5 of
    # these, and 0.6 % for errors that are themselves estimated from 100 draws.
    assert (np.abs(estimate - truth) < 2 * error).mean() == pytest.approx(0.954, abs=0.029)
