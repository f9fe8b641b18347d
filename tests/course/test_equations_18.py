"""The equations of lesson 18, the convolutional VAE, and the networks that it builds."""

import numpy as np
import pytest

from scratchvae import build
from scratchvae.course import program
from scratchvae.course.exercises import lesson_18 as answers
from scratchvae.layers import BatchNorm, Conv2D, ConvTranspose2D


@pytest.fixture
def rng():
    return np.random.default_rng(18)


def test_products(rng):
    """eq. 18.1: as many as the entries of the matrix product that a convolution is."""
    x = rng.standard_normal((1, 7, 9, 3))
    rows = program.patches(x, 3, 2, 1)
    places = rows.shape[1] * rows.shape[2]
    by_matrix = rows.reshape(places, -1).size * 5  # each number of a row meets 5 columns
    assert program.products(places, 3, 3, 5) == by_matrix


def test_aggregate_moments(rng):
    """eq. 18.2: of many draws, one image and one noise each."""
    mean, log_variance = 1 + rng.standard_normal((2, 20, 3))
    images = rng.integers(20, size=400_000)
    eps = rng.standard_normal((len(images), 3))
    z = program.draw(mean[images], log_variance[images], eps)
    expected_mean, expected_variance = answers.aggregate_moments(mean, log_variance)
    # Five standard errors of 400,000 draws, whose standard deviations are about 2.
    np.testing.assert_allclose(z.mean(axis=0), expected_mean, atol=0.02)
    np.testing.assert_allclose(z.var(axis=0), expected_variance, rtol=0.02)


def test_zhaos_networks_are_those_of_the_recipe(rng):
    """The same layers in the same order, and with the same weights the same output."""
    encoder, decoder = program.zhao_networks(4, 2, rng)
    model = build("zhao-cnn", latent_dim=2, dtype=np.float64)
    for own, package in (
        (encoder, model.networks["encoder"]),
        (decoder, model.networks["decoder"]),
    ):
        for value, parameter in zip(
            own.parameters.values(), package.parameters.values(), strict=True
        ):
            value[...] = parameter.value
        program.set_training(own, True)
    x = rng.random((3, 784))
    expected = model.networks["encoder"].forward(x.reshape(-1, 28, 28, 1), training=True)
    np.testing.assert_allclose(encoder.forward(x), expected, atol=1e-11)
    z = rng.standard_normal((3, 2))
    images = model.networks["decoder"].forward(z, training=True).reshape(3, 784)
    np.testing.assert_allclose(decoder.forward(z), images, atol=1e-11)
    kinds = {type(layer).__name__ for network in (encoder, decoder) for layer in network.layers}
    assert kinds >= {kind.__name__ for kind in (BatchNorm, Conv2D, ConvTranspose2D)}


def test_the_gradients_of_a_whole_convolutional_vae_are_slopes(rng):
    """Through all of its layers, in training mode, for some entries of each array."""
    vae = program.VAE(*program.zhao_networks(4, 2, rng, width=2), program.Gaussian(0.5), 2)
    x, eps = rng.random((3, 784)), rng.standard_normal((3, 2))

    def loss():
        return float(sum(vae.forward(x, eps)).mean())

    loss()
    vae.backward()
    gradients = {name: array.copy() for name, array in vae.gradients.items()}
    for name, array in vae.parameters.items():
        place = tuple(rng.integers(side) for side in array.shape)
        start, slopes = array[place], []
        for step in (1e-5, -1e-5):
            array[place] = start + step
            slopes.append(loss())
        array[place] = start
        slope = (slopes[0] - slopes[1]) / 2e-5
        # Losses of order 100: rounding of 1e-14 over a step of 1e-5 leaves 1e-9.
        assert gradients[name][place] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_the_twin_is_the_vae_without_noise_and_without_its_kl(rng):
    encoder = program.Sequential(program.Dense(6, 2, rng))
    decoder = program.Sequential(program.Dense(2, 6, rng))
    twin = program.Autoencoder(encoder, decoder, program.Gaussian(0.5), 2)
    x = rng.random((4, 6))
    reconstruction, kl = twin.forward(x, rng.standard_normal((4, 2)))
    assert not kl.any()
    decoded = program.reconstruct(twin, x)
    np.testing.assert_allclose(reconstruction, ((x - decoded) ** 2).sum(axis=1), rtol=1e-12)
    twin.backward()
    gradients = {name: array.copy() for name, array in twin.gradients.items()}
    for name, array in twin.parameters.items():
        slopes = program.slopes(lambda: twin.forward(x, x)[0].mean(), array)
        np.testing.assert_allclose(gradients[name], slopes, rtol=1e-6, atol=1e-9)
