"""A small VAE and images for it, on which lesson 12's exercises try an answer."""

from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.program import VAE, Bernoulli, Dense, Sequential, Tanh
from scratchvae.validation import FloatArray


def small_networks(pixels: int, latents: int, seed: int) -> tuple[Sequential, Sequential]:
    """Return an encoder and a decoder with a hidden layer of five units each."""
    rng = np.random.default_rng(seed)
    encoder = Sequential(Dense(pixels, 5, rng), Tanh(), Dense(5, 2 * latents, rng))
    return encoder, Sequential(Dense(latents, 5, rng), Tanh(), Dense(5, pixels, rng))


def small_vae(pixels: int, latents: int, seed: int) -> VAE:
    """Return a VAE of these networks and a Bernoulli likelihood."""
    return VAE(*small_networks(pixels, latents, seed), Bernoulli(), latents)


def draw_images(random: np.random.Generator) -> tuple[FloatArray, FloatArray, int]:
    """Return images of 0 and 1, noise for their latents, and a seed for the networks."""
    count, pixels, latents = unequal_sizes(random, 3)
    x = (random.random((count, pixels)) < 0.5).astype(float)
    return x, random.standard_normal((count, latents)), int(random.integers(1000))


def in_a_row(arrays: Any) -> FloatArray:
    """Return all arrays of a dictionary as a single one."""
    return np.concatenate([np.ravel(array) for array in arrays.values()])
