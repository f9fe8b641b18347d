"""Diffusion: its bound where the truth is known, its gradients, its draws, its images."""

import numpy as np
import pytest
from helpers import normal, pixels, refused

from scratchvae.checks.gradients import gradcheck
from scratchvae.data.shrink import shrink
from scratchvae.layers import Dense, Sequential, Tanh
from scratchvae.models import Diffusion, build
from scratchvae.plots.captions import draws_from, kl_meaning
from scratchvae.probability import kl_to_standard
from scratchvae.runs.pictures import usual_pictures

SHAPE = (2, 3, 1)
IMAGES = pixels(5, *SHAPE, seed=2)


def small(model=Diffusion, **options):
    made = {"rng": np.random.default_rng(0), "dtype": np.float64}
    denoiser = Sequential(Dense(14, 7, **made), Tanh(), Dense(7, 6, **made))
    return model(denoiser, **{"image_shape": SHAPE, "steps": 9} | options)


class Gaussian(Diffusion):
    """A model of images that are N(0.5, 0.2² I), whose noise is guessed as well as it can be."""

    spread = 0.2

    def guess_noise(self, z, t, training=False):
        signal, noise = self.signal_and_noise(t)
        return noise * (z - 0.5 * signal) / ((self.spread * signal) ** 2 + noise**2)


def gaussian(steps, **options):
    return small(Gaussian, steps=steps, variance=1e-3, lowest_log_snr=-9.0, **options)


def test_the_bound_comes_down_to_the_entropy_where_the_guess_is_the_best():
    """For a Gaussian world and many layers nothing is lost: eq. 25.8 is its entropy."""
    x = 0.5 + 0.2 * normal(20_000, *SHAPE, seed=3)
    entropy = 6 * (0.5 * np.log(2 * np.pi * np.e) + np.log(0.2))
    found = {}
    for steps in (3, 1000):
        bound = -gaussian(steps).elbo(x)
        found[steps] = bound.mean(), bound.std() / np.sqrt(len(x))
    mean, error = found[1000]
    # Equal steps of 0.016 lose half of that for each nat of information; the rest is chance.
    assert entropy - 5 * error < mean < entropy + 0.1 + 5 * error
    assert found[3][0] > entropy + 1


@pytest.mark.parametrize("steps", [2, 3, 6])
def test_a_layer_that_is_drawn_counts_as_all_that_could_have_been(steps):
    """eq. 25.8: its KL from q(z_{t−1} | z_t, x) to p(z_{t−1} | z_t), T − 1 times."""
    model = small(steps=steps)
    x = IMAGES.reshape(5, 6)
    last = kl_to_standard(*model.encode_distribution(IMAGES))
    for t in range(2, steps + 1):
        noise = normal(2, 5, 7, seed=t)
        noise[..., -1] = (t - 1.5) / (steps - 1)  # which says that it is this layer
        model.forward(IMAGES, noise)
        (a_s, v_s), (a_t, v_t) = model.schedule.levels(t - 1, t)
        guessed, mean, spread = model.step_back(a_t * x + v_t**0.5 * noise[1, :, :-1], t)
        known = mean + a_s * (v_t - (a_t / a_s) ** 2 * v_s) / v_t * (x - guessed)
        kl = 0.5 * ((known - mean) ** 2).sum(axis=1) / spread**2
        np.testing.assert_allclose(model.terms[1], last + (steps - 1) * kl, rtol=1e-9)


def test_draws_are_of_the_distribution_that_the_model_is_of():
    drawn = gaussian(300).sample(4000, seed=1).reshape(-1)
    # Five standard errors of 24,000 numbers, and the last guess, which leaves out 1e-3 of c.
    assert abs(drawn.mean() - 0.5) < 5 * 0.2 / np.sqrt(len(drawn)) + 0.002
    assert drawn.std() == pytest.approx(0.2, rel=0.05)
    noisy = gaussian(300).sample(2000, seed=1, pixel_noise=True)
    assert noisy.std() > drawn.std()


@pytest.mark.parametrize("options", [{}, {"steps": 2}, {"variance": 0.2, "lowest_log_snr": -3.0}])
def test_its_gradient_is_the_slope(options):
    report = gradcheck(small(**options), IMAGES)
    assert report.passed, report


class ForgetsTheWeight(Diffusion):
    """Weighs the layer that is drawn as the first."""

    def backward(self):
        gap, reach = self._last_pass()
        self.decoder.backward_parameters(reach * gap / (len(gap) // 2))


def test_a_wrong_weight_of_the_drawn_layer_is_caught():
    assert not gradcheck(small(ForgetsTheWeight), IMAGES).passed


def test_the_layers_of_a_batch_are_spread_evenly():
    noise = small().draw_noise(8, np.random.default_rng(0))
    shares = np.sort(noise[1, :, -1])
    np.testing.assert_allclose(np.diff(shares), 1 / 8, rtol=1e-9)
    assert noise.shape == (2, 8, 7)
    many = small().draw_noise(20_000, np.random.default_rng(1))
    counts = np.bincount((many[1, :, -1] * 8).astype(int), minlength=8)
    assert np.ptp(counts) <= 2
    assert np.abs(many[..., :-1].mean()) < 0.02  # five standard errors are 0.01


def test_large_images_are_averaged_down_to_the_models_own():
    model = build("diffusion")
    large = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    small_ones = shrink(large, 8)
    for images in (large, large[..., 0], large.reshape(3, -1), small_ones, small_ones[..., 0]):
        np.testing.assert_array_equal(model.as_images(images), small_ones)
    with refused("(N, 8, 8, 1)", "(3, 9, 9, 1)"):
        model.as_images(large[:, :9, :9])
    assert np.isfinite(model.evaluate(large).loss)
    assert model.encode(large).shape == (3, 64)
    assert model.reconstruct(large).shape == (3, 8, 8, 1)
    assert model.sample(2).shape == (2, 8, 8, 1)


def test_training_lowers_its_bound():
    images = np.random.default_rng(0).integers(0, 2, (60, 8, 8, 1), dtype=np.uint8) * 60
    images[:, :4] = 0
    model = build("diffusion").fit(images, epochs=30, batch_size=20, progress=False)
    losses = [epoch.train.loss for epoch in model.history_]
    assert losses[-1] < losses[0] - 20


def test_what_it_says_of_itself():
    model = small()
    assert draws_from(model) == "9 steps back from N(0, I) in 6 dimensions"
    assert kl_meaning(model).isascii()
    assert usual_pictures(model) == ("loss", "samples")
    assert model.decode(model.encode(IMAGES)).shape == IMAGES.shape


def test_what_makes_no_sense_is_refused():
    for name, bad in (("steps", 1), ("variance", 0.0), ("lowest_log_snr", np.nan)):
        with refused(name):
            small(**{name: bad})
    with refused("lowest_log_snr must be below", "4.61", "7"):
        small(lowest_log_snr=7.0)
    with refused("64", "leave latent_dim out"):
        build("diffusion", latent_dim=3)
    model = small()
    with refused("noise", "(2, 5, 7)"):
        model.forward(IMAGES, np.zeros((1, 5, 6)))
    for t in (1, 10):
        with refused("t must be"):
            model.step_back(np.zeros((2, 6)), t)
    model.decoder = Sequential(Dense(14, 5, dtype=np.float64))
    with refused("what decoder.forward gives"):
        model.evaluate(IMAGES)
