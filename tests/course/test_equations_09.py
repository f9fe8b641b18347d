"""The equations of lesson 9, "The ELBO", each against numbers got another way."""

import numpy as np
import pytest
from helpers import normal

from scratchvae.checks.bounds import importance_bound
from scratchvae.course.exercises.lesson_09 import (
    best_log_variance,
    elbo_from_draws,
    expected_squared_error,
    factor_m_step,
    factor_posterior,
)
from scratchvae.evaluation import LinearGaussian, sigma_points
from scratchvae.probability import (
    gaussian_log_density,
    kl_to_standard,
    multivariate_gaussian_log_density,
    standard_normal_log_density,
)


def model_and_images(latents=2, pixels=5, count=4, seed=0):
    model = LinearGaussian(
        normal(latents, pixels, seed=seed), normal(pixels, seed=seed + 1), 0.4 + 0.1 * seed
    )
    return model, normal(count, pixels, seed=seed + 2)


def log_joint(model, x, z):
    decoded = z @ model.weight + model.bias
    likelihood = gaussian_log_density(x, decoded, float(np.log(model.variance)))
    return likelihood + standard_normal_log_density(z)


def beside_the_posterior(model, x, seed=9):
    """Return mean and log-variance of a q that is wider than the posterior and not around it."""
    mean, covariance = model.posterior(x)
    log_variance = np.log(1.5 * np.diag(covariance)) + np.zeros_like(mean)
    return mean + 0.2 * normal(*mean.shape, seed=seed), log_variance


