"""Pieces that several test files share."""

from contextlib import contextmanager

import numpy as np
import pytest

from scratchvae.errors import InputError
from scratchvae.layers import Dense, Flatten, Reshape, Sequential, Tanh
from scratchvae.models import RECIPES, VAE, Autoencoder
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood

IMAGE_SHAPE = (3, 5, 1)
PIXELS = 15
DTYPES = [np.float32, np.float64]
each_dtype = pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])


@contextmanager
def refused(*words):
    """Expect an ``InputError`` of one line that holds each of ``words``."""
    with pytest.raises(InputError) as error:
        yield
    text = str(error.value)
    assert text
    assert "\n" not in text
    for word in words:
        assert word in text


def normal(*shape, seed=0, dtype=np.float64, scale=1.0):
    return (scale * np.random.default_rng(seed).standard_normal(shape)).astype(dtype)


def pixels(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).random(shape).astype(dtype)


def small_parts(latent_dim=2, hidden=3, seed=0, dtype=np.float64, channels=1, outputs=2):
    """Return the encoder and decoder of a model of 3 × 5 images that is checked in no time."""
    options = {"rng": np.random.default_rng(seed), "dtype": dtype}
    encoder = Sequential(
        Flatten(),
        Dense(PIXELS, hidden, **options),
        Tanh(),
        Dense(hidden, outputs * latent_dim, **options),
    )
    decoder = Sequential(
        Dense(latent_dim, hidden, **options),
        Tanh(),
        Dense(hidden, PIXELS * channels, **options),
        Reshape((3, 5, channels)),
    )
    return encoder, decoder


def small_vae(
    likelihood=None, *, model=VAE, latent_dim=2, hidden=3, seed=0, dtype=np.float64, **options
):
    likelihood = likelihood or BernoulliLikelihood()
    encoder, decoder = small_parts(
        latent_dim, hidden, seed, dtype, channels=likelihood.channels_per_pixel
    )
    return model(
        encoder, decoder, likelihood, image_shape=IMAGE_SHAPE, latent_dim=latent_dim, **options
    )


def latents_of(recipe, count):
    """Return ``count``, or ``None`` for a recipe whose number of latents is fixed."""
    return count if RECIPES[recipe].any_latent_dim else None


def values(model):
    """Return a copy of every parameter of a model."""
    return {name: p.value.copy() for name, p in model.parameters.items()}


def assert_same(first, second):
    """Expect two sets of arrays to be the same to the bit."""
    assert first.keys() == second.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name], err_msg=name, strict=True)


def covariance(size, seed=0):
    root = normal(size, size, seed=seed)
    return root @ root.T + 0.3 * np.eye(size)


def small_autoencoder(dtype=np.float64, likelihood=None):
    return Autoencoder(
        *small_parts(outputs=1, dtype=dtype),
        likelihood or GaussianLikelihood(),
        image_shape=IMAGE_SHAPE,
        latent_dim=2,
    )
