"""A small model with codes."""

import numpy as np
from helpers import IMAGE_SHAPE, PIXELS, pixels

from scratchvae.layers import (
    Dense,
    Flatten,
    MaskedDense,
    Reshape,
    Sequential,
    Tanh,
    VectorQuantiser,
)
from scratchvae.layers.masked_dense import causal_masks
from scratchvae.models import VQVAE
from scratchvae.probability import BernoulliLikelihood

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)
P, K, D = 3, 4, 2


def small_vqvae(model=VQVAE, dtype=np.float64, places=P, **options):
    """Return a model of 3 × 5 images with codes spread as its encoder's vectors are."""
    made = {"rng": np.random.default_rng(0), "dtype": dtype}
    quantiser = VectorQuantiser(K, D, **made)
    codebook = quantiser.parameters["codebook"]
    codebook.value[...] = 0.5 * np.random.default_rng(1).standard_normal((K, D))
    below, above = causal_masks(places, K, 7)
    return model(
        Sequential(Flatten(), Dense(PIXELS, places * D, **made)),
        quantiser,
        Sequential(MaskedDense(below, **made), Tanh(), MaskedDense(above, **made)),
        Sequential(
            Dense(places * D, 5, **made), Tanh(), Dense(5, PIXELS, **made), Reshape(IMAGE_SHAPE)
        ),
        BernoulliLikelihood(),
        **{"image_shape": IMAGE_SHAPE, "latent_dim": places} | options,
    )
