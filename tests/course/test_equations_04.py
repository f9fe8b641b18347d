"""The equations of lesson 4, autoencoders, checked against the package."""

import numpy as np
import pytest
from scipy import stats

import scratchvae
from scratchvae.course.exercises import lesson_04 as answers
from scratchvae.data.synthetic import make_synthetic_digits
from scratchvae.probability import GaussianLikelihood
from scratchvae.reproduce.eecs230 import principal_component_error

IMAGE = (28, 28, 1)


@pytest.fixture
def rng():
    return np.random.default_rng(3)


def build(recipe, rng, **options):
    """Return a model in float64, four images for it and its noise."""
    model = scratchvae.build(recipe, dtype=np.float64, **options)
    return model, rng.random((4, *IMAGE)), model.draw_noise(4, rng)


def linear_weights(model):
    return [model.parameters[f"{name}.weight"] for name in ("encoder.1", "decoder.0")]


def rows_and_covariance(rng, count=50, features=7):
    x = rng.standard_normal((count, features)) * rng.uniform(0.3, 2, features)
    x -= x.mean(axis=0)
    return x, x.T @ x / count


def half_squared_error(x, decoded):
    return 0.5 * ((x - decoded) ** 2).sum(axis=1).mean()


@pytest.mark.parametrize("recipe", ["linear-autoencoder", "autoencoder"])
def test_loss(recipe, rng):
    """eq. 4.1: the loss is half the squared error of what is decoded from the code."""
    model, x, noise = build(recipe, rng)
    decoded = model.decode(model.encode(x))
    expected = half_squared_error(x.reshape(4, -1), decoded.reshape(4, -1))
    assert model.forward(x, noise).loss == pytest.approx(expected, rel=1e-12)


def test_it_is_minus_a_logarithm(rng):
    """eq. 4.2: half the squared error and the constant are minus SciPy's Gaussian log-density."""
    x, decoded = rng.random((2, 6, 9))
    likelihood = GaussianLikelihood(variance=1.0)
    nats = likelihood.negative_log_likelihood(x, decoded) + likelihood.omitted_constant(9)
    expected = -stats.norm.logpdf(x, decoded, 1).sum(axis=1)
    np.testing.assert_allclose(nats, expected, rtol=1e-12)


def test_linear_gradients(rng):
    """eq. 4.3, eq. 4.4: two matrix products forwards, two for each gradient."""
    model, images, noise = build("linear-autoencoder", rng, latent_dim=3)
    encoder, decoder = linear_weights(model)
    for name in ("encoder.1", "decoder.0"):
        model.parameters[f"{name}.bias"].value[...] = 0
    x = images.reshape(4, -1)
    decoded = x @ encoder.value @ decoder.value
    np.testing.assert_allclose(model.reconstruct(images).reshape(4, -1), decoded, atol=1e-12)
    model.forward(images, noise)
    model.backward()
    residual = (decoded - x) / 4
    # Sums of 784 products in another order, of entries of order 1.
    expected = (x @ encoder.value).T @ residual
    np.testing.assert_allclose(decoder.grad, expected, atol=1e-12)
    np.testing.assert_allclose(encoder.grad, x.T @ residual @ decoder.value.T, atol=1e-12)


def test_tied_gradient(rng):
    """eq. 4.4: with one weight for both, its two gradients add up to the slope of the loss."""
    x, weight = rng.standard_normal((5, 4)), rng.standard_normal((4, 2))

    def loss(moved):
        return half_squared_error(x, x @ moved @ moved.T)

    gradient, h = answers.tied_gradient(x, weight), 1e-5
    for place in np.ndindex(weight.shape):
        move = np.zeros_like(weight)
        move[place] = h
        slope = (loss(weight + move) - loss(weight - move)) / (2 * h)
        # Truncation of order h² and rounding of order 1e-16/h, of numbers of order 100.
        assert slope == pytest.approx(gradient[place], abs=1e-7)


def test_projection_loss(rng):
    """eq. 4.5: the best encoder projects, and what is left is the variance that is not kept."""
    x, covariance = rows_and_covariance(rng)
    decoder = rng.standard_normal((3, x.shape[1]))
    encoder = answers.best_encoder(decoder)
    basis, _ = np.linalg.qr(decoder.T)
    np.testing.assert_allclose(encoder @ decoder, basis @ basis.T, atol=1e-12)
    left = 0.5 * (np.trace(covariance) - np.trace(basis.T @ covariance @ basis))
    assert half_squared_error(x, x @ encoder @ decoder) == pytest.approx(left, rel=1e-12)
    for _ in range(20):  # any other encoder is worse
        other = encoder + 0.01 * rng.standard_normal(encoder.shape)
        assert half_squared_error(x, x @ other @ decoder) > left


@pytest.mark.parametrize("size", [1, 3, 6])
def test_optimum(rng, size):
    """eq. 4.6: the eigenvectors reach half the sum of the rest, and no other space goes below."""
    x, covariance = rows_and_covariance(rng)
    spread, directions = np.linalg.eigh(covariance)
    optimum = 0.5 * spread[:-size].sum()
    best = directions[:, -size:]
    assert half_squared_error(x, x @ best @ best.T) == pytest.approx(optimum, rel=1e-10)
    for _ in range(200):
        basis, _ = np.linalg.qr(best + rng.normal(0, 0.5, best.shape))
        assert half_squared_error(x, x @ basis @ basis.T) >= optimum
        shares = ((basis.T @ directions) ** 2).sum(axis=0)
        assert shares.sum() == pytest.approx(size)
        assert shares.max() <= 1 + 1e-12  # rounding


def test_optimum_of_images():
    """eq. 4.6: by singular values of the images themselves, without their covariance."""
    images = make_synthetic_digits(300, seed=0).images
    x = images.reshape(300, -1) / 255
    singular = np.linalg.svd(x - x.mean(axis=0), compute_uv=False)
    expected = 0.5 * (singular[5:] ** 2).sum() / 300
    assert principal_component_error(images, 5) == pytest.approx(expected, rel=1e-9)


def test_an_invertible_matrix_changes_nothing(rng):
    """eq. 4.7: another code, the same reconstructions."""
    model, images, _ = build("linear-autoencoder", rng, latent_dim=3)
    before, codes = model.reconstruct(images), model.encode(images)
    change = rng.standard_normal((3, 3))
    encoder, decoder = linear_weights(model)
    encoder.value[...] = encoder.value @ change
    model.parameters["encoder.1.bias"].value[...] @= change
    decoder.value[...] = np.linalg.solve(change, decoder.value)
    np.testing.assert_allclose(model.reconstruct(images), before, atol=1e-10)
    np.testing.assert_allclose(model.encode(images), codes @ change, atol=1e-12)
