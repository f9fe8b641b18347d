"""The equations of lesson 5, "Sparse, denoising, and where the codes lie"."""

import numpy as np
import pytest
from scipy import stats

import scratchvae
from scratchvae.course.exercises import lesson_05 as answers
from scratchvae.layers import Dense, Layer
from scratchvae.models import Autoencoder, DenoisingAutoencoder, SparseAutoencoder
from scratchvae.probability import GaussianLikelihood

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


def test_sparse_loss_and_gradient(rng):
    """eq. 5.1: the absolute sum of the code is paid for, and the sign goes back."""
    price = 0.7
    model, images, noise = build("sparse-autoencoder", rng, latent_dim=20, sparsity=price)
    loss = model.forward(images, noise).loss
    model.backward()
    gradient = model.parameters["encoder.1.bias"].grad.copy()
    z = model.encoder.forward(images)
    decoded = model.decoder.forward(z)
    squared = half_squared_error(images.reshape(4, -1), decoded.reshape(4, -1))
    assert loss == pytest.approx(squared + price * np.abs(z).sum() / 4, rel=1e-12)
    dz = model.decoder.backward((decoded - images) / 4) + price / 4 * np.sign(z)
    # The ReLU lets through what belongs to a positive code; a bias sums over examples.
    np.testing.assert_allclose(gradient, (dz * (z > 0)).sum(axis=0), atol=1e-12)


def test_soft_threshold(rng):
    """eq. 5.2: no other z has a smaller sum of squared distance and price."""
    a, price = rng.normal(0, 2, 40), 0.8
    best = answers.soft_threshold(a, price)

    def cost(z):
        return 0.5 * (z - a) ** 2 + price * np.abs(z)

    for other in np.linspace(-6, 6, 2001):
        assert (cost(best) <= cost(other) + 1e-14).all()  # rounding
    assert (best[np.abs(a) <= price] == 0).all()
    assert (best == 0).any()


def test_best_denoiser(rng):
    """eq. 5.4: its error is at right angles to every function of what was seen."""
    images, sigma, count = rng.standard_normal((5, 2)), 0.6, 200_000
    chosen = images[rng.integers(0, 5, count)]
    seen = chosen + sigma * rng.standard_normal((count, 2))
    error = answers.best_denoiser(seen, images, sigma) - chosen
    for function in (np.ones_like(seen), seen, np.sin(3 * seen), seen**2):
        product = (error * function).sum(axis=1)
        # 4.5 standard errors: a chance of 1 in 150,000 each.
        assert abs(product.mean()) < 4.5 * product.std() / np.sqrt(count)
        wrong = ((seen - chosen) * seen).sum(axis=1)
    assert abs(wrong.mean()) > 4.5 * wrong.std() / np.sqrt(count)  # so it would be noticed


def test_denoising_points_uphill(rng):
    """eq. 5.5: the step of the best denoiser is σ² times the slope of the log-density."""
    images, sigma, h = rng.standard_normal((6, 2)), 0.5, 1e-4
    points = rng.normal(0, 1.5, (8, 2))

    def log_density(moved):
        each = stats.norm.pdf(moved[:, None], images, sigma).prod(axis=2)
        return np.log(each.mean(axis=1))

    step = answers.best_denoiser(points, images, sigma) - points
    for axis, move in enumerate(h * np.eye(2)):
        slope = (log_density(points + move) - log_density(points - move)) / (2 * h)
        # Truncation: h² times third derivatives of order 100.
        np.testing.assert_allclose(step[:, axis], sigma**2 * slope, atol=1e-6)


class _Around(Layer):
    """A layer with a function before or behind it."""

    def __init__(self, layer, before=lambda x: x, behind=lambda y: y):
        super().__init__()
        self.layer, self.before, self.behind = layer, before, behind
        self.dtype, self.parameters, self.buffers = layer.dtype, layer.parameters, {}

    def forward(self, x, training=False):
        return self.behind(self.layer.forward(self.before(x), training))


def test_an_invertible_function_changes_nothing(rng):
    """eq. 5.6: bent codes, unbent before decoding, have the same loss."""
    x = rng.random((6, 5))
    encoder = Dense(5, 2, rng=0, dtype=np.float64)
    decoder = Dense(2, 5, rng=1, dtype=np.float64)

    def model_of(*networks):
        return Autoencoder(*networks, GaussianLikelihood(1.0), image_shape=(5,), latent_dim=2)

    plain = model_of(encoder, decoder)
    bent = model_of(_Around(encoder, behind=np.sinh), _Around(decoder, before=np.arcsinh))
    noise = plain.draw_noise(6, rng)
    assert bent.forward(x, noise).loss == pytest.approx(plain.forward(x, noise).loss, rel=1e-12)
    codes, bent_codes = plain.encode_distribution(x)[0].copy(), bent.encode_distribution(x)[0]
    np.testing.assert_allclose(bent_codes, np.sinh(codes))


def test_no_other_denoiser_has_a_smaller_loss(rng):
    """eq. 5.3: on average over the noise the best guess beats itself moved a little."""
    images, sigma, count = rng.standard_normal((4, 3)), 0.7, 40_000
    clean = images[rng.integers(0, 4, count)]
    seen = clean + sigma * rng.standard_normal(clean.shape)
    guess = answers.best_denoiser(seen, images, sigma)
    for other in (guess + 0.1, 0.9 * guess, seen, guess + 0.1 * np.sin(seen)):
        gain = 0.5 * (((clean - other) ** 2) - (clean - guess) ** 2).sum(axis=1)
        assert gain.mean() > 4.5 * gain.std() / np.sqrt(count)


def test_a_price_and_noise_at_once(rng):
    """eq. 5.1, eq. 5.3: the loss of both, as a model that is both has it."""
    model = _Both(
        Dense(5, 3, rng=0, dtype=np.float64),
        Dense(3, 5, rng=1, dtype=np.float64),
        GaussianLikelihood(1.0),
        image_shape=(5,),
        latent_dim=3,
        sparsity=0.7,
        noise_std=0.5,
    )
    clean = rng.random((6, 5))
    noise = model.draw_noise(6, rng)
    corrupted = clean + 0.5 * noise
    z = model.encoder.forward(corrupted).copy()
    decoded = model.decoder.forward(z).copy()
    loss, d_decoded, dz = answers.sparse_denoising_loss(clean, corrupted, decoded, z, 0.7)
    assert model.forward(clean, noise, training=True).loss == pytest.approx(loss, rel=1e-12)
    model.backward()
    gradient = model.parameters["encoder.bias"].grad.copy()
    dz = dz + model.decoder.backward(d_decoded)
    np.testing.assert_allclose(gradient, dz.sum(axis=0), rtol=1e-10)


class _Both(SparseAutoencoder, DenoisingAutoencoder):
    checked = SparseAutoencoder.checked | DenoisingAutoencoder.checked
