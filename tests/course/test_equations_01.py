"""The equations of lesson 1, a first look, checked against the package."""

import numpy as np
import pytest

import scratchvae
from scratchvae.course.exercises import lesson_01 as answers
from scratchvae.data.batches import read_pixels
from scratchvae.probability import (
    BernoulliLikelihood,
    GaussianLikelihood,
    kl_to_standard,
    reparameterise,
)
from scratchvae.randomness import stream


@pytest.fixture
def rng():
    return np.random.default_rng(1)


@pytest.fixture(scope="module")
def model():
    """Return an untrained model of two latents."""
    return scratchvae.build("zhao-mlp", latent_dim=2, seed=0)


def test_pixels():
    """eq. 1.1: a pixel is read as a 255th of itself."""
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_allclose(read_pixels(pixels, np.float64), np.linspace(0, 1, 256), rtol=1e-15)


def test_draw(rng):
    """eq. 1.2: z has the mean and the standard deviation that the encoder says."""
    mean, log_variance = rng.standard_normal((2, 3, 2))
    eps = rng.standard_normal((40_000, 3, 2))
    z = reparameterise(mean, log_variance, eps)
    deviation = np.exp(log_variance / 2)
    # Five standard errors: of a mean sd/√n, of a standard deviation sd/√(2n).
    error = deviation / np.sqrt(len(eps))
    assert np.all(np.abs(z.mean(axis=0) - mean) < 5 * error)
    assert np.all(np.abs(z.std(axis=0) - deviation) < 5 * error / np.sqrt(2))
    np.testing.assert_allclose(
        answers.noise_from_latent(z[0], mean, log_variance), eps[0], atol=1e-13
    )


def test_new_images(model):
    """eq. 1.3: a new image is what the decoder makes of a draw from N(0, I)."""
    z = model.draw_latents(20_000, stream(5, "draw"))
    # Five standard errors of a mean and of a standard deviation of independent draws.
    assert np.all(np.abs(z.mean(axis=0)) < 5 / np.sqrt(len(z)))
    assert np.all(np.abs(z.std(axis=0) - 1) < 5 / np.sqrt(2 * len(z)))
    first = model.draw_latents(4, stream(5, "draw"))
    np.testing.assert_array_equal(model.sample(4, seed=5), model.decode(first))


def test_reconstruction(rng):
    """eq. 1.4: squared differences, summed over pixels, over twice the variance."""
    x, decoded = rng.random((2, 3, 4, 5, 1))
    sums = [
        sum((x[n].flat[k] - decoded[n].flat[k]) ** 2 for k in range(20)) / 0.1 for n in range(3)
    ]
    given = GaussianLikelihood(0.05).negative_log_likelihood(x, decoded)
    np.testing.assert_allclose(given, sums, rtol=1e-12)


def test_kl(rng):
    """eq. 1.5: the KL is the mean of log q(z) − log p(z) over draws from q."""
    mean, log_variance = rng.standard_normal((2, 3, 2))
    eps = rng.standard_normal((40_000, 3, 2))
    z = mean + np.exp(log_variance / 2) * eps
    log_ratio = 0.5 * (z**2 - eps**2 - log_variance).sum(axis=-1)  # the ½ log 2π cancel
    standard_error = log_ratio.std(axis=0) / np.sqrt(len(eps))
    formula = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    assert np.all(np.abs(log_ratio.mean(axis=0) - formula) < 5 * standard_error)
    np.testing.assert_allclose(kl_to_standard(mean, log_variance), formula, rtol=1e-12)
    np.testing.assert_allclose(
        answers.kl_from_sd(mean, np.exp(log_variance / 2)), formula, rtol=1e-12
    )


def test_loss(model, rng):
    """eq. 1.6: the loss is reconstruction plus KL, averaged only over images."""
    x = rng.random((6, 28, 28, 1), dtype=np.float32)
    eps = rng.standard_normal((1, 6, 2), dtype=np.float32)
    mean, log_variance = (array.copy() for array in model.encode_distribution(x))
    decoded = model.decode(mean + np.exp(log_variance / 2) * eps[0])
    reconstruction = ((x - decoded) ** 2).sum(axis=(1, 2, 3)) / (2 * model.likelihood.variance)
    kl = 0.5 * (mean**2 + np.exp(log_variance) - 1 - log_variance).sum(axis=1)
    terms = model.forward(x, eps, training=False)
    # In float32 the rounding of 784 pixels is about 1e-6 of their sum.
    assert terms.loss == pytest.approx((reconstruction + kl).mean(), rel=1e-5)
    assert terms.reconstruction == pytest.approx(reconstruction.mean(), rel=1e-5)
    # The KL of an untrained encoder is a small difference of numbers of order 1.
    assert terms.kl == pytest.approx(kl.mean(), abs=1e-5)


def test_bits():
    """eq. 1.7: an image of fair coins costs one bit per pixel, which is log 2 nats."""
    x, logits = np.ones((1, 8)), np.zeros((1, 8))
    nats = BernoulliLikelihood().negative_log_likelihood(x, logits)
    assert nats / np.log(2) == pytest.approx(8, rel=1e-14)


def test_interpolation(rng):
    """eq. 1.8: equal steps on the straight line, from the one end to the other."""
    z_a, z_b = rng.standard_normal((2, 3))
    way = answers.interpolate(z_a, z_b, 5)
    for place, t in enumerate((0, 0.25, 0.5, 0.75, 1)):
        np.testing.assert_allclose(way[place], (1 - t) * z_a + t * z_b, atol=1e-15)
