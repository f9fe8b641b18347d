"""The equations of lesson 22, "How good is it?", each against numbers got another way."""

from itertools import product

import numpy as np
import pytest
from scipy.special import softmax
from scipy.stats import norm

from scratchvae import models
from scratchvae.course.exercises.lesson_22 import (
    gap_parts,
    log_evidence_on_grid,
    product_nodes,
)
from scratchvae.course.program import (
    IWAE,
    VAE,
    Bernoulli,
    Dense,
    Gaussian,
    Sequential,
    Tanh,
    draw,
    latent_activity,
    negative_bound,
    normalised_weights,
    slopes,
)
from scratchvae.evaluation import LinearGaussian
from scratchvae.layers import Dense as PackageDense
from scratchvae.layers import Flatten, Reshape
from scratchvae.layers import Sequential as PackageSequential
from scratchvae.probability import BernoulliLikelihood

PIXELS, LATENTS = 4, 2


def networks(rng, latents=LATENTS):
    """Return an encoder and a decoder with a hidden layer each."""
    encoder = Sequential(Dense(PIXELS, 5, rng), Tanh(), Dense(5, 2 * latents, rng))
    return encoder, Sequential(Dense(latents, 5, rng), Tanh(), Dense(5, PIXELS, rng))


def images_and_noise(rng, draws, count=3):
    x = (rng.random((count, PIXELS)) < 0.5).astype(float)
    return x, rng.standard_normal((draws, count, LATENTS))


def as_terms(model, x, eps):
    """Return log p(x | z), log p(z) and log q(z | x) of each draw, from densities written out."""
    mean, log_variance = model.encode(x)
    z = draw(mean, log_variance, eps)
    y = np.stack([model.decoder.forward(each) for each in z])
    probability = 1 / (1 + np.exp(-y))
    likelihood = np.log(np.where(x == 1, probability, 1 - probability)).sum(axis=-1)
    prior = norm.logpdf(z).sum(axis=-1)
    return likelihood, prior, norm.logpdf(z, mean, np.exp(log_variance / 2)).sum(axis=-1)


def test_evidence_on_a_square_grid():
    """eq. 22.1: all images' probabilities add up to 1; a latent that is cut off leaves a line."""
    rng = np.random.default_rng(0)
    encoder, decoder = networks(rng)
    every = np.array(list(product([0.0, 1.0], repeat=PIXELS)))
    vae = VAE(encoder, decoder, Bernoulli(), LATENTS)
    side = np.linspace(-8, 8, 161)
    # Smooth, and 1e-15 at the edge: the sum is exact to about 1e-13.
    assert np.exp(log_evidence_on_grid(vae, every, side)).sum() == pytest.approx(1, rel=1e-10)

    weights = decoder.parameters["0.weight"]
    weights[1] = 0
    first, second = Dense(1, 5, rng), Dense(5, PIXELS, rng)
    first.parameters["weight"][...] = weights[:1]
    first.parameters["bias"][...] = decoder.parameters["0.bias"]
    second.parameters["weight"][...] = decoder.parameters["2.weight"]
    second.parameters["bias"][...] = decoder.parameters["2.bias"]
    line = Sequential(first, Tanh(), second)
    grid = np.linspace(-8, 8, 1601)
    logits = line.forward(grid[:, None])
    nats = np.stack([Bernoulli().nats(x, logits) for x in every], axis=1)
    expected = (np.exp(-nats) * norm.pdf(grid)[:, None]).sum(axis=0) * (grid[1] - grid[0])
    np.testing.assert_allclose(np.exp(log_evidence_on_grid(vae, every, side)), expected, rtol=1e-10)


def test_bound_of_several_draws():
    """eq. 22.2: the loss is −log of the mean of p(x | z) p(z) / q(z | x)."""
    rng = np.random.default_rng(1)
    model = IWAE(*networks(rng), Bernoulli(), LATENTS)
    x, eps = images_and_noise(rng, draws=6)
    likelihood, prior, proposal = as_terms(model, x, eps)
    weights = np.exp(likelihood + prior - proposal)
    np.testing.assert_allclose(model.forward(x, eps), -np.log(weights.mean(axis=0)), rtol=1e-12)


