"""A linear Gaussian model as a VAE, whose likelihood is known exactly."""

import numpy as np

from scratchvae.layers import Dense, Flatten, Reshape, Sequential
from scratchvae.models import VAE
from scratchvae.probability import GaussianLikelihood


def linear_vae(pixels, latent_dim, variance, seed=0, include_constant=False):
    options = {"rng": np.random.default_rng(seed), "dtype": np.float64}
    return VAE(
        Sequential(Flatten(), Dense(pixels, 2 * latent_dim, **options)),
        Sequential(Dense(latent_dim, pixels, **options), Reshape((pixels, 1, 1))),
        GaussianLikelihood(variance, include_constant=include_constant),
        image_shape=(pixels, 1, 1),
        latent_dim=latent_dim,
    )
