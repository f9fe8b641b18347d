"""The numbered equations of lesson 7, "Latent variables", against the package."""

import numpy as np
import pytest
from exact_cases import linear_vae
from scipy import integrate, stats

from scratchvae.course.exercises.lesson_07 import (
    draw_images,
    draws_needed,
    importance_estimate,
    log_evidence,
    log_weights,
)
from scratchvae.course.program import (
    VAE,
    Bernoulli,
    Dense,
    Sequential,
    Tanh,
    estimate_log_evidence,
)
from scratchvae.evaluation import (
    LinearGaussian,
    estimate_log_likelihood,
    log_likelihood_by_quadrature,
)

PIXELS = 5


def model_of(latents, variance=0.3, seed=0):
    """Return a linear model whose posterior has independent latents, and four images of it."""
    rng = np.random.default_rng(seed)
    directions = np.linalg.qr(rng.normal(size=(PIXELS, PIXELS)))[0][:latents]
    model = LinearGaussian(
        directions * np.linspace(0.8, 1.2, latents)[:, None], rng.normal(size=PIXELS), variance
    )
    z, eps = rng.normal(size=(4, latents)), rng.normal(size=(4, PIXELS))
    return model, draw_images(model.weight, model.bias, variance, z, eps)


def log_pixels(model, x, z):
    """Return log p(x | z) of x (N, P) for z (K, D) or (K, N, D), by SciPy: (K, N)."""
    decoded = z @ model.weight + model.bias
    decoded = decoded if decoded.ndim == 3 else decoded[:, None]
    return stats.norm.logpdf(x, decoded, np.sqrt(model.variance)).sum(axis=-1)


def test_drawn_images_have_the_moments_of_the_marginal():
    """eq. 7.1, eq. 7.4: two-step draws against the mean b and the covariance WᵀW + cI."""
    model, _ = model_of(2)
    rng, count = np.random.default_rng(1), 200_000
    z, eps = rng.normal(size=(count, 2)), rng.normal(size=(count, PIXELS))
    x = draw_images(model.weight, model.bias, model.variance, z, eps)
    deviations = np.sqrt(np.diag(model.covariance))
    assert (np.abs(x.mean(axis=0) - model.bias) < 4.5 * deviations / np.sqrt(count)).all()
    # An entry of a sample covariance has a standard error of at most √2 σᵢ σⱼ / √n.
    allowed = 4.5 * np.sqrt(2 / count) * np.outer(deviations, deviations)
    assert (np.abs(np.cov(x.T) - model.covariance) < allowed).all()


def test_the_evidence_is_the_integral_over_the_latents():
    """eq. 7.2, eq. 7.4, eq. 7.5: adaptive integration, the grid, and the closed form."""
    vae = linear_vae(PIXELS, 1, 0.3)
    x = np.random.default_rng(0).normal(size=(4, PIXELS, 1, 1))
    model, rows = LinearGaussian.of(vae), x[..., 0, 0]
    closed = log_evidence(rows, model.weight, model.bias, model.variance)
    np.testing.assert_allclose(model.log_likelihood(x), closed)
    np.testing.assert_allclose(log_likelihood_by_quadrature(vae, x), closed)
    for row, log_p in zip(rows, closed, strict=True):

        def joint(z, row=row):
            latent = np.array([[z]])
            return np.exp(log_pixels(model, row, latent)[0, 0]) * stats.norm.pdf(z)

        # quad promises 1.5e-8.
        assert integrate.quad(joint, -12, 12)[0] == pytest.approx(np.exp(log_p), rel=1e-7)


def test_draws_from_the_prior_are_unbiased_with_the_variance_of_the_closed_form():
    """eq. 7.6, eq. 7.7: the mean and the mean square of p(x | z) under the prior."""
    model, x = model_of(2, variance=1.0)
    z = np.random.default_rng(1).normal(size=(400_000, 2))
    ratio = np.exp(log_pixels(model, x, z) - model.log_likelihood(x))
    square = (
        -0.5 * PIXELS * np.log(4 * np.pi * model.variance)
        + log_evidence(x, model.weight, model.bias, model.variance / 2)
        - 2 * model.log_likelihood(x)
    )
    # The likelihood is bounded, so that both means have finite standard errors: 4.5 of these.
    for values, expected in ((ratio, 1.0), (ratio**2, np.exp(square))):
        error = values.std(axis=0) / np.sqrt(len(z))
        assert (np.abs(values.mean(axis=0) - expected) < 4.5 * error).all()
        assert (error < 0.02 * values.mean(axis=0)).all()  # and they are small enough to tell


