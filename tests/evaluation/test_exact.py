"""log p(x) in closed form and by quadrature, and the package's own bound compared with it."""

import numpy as np
import pytest
from exact_cases import linear_vae
from helpers import normal, refused, small_vae

from scratchvae.evaluation.exact import LinearGaussian, log_likelihood_by_quadrature, sigma_points
from scratchvae.layers import Dense, Flatten, Reshape, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood


def test_the_bound_is_below_log_p_by_the_kl_to_the_posterior_in_100_models():
    largest = 0.0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        latent_dim, pixels = int(rng.integers(1, 5)), int(rng.integers(5, 12))
        vae = linear_vae(pixels, latent_dim, float(rng.uniform(0.05, 2)), seed, bool(seed % 2))
        for parameter in vae.parameters.values():
            parameter.value[...] = rng.normal(0, rng.uniform(0.1, 1), parameter.value.shape)
        x = rng.normal(0, 1, (3, pixels, 1, 1))
        # The bound is what the package's own forward pass says, its mean over z taken exactly.
        vae.forward(x, sigma_points(3, latent_dim), training=False)
        reconstruction, kl = vae.terms
        bound = -(reconstruction + kl + vae.likelihood.omitted_constant(pixels))
        exact = LinearGaussian.of(vae)
        q = vae.encode_distribution(x)
        difference = exact.log_likelihood(x) - bound - exact.gap(x, *q)
        largest = max(largest, float(np.abs(difference).max()))
        np.testing.assert_allclose(exact.elbo(x, *q), bound, rtol=1e-10)
    assert largest <= 1e-8


def test_the_bound_with_the_posterior_as_q_is_log_p():
    model = LinearGaussian.most_likely(normal(60, 6), 2)
    x = normal(5, 6, seed=1)
    mean, covariance = model.posterior(x)
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-12)
    log_variance = np.tile(np.log(np.diag(covariance)), (5, 1))
    np.testing.assert_allclose(model.elbo(x, mean, log_variance), model.log_likelihood(x))
    np.testing.assert_allclose(model.gap(x, mean, log_variance), 0, atol=1e-12)


def test_most_likely_has_the_largest_likelihood():
    x = normal(80, 5) @ normal(5, 5, seed=1)
    best = LinearGaussian.most_likely(x, 2)
    top = best.log_likelihood(x).mean()
    # The maximum in Tipping and Bishop's own form, from the eigenvalues alone.
    spread = np.linalg.eigvalsh(np.cov(x.T, bias=True))[::-1]
    noise = spread[2:].mean()
    expected = np.log(spread[:2]).sum() + 3 * np.log(noise) + 5 * np.log(2 * np.pi) + 5
    assert top == pytest.approx(-0.5 * expected)
    fixed = LinearGaussian.most_likely(x, 2, variance=0.3)
    for seed in range(20):
        rng = np.random.default_rng(seed)

        def near(array, rng=rng):
            return array + 0.03 * rng.standard_normal(array.shape)

        other = LinearGaussian(
            near(best.weight), near(best.bias), best.variance * np.exp(rng.normal(0, 0.05))
        )
        assert other.log_likelihood(x).mean() < top
        other = LinearGaussian(near(fixed.weight), near(fixed.bias), 0.3)
        assert other.log_likelihood(x).mean() < fixed.log_likelihood(x).mean()


def test_training_reaches_the_maximum_of_the_likelihood():
    x = (normal(400, 6) * [2.0, 1.5, 0.6, 0.5, 0.5, 0.4]) @ np.linalg.qr(normal(6, 6, seed=1))[0]
    x = (x + 1).reshape(400, 6, 1, 1)
    best = LinearGaussian.most_likely(x, 2)
    vae = linear_vae(6, 2, best.variance)
    start = LinearGaussian.of(vae).log_likelihood(x).mean()
    options = {"learning_rate": 0.02, "schedule": "cosine", "batch_size": 100, "epochs": 200}
    vae.fit(x, progress=False, **options)
    trained = LinearGaussian.of(vae)
    top = best.log_likelihood(x).mean()
    assert start < top - 1
    assert top - 0.1 < trained.log_likelihood(x).mean() <= top
    bound = trained.elbo(x, *vae.encode_distribution(x)).mean()
    assert top - 0.1 < bound <= top


# Quadrature.


def test_quadrature_agrees_with_the_closed_form():
    vae = linear_vae(5, 1, 0.3, seed=2)
    x = normal(4, 5, 1, 1)
    exact = LinearGaussian.of(vae).log_likelihood(x)
    np.testing.assert_allclose(log_likelihood_by_quadrature(vae, x), exact, rtol=1e-10)


@pytest.mark.parametrize("likelihood", [BernoulliLikelihood(), GaussianLikelihood(0.1)], ids=repr)
def test_quadrature_of_a_curved_decoder_has_converged_and_is_above_the_bound(likelihood):
    vae = small_vae(likelihood, latent_dim=1, hidden=4, samples=200)
    for name, parameter in vae.parameters.items():
        if "decoder" in name:
            parameter.value *= 3
    x = (normal(3, 3, 5, 1) > 0).astype(np.float64)
    exact = log_likelihood_by_quadrature(vae, x)
    np.testing.assert_allclose(log_likelihood_by_quadrature(vae, x, points=2001), exact)
    assert (vae.elbo(x) < exact).all()


def test_probabilities_of_all_images_by_quadrature_add_up_to_one():
    options = {"rng": np.random.default_rng(0), "dtype": np.float64}
    vae = VAE(
        Sequential(Flatten(), Dense(3, 2, **options)),
        Sequential(Dense(1, 4, **options), Tanh(), Dense(4, 3, **options), Reshape((3, 1, 1))),
        BernoulliLikelihood(),
        image_shape=(3, 1, 1),
        latent_dim=1,
    )
    images = np.array([[i >> bit & 1 for bit in range(3)] for i in range(8)], dtype=np.float64)
    total = np.exp(log_likelihood_by_quadrature(vae, images)).sum()
    assert total == pytest.approx(1, abs=1e-12)


def test_exact_likelihoods_refuse_models_that_have_none():
    with refused("one dense layer", "Tanh"):
        LinearGaussian.of(small_vae(GaussianLikelihood(1.0)))
    linear = linear_vae(5, 2, 1.0)
    linear.likelihood = BernoulliLikelihood()
    with refused("Gaussian", "Bernoulli"):
        LinearGaussian.of(linear)
    with refused("one latent", "2"):
        log_likelihood_by_quadrature(linear, normal(2, 5, 1, 1))
    with refused("(D, P)"):
        LinearGaussian(np.eye(3), np.zeros(2), 1.0)
    with refused("more pixels than latents"):
        LinearGaussian.most_likely(normal(9, 4), 4)