def test_another_draw_never_lowers_the_bound():
    """eq. 22.3: with every tuple of a few weights counted, the bounds rise to log of their mean."""
    weights, shares = np.array([0.1, 0.9, 3.0]), np.array([0.5, 0.3, 0.2])
    bounds = []
    for draws in range(1, 8):
        tuples = np.array(list(product(range(3), repeat=draws)))
        probability = shares[tuples].prod(axis=1)
        bounds.append(float(probability @ np.log(weights[tuples].mean(axis=1))))
    assert (np.diff(bounds) > 0).all()
    assert bounds[-1] < np.log(shares @ weights)


def test_each_draw_counts_by_its_normalised_weight():
    """eq. 22.4: the normalised weights are the slopes of the logarithm of the mean weight."""
    log_weights = np.random.default_rng(2).normal(0, 2, (5, 1))
    found = slopes(lambda: np.log(np.exp(log_weights).mean(axis=0)).sum(), log_weights)
    # Central differences with a step of 1e-5 are good to about 1e-10.
    np.testing.assert_allclose(found, normalised_weights(log_weights), atol=1e-8)


def test_normalised_weights_do_not_overflow():
    """eq. 22.5: they are SciPy's softmax, also far below what exp can represent."""
    log_weights = np.random.default_rng(3).normal(-2000, 5, (6, 4))
    np.testing.assert_allclose(
        normalised_weights(log_weights), softmax(log_weights, axis=0), rtol=1e-12
    )


def test_log_weight_without_densities():
    """eq. 22.6: minus a single draw's log-weight is its nats and half of z² − ε² − l."""
    rng = np.random.default_rng(4)
    model = IWAE(*networks(rng), Bernoulli(), LATENTS)
    x, eps = images_and_noise(rng, draws=1)
    likelihood, prior, proposal = as_terms(model, x, eps)
    np.testing.assert_allclose(
        model.forward(x, eps), -(likelihood + prior - proposal)[0], rtol=1e-12
    )


def test_gradients_of_the_bound():
    """eq. 22.7 and eq. 22.8: they are the slopes of the mean loss, for every parameter."""
    rng = np.random.default_rng(5)
    model = IWAE(*networks(rng), Bernoulli(), LATENTS)
    x, eps = images_and_noise(rng, draws=5)
    model.forward(x, eps)
    model.backward()
    kept = {name: gradient.copy() for name, gradient in model.gradients.items()}
    for name, array in model.parameters.items():
        found = slopes(lambda: model.forward(x, eps).mean(), array)
        # Central differences with a step of 1e-5 are good to about 1e-10.
        np.testing.assert_allclose(found, kept[name], atol=1e-8)


def test_the_package_s_gradients_are_the_reader_s():
    """eq. 22.2: with equal parameters the package's IWAE has the same loss and gradients."""
    rng = np.random.default_rng(6)
    ours = [
        PackageDense(PIXELS, 2 * LATENTS, dtype=np.float64, rng=rng),
        PackageDense(LATENTS, PIXELS, dtype=np.float64, rng=rng),
    ]
    package = models.IWAE(
        PackageSequential(Flatten(), ours[0]),
        PackageSequential(ours[1], Reshape((2, 2, 1))),
        BernoulliLikelihood(),
        image_shape=(2, 2, 1),
        latent_dim=LATENTS,
    )
    own = [Dense(PIXELS, 2 * LATENTS, rng), Dense(LATENTS, PIXELS, rng)]
    for layer, theirs in zip(own, ours, strict=True):
        for name, value in layer.parameters.items():
            value[...] = theirs.parameters[name].value
    model = IWAE(*map(Sequential, own), Bernoulli(), LATENTS)
    x, eps = images_and_noise(rng, draws=4)
    loss = model.forward(x, eps).mean()
    model.backward()
    assert package.forward(x.reshape(-1, 2, 2, 1), eps).loss == pytest.approx(loss, rel=1e-12)
    package.zero_grad()
    package.backward()
    for layer, theirs in zip(own, ours, strict=True):
        for name, gradient in layer.gradients.items():
            np.testing.assert_allclose(
                gradient, theirs.parameters[name].grad, rtol=1e-11, atol=1e-13
            )