@pytest.mark.parametrize("latents", [1, 3])
def test_the_prior_is_one_of_the_gaussian_proposals(latents):
    """eq. 7.7, eq. 7.11: two ways to the variance of draws from the prior."""
    model, x = model_of(latents)
    mean, covariance = model.posterior(x)
    posterior_variance = np.tile(np.diag(covariance), (len(x), 1))
    ours = draws_needed(mean, posterior_variance, 0 * mean, np.ones_like(mean), 0.1)
    square = (
        -0.5 * PIXELS * np.log(4 * np.pi * model.variance)
        + log_evidence(x, model.weight, model.bias, model.variance / 2)
        - 2 * model.log_likelihood(x)
    )
    np.testing.assert_allclose(ours, np.expm1(square) / 0.1**2)


def test_weights_are_the_joint_over_the_proposal():
    """eq. 7.8: the package's log-weights of a VAE, and the integral of w q."""
    vae = linear_vae(PIXELS, 1, 0.3)
    model = LinearGaussian.of(vae)
    rng = np.random.default_rng(0)
    x, eps = rng.normal(size=(4, PIXELS, 1, 1)), rng.normal(size=(7, 4, 1))
    mean, log_variance = vae.encode_distribution(x)
    z = mean + np.exp(log_variance / 2) * eps
    log_w = log_weights(log_pixels(model, x[..., 0, 0], z), z, mean, log_variance)
    np.testing.assert_allclose(vae.log_weights(x, eps), log_w)
    grid = np.linspace(-12, 12, 4001)[:, None]
    total = np.tile(grid[:, None], (1, 4, 1))
    log_w = log_weights(log_pixels(model, x[..., 0, 0], grid), total, mean, log_variance)
    q = stats.norm.pdf(total[..., 0], mean[:, 0], np.exp(log_variance[:, 0] / 2))
    integral = np.trapezoid(np.exp(log_w) * q, grid[:, 0], axis=0)
    np.testing.assert_allclose(np.log(integral), model.log_likelihood(x))


def test_draws_from_the_posterior_all_weigh_the_evidence():
    """eq. 7.10: the weights of the perfect proposal do not vary."""
    model, x = model_of(3)
    mean, covariance = model.posterior(x)
    log_variance = np.tile(np.log(np.diag(covariance)), (len(x), 1))
    z = mean + np.exp(log_variance / 2) * np.random.default_rng(1).normal(size=(6, len(x), 3))
    log_w = log_weights(log_pixels(model, x, z), z, mean, log_variance)
    np.testing.assert_allclose(log_w, np.tile(model.log_likelihood(x), (6, 1)))
    estimate, bias = importance_estimate(log_w)
    np.testing.assert_allclose(estimate, model.log_likelihood(x))
    np.testing.assert_allclose(bias, 0, atol=1e-20)


def off_weights(scale, offset, draws, seed=1):
    """Return weights / p(x), (draws, N), and Var[w] / p² for a proposal off the posterior."""
    model, x = model_of(2)
    mean, covariance = model.posterior(x)
    variance = np.tile(np.diag(covariance), (len(x), 1))
    q_mean, q_variance = mean + offset * np.sqrt(variance), scale * variance
    eps = np.random.default_rng(seed).normal(size=(draws, len(x), 2))
    z = q_mean + np.sqrt(q_variance) * eps
    log_w = log_weights(log_pixels(model, x, z), z, q_mean, np.log(q_variance))
    relative = draws_needed(mean, variance, q_mean, q_variance, 1.0)
    return np.exp(log_w - model.log_likelihood(x)), relative


