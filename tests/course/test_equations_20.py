"""The equations of lesson 20, "Rate and distortion", each against numbers got another way."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import multivariate_normal

from scratchvae.course.program import (
    VAE,
    Dense,
    Gaussian,
    Sequential,
    bound_nats,
    calibrated_nats,
    draw,
    linear_plane,
    plane_point,
)

RNG = np.random.default_rng(0)
SPREAD = np.array([4.0, 1.5, 0.6, 0.2, 0.05])


def linear_vae(c, latents):
    """Return the best VAE of linear networks for images with variances SPREAD, by lesson 11."""
    pixels = len(SPREAD)
    gain = np.maximum(1 - c / SPREAD[:latents], 0)
    encoder, decoder = Dense(pixels, 2 * latents, RNG), Dense(latents, pixels, RNG)
    for layer in (encoder, decoder):
        for array in layer.parameters.values():
            array[...] = 0
    each = np.arange(latents)
    encoder.parameters["weight"][each, each] = np.sqrt(gain / SPREAD[:latents])
    encoder.parameters["bias"][latents:] = np.log(np.minimum(c / SPREAD[:latents], 1))
    decoder.parameters["weight"][each, each] = np.sqrt(gain * SPREAD[:latents])
    return VAE(Sequential(encoder), Sequential(decoder), Gaussian(c), latents)


def images_with_this_spread():
    """Return images whose second moments are exactly SPREAD: two for each direction."""
    root = np.diag(np.sqrt(len(SPREAD) * SPREAD))
    return np.concatenate([root, -root])


def noise_on_every_axis(latents):
    """Return draws with the moments of N(0, I), over which means of quadratics are exact."""
    root = np.sqrt(latents) * np.eye(latents)
    return np.concatenate([root, -root])


def point_of(vae, latents):
    x = images_with_this_spread()
    points = []
    for eps in noise_on_every_axis(latents):
        mean, log_variance = vae.encode(x)
        decoded = vae.decoder.forward(draw(mean, log_variance, np.tile(eps, (len(x), 1))))
        points.append(plane_point(x, decoded, mean, log_variance))
    return np.mean(points, axis=0)


@pytest.mark.parametrize("latents", [1, 3, 5])
@pytest.mark.parametrize("c", [0.1, 0.8, 5.0])
def test_plane_of_linear_models(latents, c):
    """eq. 20.1, eq. 20.4: a VAE set to the best weights has the rate and the error it says."""
    found = point_of(linear_vae(c, latents), latents)
    np.testing.assert_allclose(found, linear_plane(SPREAD, c, latents), rtol=1e-12, atol=1e-12)


def test_a_loss_is_a_line_in_the_plane():
    """eq. 20.2: 2c times the loss is error + 2c · rate, least at the point that (20.4) gives."""
    c, latents = 0.3, 2
    vae, x = linear_vae(c, latents), images_with_this_spread()
    losses = [
        np.add(*vae.forward(x, np.tile(eps, (len(x), 1)))).mean()
        for eps in noise_on_every_axis(latents)
    ]
    rate, error = linear_plane(SPREAD, c, latents)
    assert 2 * c * np.mean(losses) == pytest.approx(error + 2 * c * rate, rel=1e-12)
    for other in np.geomspace(0.01, 10, 30):
        other_rate, other_error = linear_plane(SPREAD, other, latents)
        assert other_error + 2 * c * other_rate >= error + 2 * c * rate - 1e-12  # rounding


def test_a_larger_variance_never_raises_the_rate():
    """eq. 20.3: among any models, those that are best for each c have falling rates."""
    rates = RNG.uniform(0, 10, 200)
    errors = 10 * np.exp(-rates / 3) + RNG.uniform(0, 1, 200)
    variances = np.geomspace(0.01, 10, 60)
    best = [np.argmin(errors + 2 * c * rates) for c in variances]
    assert len(set(best)) > 5
    assert (np.diff(rates[best]) <= 0).all()
    assert (np.diff(errors[best]) >= 0).all()


def test_bound_with_its_constant():
    """eq. 20.5: with a latent that says nothing it is minus SciPy's log density."""
    pixels, c = 6, 0.4
    x, decoded = RNG.random((2, 50, pixels))
    nothing = np.zeros((50, 2))
    density = multivariate_normal(np.zeros(pixels), c * np.eye(pixels)).logpdf(x - decoded)
    rate, error = plane_point(x, decoded, nothing, nothing)
    assert bound_nats(rate, error, c, pixels) == pytest.approx(-density.mean(), rel=1e-12)


def test_best_variance_of_a_point():
    """eq. 20.6: a search over c finds no less, and finds that much."""
    rate, error, pixels = 7.0, 31.0, 784

    def bound(log_c):
        return bound_nats(rate, error, np.exp(log_c), pixels)

    found = minimize_scalar(bound, bounds=(-8, 3), method="bounded", options={"xatol": 1e-8})
    # The bound is flat at its minimum: an error of 1e-8 in log c changes it by about 1e-14.
    assert found.fun == pytest.approx(calibrated_nats(rate, error, pixels), rel=1e-10)
    assert np.exp(found.x) == pytest.approx(error / pixels, rel=1e-5)
