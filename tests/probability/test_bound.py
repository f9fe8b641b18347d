"""The bound on log p(x) that a model gives."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, PIXELS, pixels, refused, small_autoencoder, small_vae
from scipy import stats

from scratchvae.layers import Dense, Flatten, Sequential
from scratchvae.models import VAE, build
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)


@pytest.mark.parametrize(
    "likelihood",
    [BernoulliLikelihood(), GaussianLikelihood(0.05), GaussianLikelihood(0.05, True)],
    ids=repr,
)
@pytest.mark.parametrize("beta", [1.0, 4.0])
def test_the_bound_includes_every_constant_whatever_the_loss(likelihood, beta):
    vae = small_vae(likelihood, beta=beta)
    bounds = vae.elbo(IMAGES)
    terms = vae.evaluate(IMAGES)
    constant = likelihood.omitted_constant(PIXELS)
    assert bounds.mean() == pytest.approx(-(terms.reconstruction + terms.kl + constant))
    assert terms.loss == pytest.approx(terms.reconstruction + beta * terms.kl)


def test_the_bound_of_zhaos_model_has_its_constant():
    model = build("zhao-mlp", variance=0.05, dtype=np.float64)
    images = pixels(5, 28, 28, 1)
    constant = 784 / 2 * np.log(2 * np.pi * 0.05)
    assert model.elbo(images).mean() == pytest.approx(-model.evaluate(images).loss - constant)


def test_the_bound_is_below_the_log_probability_and_reaches_it():
    # p(x) of a linear model with one pixel and one latent is Gaussian, so it can be computed.
    options = {"dtype": np.float64, "rng": 0}
    encoder = Sequential(Flatten(), Dense(1, 2, **options))
    decoder = Dense(1, 1, **options)
    vae = VAE(encoder, decoder, GaussianLikelihood(0.3), image_shape=(1,), latent_dim=1)
    slope, offset, variance = 0.8, 0.1, 0.3
    decoder.parameters["weight"].value[...] = slope
    decoder.parameters["bias"].value[...] = offset
    precision = 1 + slope**2 / variance  # of the exact posterior
    gain = slope / variance / precision
    x = np.array([[0.9]])
    exact = stats.norm.logpdf(0.9, offset, np.sqrt(slope**2 + variance))
    for log_variance, gap in ((-np.log(precision), 0.0), (0.0, None)):
        encoder.parameters["1.weight"].value[...] = [[gain, 0.0]]
        encoder.parameters["1.bias"].value[...] = [-gain * offset, log_variance]
        bounds = vae.elbo(np.repeat(x, 40_000, axis=0))
        error = bounds.std() / 200
        if gap is None:
            gap = 0.5 * (precision - 1 - np.log(precision))  # KL(q ‖ posterior)
        assert abs(bounds.mean() - (exact - gap)) < 5 * error


def test_an_autoencoder_has_no_bound():
    with refused("Autoencoder has no prior", "evaluate"):
        small_autoencoder().elbo(IMAGES)
