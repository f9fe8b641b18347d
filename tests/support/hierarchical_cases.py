"""Small models of two stochastic layers."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, PIXELS, pixels

from scratchvae.layers import Dense, Flatten, Reshape, Sequential, Tanh
from scratchvae.models import HierarchicalVAE, LadderVAE
from scratchvae.probability import BernoulliLikelihood

IMAGES = pixels(5, *IMAGE_SHAPE, seed=7)
D, U = 3, 2


def small(kind, model=None, dtype=np.float64, scale=1.0, **options):
    made = {"rng": np.random.default_rng(0), "dtype": dtype}

    def network(*sizes):
        layers = [Dense(sizes[0], sizes[1], **made)]
        for before, after in pairwise(sizes[1:]):
            layers += [Tanh(), Dense(before, after, **made)]
        return Sequential(*layers)

    prior = network(U, 4, 2 * D)
    decoder = Sequential(*network(D, 4, PIXELS).layers, Reshape(IMAGE_SHAPE))
    rest = (prior, decoder, BernoulliLikelihood())
    named = {"image_shape": IMAGE_SHAPE, "latent_dim": D, "upper_dim": U} | options
    if kind == "ladder":
        features = Sequential(Flatten(), *network(PIXELS, 6).layers, Tanh())
        made_model = (model or LadderVAE)(
            features, network(6, 2 * D), network(6, 4, 2 * U), *rest, **named
        )
    else:
        encoder = Sequential(Flatten(), *network(PIXELS, 6, 2 * D).layers)
        made_model = (model or HierarchicalVAE)(encoder, network(D, 4, 2 * U), *rest, **named)
    for parameter in made_model.parameters.values():
        parameter.value *= scale
    return made_model


both = pytest.mark.parametrize("kind", ["bottom-up", "ladder"])