@pytest.mark.parametrize(("scale", "offset"), [(1.5, 0.5), (3.0, -0.4), (1.0, 0.6)])
def test_estimates_are_unbiased_and_vary_as_the_proposal_says(scale, offset):
    """eq. 7.9, eq. 7.11: the mean of the weights, and their variance, over 100,000 draws."""
    weights, relative = off_weights(scale, offset, 100_000)
    error = weights.std(axis=0) / np.sqrt(len(weights))
    assert (np.abs(weights.mean(axis=0) - 1) < 4.5 * error).all()
    square_error = (weights**2).std(axis=0) / np.sqrt(len(weights))
    off = (weights**2).mean(axis=0) - 1 - relative
    assert (np.abs(off) < 4.5 * square_error).all()
    # Estimates from K = 50 draws have a fiftieth of that variance. The four images are alike,
    # relative to p: together their 8,000 squares have a mean that is near enough to Gaussian.
    squares = (weights.reshape(50, 2000, -1).mean(axis=0) - 1) ** 2
    off = squares.mean() - relative[0] / 50
    assert abs(off) < 4.5 * squares.std() / np.sqrt(squares.size)


def test_a_proposal_of_half_the_variance_never_has_enough_draws():
    """eq. 7.11: the integral of posterior² / proposal, finite only above one half."""
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    for scale, delta in ((0.6, 0.3), (1.0, -0.7), (4.0, 1.1)):

        def integrand(t, scale=scale, delta=delta):
            log_q = stats.norm.logpdf(t, delta, np.sqrt(scale))
            return np.exp(2 * stats.norm.logpdf(t) - log_q)

        integral = integrate.quad(integrand, -30, 30)[0]
        needed = draws_needed(zero, one, delta * one, scale * one, 1.0)
        assert needed[0] == pytest.approx(integral - 1, rel=1e-6)
    for scale in (0.5, 0.2):
        assert np.isinf(draws_needed(zero, one, zero, scale * one, 1.0)[0])


def test_the_logarithm_is_too_low_by_half_the_relative_variance():
    """eq. 7.12, eq. 7.13: 80,000 estimates from K = 1 and from K = 40 draws each."""
    weights, relative = off_weights(1.5, 0.5, 40 * 20_000)  # of four images: alike, relative to p
    for count in (1, 40):
        log_p = np.log(weights.reshape(count, -1, 4).mean(axis=0))[:20_000]
        bias, error = log_p.mean(), log_p.std() / np.sqrt(log_p.size)
        assert bias < -4.5 * error
    predicted = -relative[0] / (2 * 40)
    # What is left out is smaller by a few times Var[w] / K p² = 1 %; in addition, 4.5 errors.
    assert abs(bias - predicted) < 4.5 * error + 3 * relative[0] / 40 * abs(predicted)
    assert 4.5 * error < 0.4 * abs(predicted)  # so that twice as much, or none, would be noticed
    stated = importance_estimate(np.log(weights[:100_000]))[1]
    np.testing.assert_allclose(stated, -relative / 200_000, rtol=0.05)  # Var[w] to 1 or 2 %


def test_the_package_states_the_same_bias_as_the_exercise():
    """eq. 7.9, eq. 7.13: estimate_log_likelihood against the formulas, on its own draws."""
    vae = linear_vae(PIXELS, 2, 0.3)
    x = np.random.default_rng(0).normal(size=(3, PIXELS, 1, 1))
    seen = []
    inner = vae.log_weights_under
    vae.log_weights_under = lambda *a: seen.append(inner(*a)) or seen[-1]
    estimate = estimate_log_likelihood(vae, x, 200)
    log_p, bias = importance_estimate(np.concatenate(seen))
    np.testing.assert_allclose(estimate.log_likelihood, log_p)
    assert estimate.bias == pytest.approx(-bias.mean(), rel=1e-9)


def test_maximum_likelihood_is_a_divergence_from_the_data():
    """eq. 7.3: the KL from data to model is minus the mean log-likelihood, up to a constant."""
    rng = np.random.default_rng(8)
    data = rng.dirichlet(np.ones(6))
    models = rng.dirichlet(np.ones(6), size=4)
    likelihoods = np.log(models) @ data
    divergences = (data * (np.log(data) - np.log(models))).sum(axis=1)
    constant = (data * np.log(data)).sum()
    np.testing.assert_allclose(divergences, constant - likelihoods)
    estimate = estimate_log_evidence(
        VAE(
            Sequential(Dense(5, 3, rng), Tanh(), Dense(3, 4, rng)),
            Sequential(Dense(2, 3, rng), Tanh(), Dense(3, 5, rng)),
            Bernoulli(),
            2,
        ),
        np.ones((1, 5)),
        4000,
        rng,
    )
    assert -20 < estimate[0] < 0  # the logarithm of a probability of one of 32 images
