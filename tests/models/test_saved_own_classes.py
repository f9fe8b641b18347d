"""Models with classes of the reader's own, kept in a file and loaded into one that was built."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, assert_same, normal, refused, small_parts, small_vae

import scratchvae
from scratchvae.layers import (
    Layer,
)
from scratchvae.models import VAE
from scratchvae.probability import (
    BernoulliLikelihood,
    Likelihood,
)

IMAGES = np.random.default_rng(0).random((12, *IMAGE_SHAPE))
FLOAT64 = {"rng": 0, "dtype": np.float64}


class Shifted(Layer):
    """A layer of one's own."""

    def forward(self, x, training=False):
        self.x = x
        return x + 1

    def backward(self, dy):
        return dy


class Strange(Likelihood):
    """A likelihood of one's own."""

    name = "strange"

    def negative_log_likelihood(self, x, decoded):
        return ((x - decoded) ** 2).reshape(len(x), -1).sum(axis=1)


class Mine(VAE):
    """A model of one's own."""


def with_a_layer_of_ones_own():
    encoder, decoder = small_parts()
    encoder.layers.insert(2, Shifted())
    shapes = {"image_shape": IMAGE_SHAPE, "latent_dim": 2}
    return VAE(encoder, decoder, BernoulliLikelihood(), **shapes)


def with_a_method_of_its_own():
    model = small_vae()
    layer = model.encoder.layers[2]
    layer.forward = lambda x, training=False: type(layer).forward(layer, x, training)
    return model


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (with_a_layer_of_ones_own, "Shifted"),
        (lambda: small_vae(Strange()), "Strange"),
        (lambda: small_vae(model=Mine), "Mine"),
        (with_a_method_of_its_own, "Tanh"),
    ],
    ids=["layer", "likelihood", "model", "method"],
)
def test_what_is_of_ones_own_class_is_loaded_into_a_model(make, name, tmp_path):
    model = make()
    model.encoder.layers[1].freeze()
    for parameter in model.parameters.values():
        parameter.value[...] = normal(*parameter.value.shape, seed=3)
    model.save(tmp_path / "model")
    with refused(f"a class of your own, {name}", "scratchvae.load(path, into=model)"):
        scratchvae.load(tmp_path / "model")
    other = make()
    assert scratchvae.load(tmp_path / "model", into=other) is other
    assert_same(other.state(), model.state())
    assert not other.parameters["encoder.1.weight"].trainable
