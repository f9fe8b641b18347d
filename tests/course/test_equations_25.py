"""The equations of lesson 25, "Diffusion", each against numbers got another way."""

import numpy as np
import pytest
from scipy import stats

from scratchvae.course.program import diffuse, guessed_image, posterior, step_nats
from scratchvae.layers import Dense, Sequential
from scratchvae.models import Diffusion
from scratchvae.probability import kl_diagonal

RNG = np.random.default_rng(0)


def levels(log_snr):
    """Return α and σ of a log ratio, by way of the ratio itself."""
    ratio = np.exp(log_snr)
    return np.sqrt(ratio / (1 + ratio)), np.sqrt(1 / (1 + ratio))


def small_diffusion(steps=12, **options):
    denoiser = Sequential(Dense(12, 4, rng=0, dtype=np.float64))
    return Diffusion(denoiser, steps=steps, image_shape=(2, 2, 1), **options)


def test_layers_and_their_ratios():
    """eq. 25.2, eq. 25.3: α² + σ² = 1, and log α²/σ² falls in equal steps from −log c."""
    x, eps = RNG.standard_normal((2, 3, 4))
    for log_snr in (-4.0, 0.0, 2.5):
        alpha, sigma = levels(log_snr)
        np.testing.assert_allclose(diffuse(x, log_snr, eps), alpha * x + sigma * eps)
    model = small_diffusion(steps=5, variance=0.02, lowest_log_snr=-5.0)
    signal, noise = model.signal_and_noise(np.arange(1, 6))
    np.testing.assert_allclose(signal**2 + noise**2, 1, rtol=1e-12)
    found = np.log(signal**2 / noise**2)[:, 0]
    np.testing.assert_allclose(found, np.linspace(-np.log(0.02), -5, 5), rtol=1e-12)
    assert model.step_size == pytest.approx(found[0] - found[1])


def test_layers_are_a_chain():
    """eq. 25.4: mean and variance of z_t by way of z_{t−1} are those of (25.2)."""
    (a_1, s_1), (a_2, s_2) = levels(0.9), levels(-0.4)
    a = a_2 / a_1
    added = s_2**2 - a**2 * s_1**2
    assert added > 0
    assert a * a_1 == pytest.approx(a_2)
    assert a**2 * s_1**2 + added == pytest.approx(s_2**2)


def test_a_step_back_is_bayes_rule():
    """eq. 25.5: by the product of the two densities on a grid."""
    x, z, before, after = 0.8, 0.3, 0.9, -0.4
    (a_1, s_1), (a_2, s_2) = levels(before), levels(after)
    a = a_2 / a_1
    grid = np.linspace(-8, 8, 20_001)
    density = stats.norm.pdf(grid, a_1 * x, s_1)
    density *= stats.norm.pdf(z, a * grid, np.sqrt(s_2**2 - a**2 * s_1**2))
    density /= np.trapezoid(density, grid)
    mean = np.trapezoid(density * grid, grid)
    found, variance = posterior(np.array([[z]]), np.array([[x]]), before, after)
    # The trapezoid rule is exact to rounding for what vanishes at both ends.
    assert found.item() == pytest.approx(mean, abs=1e-9)
    assert variance == pytest.approx(np.trapezoid(density * (grid - mean) ** 2, grid), abs=1e-9)


def test_the_models_step_back_is_that_with_its_guess():
    """eq. 25.5, eq. 25.6: mean and deviation of the package's step, from the reader's pieces."""
    model = small_diffusion()
    z, t = RNG.standard_normal((3, 4)), 7
    before, after = model.log_snr(np.array([t - 1, t]))
    guess = model.guess_noise(z, np.full(3, t))
    pixels = guessed_image(z, guess, after)
    mean, variance = posterior(z, pixels, before, after)
    found = model.step_back(z, t)
    np.testing.assert_allclose(found[0], pixels, rtol=1e-9)
    np.testing.assert_allclose(found[1], mean, rtol=1e-9)
    assert found[2] == pytest.approx(np.sqrt(variance))


def test_what_a_step_back_costs():
    """eq. 25.6, eq. 25.7: the KL of two Gaussians, from the image and from the noise."""
    x, eps, guess = RNG.standard_normal((3, 4, 5))
    for before, after in ((3.0, 2.5), (0.4, -0.9)):
        z = diffuse(x, after, eps)
        guessed = guessed_image(z, guess, after)
        mean, variance = posterior(z, x, before, after)
        other, _ = posterior(z, guessed, before, after)
        log_variance = np.full_like(mean, np.log(variance))
        kl = kl_diagonal(mean, log_variance, other, log_variance)
        by_image = 0.5 * (np.exp(before) - np.exp(after)) * ((x - guessed) ** 2).sum(axis=1)
        np.testing.assert_allclose(by_image, kl)
        np.testing.assert_allclose(step_nats(eps, guess, before - after), kl)


def test_the_bound_term_by_term():
    """eq. 25.1, eq. 25.8: the model's loss, averaged over the layers, is the sum of all terms."""
    model = small_diffusion(steps=6)
    x = RNG.random((3, 2, 2, 1))
    pixels, count = x.reshape(3, 4), len(x)
    eps_1, eps = RNG.standard_normal((2, count, 4))
    losses, expected = [], 0.0
    for t in range(2, 7):
        noise = np.empty((2, count, 5))
        noise[0, :, :-1], noise[1, :, :-1] = eps_1, eps
        noise[..., -1] = (t - 2 + 0.5) / 5
        losses.append(model.forward(x, noise).loss)
        before, after = model.log_snr(np.array([t - 1, t]))
        z = diffuse(pixels, after, eps)
        guess = guessed_image(z, model.guess_noise(z, np.full(count, t)), after)
        mean, variance = posterior(z, pixels, before, after)
        other, _ = posterior(z, guess, before, after)
        expected += ((mean - other) ** 2).sum(axis=1).mean() / (2 * variance)
    lowest = model.log_snr(np.array([1])).item()
    z = diffuse(pixels, lowest, eps_1)
    guess = guessed_image(z, model.guess_noise(z, np.ones(count, int)), lowest)
    expected -= stats.norm.logpdf(pixels, guess, np.sqrt(0.01)).sum(axis=1).mean()
    alpha, sigma = levels(model.lowest_log_snr)
    top = 0.5 * (alpha**2 * pixels**2 + sigma**2 - 1 - 2 * np.log(sigma)).sum(axis=1)
    assert np.mean(losses) == pytest.approx(expected + top.mean())