def test_the_evidence_is_the_integral_over_z():
    """eq. 9.2: the Gaussian of covariance WᵀW + cI is the joint density, integrated."""
    model, x = model_and_images(latents=1)
    z = np.linspace(-12, 12, 4001)
    joint = np.exp(log_joint(model, x, z[:, None, None]))
    evidence = joint.sum(axis=0) * (z[1] - z[0])
    np.testing.assert_allclose(np.log(evidence), model.log_likelihood(x), rtol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_joint_over_posterior_is_the_evidence_wherever_z_is(seed):
    """eq. 9.3: p(x, z) / p(z | x) is p(x) for every z."""
    model, x = model_and_images(latents=seed + 1, seed=seed)
    mean, covariance = model.posterior(x)
    z = 3 * normal(20, *mean.shape, seed=7)
    found = log_joint(model, x, z) - multivariate_gaussian_log_density(z, mean, covariance)
    np.testing.assert_allclose(found, np.tile(model.log_likelihood(x), (20, 1)), rtol=1e-9)


def test_the_mean_ratio_is_the_evidence_and_the_mean_logarithm_is_below_it():
    """eq. 9.4 and eq. 9.5: over draws from q, five standard errors of the mean allowed."""
    model, x = model_and_images()
    mean, log_variance = beside_the_posterior(model, x)
    draws = 40_000
    z = mean + np.exp(0.5 * log_variance) * normal(draws, *mean.shape, seed=5)
    decoded = z @ model.weight + model.bias
    logarithms = (
        gaussian_log_density(x, decoded, float(np.log(model.variance))),
        standard_normal_log_density(z),
        gaussian_log_density(z, mean, log_variance),
    )
    log_ratio = logarithms[0] + logarithms[1] - logarithms[2]
    exact = model.log_likelihood(x)
    ratio = np.exp(log_ratio - exact)
    error = ratio.std(axis=0) / np.sqrt(draws)
    assert (error < 0.05).all()
    assert (np.abs(np.exp(importance_bound(*logarithms) - exact) - 1) < 5 * error).all()
    bound = elbo_from_draws(*logarithms)
    error = log_ratio.std(axis=0) / np.sqrt(draws)
    assert (bound + 5 * error < exact).all()
    assert (np.abs(bound - model.elbo(x, mean, log_variance)) < 5 * error).all()


@pytest.mark.parametrize("seed", range(5))
def test_bound_and_gap_add_up_to_the_evidence(seed):
    """eq. 9.6: log p(x) = ELBO + KL(q ‖ posterior), for a q that is anything."""
    model, x = model_and_images(latents=seed % 3 + 1, seed=seed)
    mean, log_variance = normal(2, len(x), len(model.weight), seed=seed + 20)
    total = model.elbo(x, mean, log_variance) + model.gap(x, mean, log_variance)
    np.testing.assert_allclose(total, model.log_likelihood(x), rtol=1e-9)
    assert (model.gap(x, mean, log_variance) > 0).all()


@pytest.mark.parametrize("latents", [1, 2, 4])
def test_sigma_points_give_the_mean_of_a_quadratic_function(latents):
    """eq. 9.7: f(z) = a + g·z + z A zᵀ has the mean f(m) + Σ A S."""
    mean, log_variance = normal(2, 3, latents)
    constant, slope, square = 0.7, normal(latents, seed=2), normal(latents, latents, seed=3)
    z = mean + np.exp(0.5 * log_variance) * sigma_points(3, latents)

    def quadratic(z):
        return constant + z @ slope + ((z @ square) * z).sum(axis=-1)

    expected = quadratic(mean) + np.exp(log_variance) @ np.diag(square)
    np.testing.assert_allclose(quadratic(z).mean(axis=0), expected, rtol=1e-12)


def test_the_bound_is_reconstruction_less_the_kl_to_the_prior():
    """eq. 9.8: with the mean of log p(x | z) taken over sigma points, which is exact."""
    model, x = model_and_images(latents=3)
    mean, log_variance = beside_the_posterior(model, x)
    z = mean + np.exp(0.5 * log_variance) * sigma_points(len(x), 3)
    decoded = z @ model.weight + model.bias
    reconstruction = gaussian_log_density(x, decoded, float(np.log(model.variance))).mean(axis=0)
    bound = reconstruction - kl_to_standard(mean, log_variance)
    np.testing.assert_allclose(model.elbo(x, mean, log_variance), bound, rtol=1e-12)


def test_the_mean_squared_error_under_q():
    """eq. 9.9: for a diagonal q by sigma points, for a full covariance by draws."""
    model, x = model_and_images(latents=3)
    mean, log_variance = beside_the_posterior(model, x)
    shared = log_variance[0]
    z = mean + np.exp(0.5 * shared) * sigma_points(len(x), 3)
    squares = ((x - model.bias - z @ model.weight) ** 2).sum(axis=-1).mean(axis=0)
    given = x, model.weight, model.bias, mean
    found = expected_squared_error(*given, np.diag(np.exp(shared)))
    np.testing.assert_allclose(found, squares, rtol=1e-12)
    root = normal(3, 3, seed=4)
    z = mean + normal(40_000, len(x), 3, seed=5) @ root.T
    squares = ((x - model.bias - z @ model.weight) ** 2).sum(axis=-1)
    error = squares.std(axis=0) / 200
    found = expected_squared_error(*given, root @ root.T)
    assert (np.abs(found - squares.mean(axis=0)) < 5 * error).all()


def test_the_best_diagonal_q_has_the_diagonal_of_the_precision():
    """eq. 9.10: it is 1 / (S⁻¹)ⱼⱼ, and no other width of any latent has as large a bound."""
    model, x = model_and_images(latents=3)
    mean, covariance = model.posterior(x)
    best = best_log_variance(model.weight, model.variance)
    np.testing.assert_allclose(np.exp(-best), np.diag(np.linalg.inv(covariance)))
    top = model.elbo(x, mean, best + np.zeros_like(mean))
    for latent in range(3):
        for step in (-1e-3, 1e-3):
            other = best + step * np.eye(3)[latent]
            assert (model.elbo(x, mean, other + np.zeros_like(mean)) < top).all()


def test_the_evidence_never_falls_in_em_and_reaches_its_maximum():
    """eq. 9.12, eq. 9.14 and eq. 9.15: EM on probabilistic PCA ends at the closed form."""
    spreads = np.array([3.0, 1.5, 0.4, 0.4, 0.3, 0.3])  # far apart, or the last digits take long
    x = normal(60, 6, seed=1) * spreads @ np.linalg.qr(normal(6, 6, seed=2))[0]
    x -= x.mean(axis=0)
    weight, variance, before = 0.1 * normal(2, 6, seed=4), 1.0, -np.inf
    for _ in range(400):
        model = LinearGaussian(weight, np.zeros(6), variance)
        now = model.log_likelihood(x).mean()
        assert now >= before - 1e-11  # a sum of 60 logarithms is rounded by about 1e-13
        before = now
        mean, covariance = factor_posterior(x, weight, np.zeros(6), np.full(6, variance))
        np.testing.assert_allclose(covariance, model.posterior(x)[1])
        weight, variances = factor_m_step(x, mean, covariance)
        variance = variances.mean()
    best = LinearGaussian.most_likely(x, 2)
    assert now == pytest.approx(best.log_likelihood(x).mean(), rel=1e-9)
    assert variance == pytest.approx(best.variance, rel=1e-6)


def test_the_m_step_is_the_top_of_the_bound():
    """eq. 9.14 and eq. 9.15: moving any parameter of the M step lowers the mean of log p(x, z)."""
    x, mean, root = normal(30, 5), normal(30, 2, seed=1), normal(2, 2, seed=2)
    covariance = root @ root.T

    def objective(weight, variances):
        z = mean + np.sqrt(2) * np.concatenate([root.T, -root.T])[:, None, :]
        return gaussian_log_density(x, z @ weight, np.log(variances) + np.zeros_like(x)).mean()

    weight, variances = factor_m_step(x, mean, covariance)
    top, top_shared = objective(weight, variances), objective(weight, np.full(5, variances.mean()))
    assert top > top_shared
    for index in np.ndindex(weight.shape):
        for step in (-1e-3, 1e-3):
            moved = weight.copy()
            moved[index] += step
            assert objective(moved, variances) < top
            assert objective(moved, np.full(5, variances.mean())) < top_shared
    for factor in (0.999, 1.001):
        assert objective(weight, np.full(5, factor * variances.mean())) < top_shared
        for pixel in range(5):
            assert objective(weight, np.where(np.arange(5) == pixel, factor, 1) * variances) < top


def test_the_model_and_its_maximum():
    """eq. 9.1, eq. 9.11, eq. 9.13, eq. 9.16: EM's function has its top where they say."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((300, 2)) @ rng.standard_normal((2, 6))
    x += 0.3 * rng.standard_normal(x.shape)
    x -= x.mean(axis=0)
    best = LinearGaussian.most_likely(x, 2)
    spectrum = np.linalg.eigvalsh(x.T @ x / len(x))[::-1]
    assert best.variance == pytest.approx(spectrum[2:].mean())  # eq. 9.16
    kept = np.sort((best.weight**2).sum(axis=1))[::-1]
    np.testing.assert_allclose(kept, spectrum[:2] - best.variance)
    level = -0.5 * (
        6 * np.log(2 * np.pi)
        + (np.log(spectrum[:2]) + 1).sum()
        + 4 * np.log(best.variance)
        + spectrum[2:].sum() / best.variance
    )
    assert best.log_likelihood(x).mean() == pytest.approx(level)
    mean, covariance = best.posterior(x)
    q = mean, np.log(np.diag(covariance)) * np.ones_like(mean)
    # eq. 9.11: with the posterior for q the bound is the evidence; the rows of W are orthogonal.
    np.testing.assert_allclose(best.elbo(x, *q), best.log_likelihood(x))
    for other in (1.02 * best.weight, best.weight + 0.01):  # eq. 9.13: no other W is better
        moved = LinearGaussian(other, best.bias, best.variance)
        assert moved.elbo(x, *q).mean() < best.elbo(x, *q).mean()