def test_variance_of_draws_is_activity_and_noise():
    """eq. 22.9: draws of all images vary by the variance of the means and the mean variance."""
    rng = np.random.default_rng(7)
    mean = rng.standard_normal((50, 3)) * [2.0, 0.5, 0.0]
    log_variance = rng.normal(-1, 0.5, (50, 3))
    z = mean[:, None] + np.exp(log_variance / 2)[:, None] * rng.standard_normal((50, 20_000, 3))
    expected = latent_activity(mean, log_variance) * 49 / 50 + np.exp(log_variance).mean(axis=0)
    # A million draws: 0.5% is more than three standard errors of a variance, √(2 / 10⁶) each.
    np.testing.assert_allclose(z.var(axis=(0, 1)), expected, rtol=5e-3)
    assert latent_activity(mean, log_variance)[2] == 0


def test_the_two_gaps_add_up_to_the_kl():
    """eq. 22.10: in a linear model both are known in closed form, and add up to the KL."""
    rng = np.random.default_rng(8)
    model = LinearGaussian(rng.standard_normal((2, PIXELS)), rng.standard_normal(PIXELS), 0.4)
    x = rng.standard_normal((5, PIXELS))
    means, covariance = model.posterior(x)
    precision = np.diag(np.linalg.inv(covariance))
    best_variance = np.tile(-np.log(precision), (5, 1))  # eq. 9.10
    mean, log_variance = means + 0.2, best_variance + 0.3
    approximation, amortisation = gap_parts(
        model.log_likelihood(x),
        model.elbo(x, means, best_variance),
        model.elbo(x, mean, log_variance),
    )
    expected = 0.5 * (np.log(precision).sum() + np.linalg.slogdet(covariance)[1])
    np.testing.assert_allclose(approximation, expected, rtol=1e-10)
    whole = model.gap(x, mean, log_variance)
    np.testing.assert_allclose(approximation + amortisation, whole, rtol=1e-10)
    assert (approximation > 0).all()
    assert (amortisation > 0).all()


def test_nodes_are_exact_for_polynomials():
    """eq. 22.11: five places along each latent give moments of a Gaussian up to the ninth."""
    nodes, shares = product_nodes(5, 2)
    assert shares.sum() == pytest.approx(1, rel=1e-12)
    mean, scale = np.array([0.3, -0.7]), np.array([1.2, 0.4])
    z = mean + scale * nodes
    for first, second in product(range(10), repeat=2):
        expected = norm.moment(first, mean[0], scale[0]) if first else 1.0
        expected *= norm.moment(second, mean[1], scale[1]) if second else 1.0
        assert shares @ (z[:, 0] ** first * z[:, 1] ** second) == pytest.approx(expected, rel=1e-9)


def test_the_bound_by_nodes_and_its_slopes():
    """eq. 22.11: for a linear decoder it is the exact bound, and its gradient the slope."""
    rng = np.random.default_rng(9)
    variance, count = 0.3, 3
    decoder = Dense(LATENTS, PIXELS, rng)
    vae = VAE(None, Sequential(decoder), Gaussian(variance), LATENTS)
    exact = LinearGaussian(decoder.parameters["weight"], decoder.parameters["bias"], variance)
    x = rng.standard_normal((count, PIXELS))
    mean, log_variance = rng.standard_normal((2, count, LATENTS))
    nodes = product_nodes(3, LATENTS)
    loss, *gradients = negative_bound(vae, x, mean, log_variance, *nodes)
    constant = 0.5 * PIXELS * np.log(2 * np.pi * variance)
    np.testing.assert_allclose(-loss - constant, exact.elbo(x, mean, log_variance), rtol=1e-11)
    for array, gradient in zip((mean, log_variance), gradients, strict=True):
        found = slopes(lambda: negative_bound(vae, x, mean, log_variance, *nodes)[0].sum(), array)
        # Central differences with a step of 1e-5 are good to about 1e-9 of losses near 30.
        np.testing.assert_allclose(found, gradient, atol=1e-7)
