"""Recipes: what they build, and the options they refuse."""

import numpy as np
import pytest
from helpers import normal, pixels, refused

from scratchvae.layers import Parameter
from scratchvae.models import RECIPES, build, find_recipe
from scratchvae.probability import BernoulliLikelihood


@pytest.mark.parametrize("latent_dim", [1, 2, 7])
@pytest.mark.parametrize("name", [name for name in RECIPES if RECIPES[name].any_latent_dim])
def test_every_recipe_builds_with_any_number_of_latents(name, latent_dim):
    model = build(name, latent_dim=latent_dim)
    images = pixels(2, 28, 28, 1, dtype=np.float32)
    assert model.latent_dim == latent_dim
    assert model.settings == RECIPES[name].settings
    assert model.config["recipe"] == name
    assert model.config["latent_dim"] == latent_dim
    labels = np.array([3, 8]) if model.classes else None
    assert model.encode(images, labels).shape == (2, latent_dim)
    assert model.reconstruct(images, labels).shape == images.shape
    assert model.sample(1).shape == (1, 28, 28, 1)
    assert np.isfinite(model.evaluate(images, labels=labels).loss)


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_has_its_own_number_of_latents_and_options(name):
    model = build(name)
    assert model.latent_dim == RECIPES[name].latent_dim
    assert (
        model.config
        == {
            "recipe": name,
            "latent_dim": RECIPES[name].latent_dim,
            "seed": 0,
        }
        | RECIPES[name].options
    )
    assert all(isinstance(p, Parameter) for p in model.parameters.values())
    assert len({id(p) for p in model.parameters.values()}) == len(model.parameters)


def test_recipes_are_what_their_sources_say():
    zhao = build("zhao-mlp")
    weights = [p.value.shape for n, p in zhao.parameters.items() if n.endswith("weight")]
    assert weights == [
        (784, 300),
        (300, 100),
        (100, 10),
        (10, 4),
        (2, 10),
        (10, 100),
        (100, 300),
        (300, 784),
    ]
    assert zhao.likelihood.variance == 0.05
    assert (zhao.settings.learning_rate, zhao.settings.batch_size) == (2.5e-3, 256)
    assert build("zhao-mlp", hidden=20).parameters["encoder.5.weight"].value.shape == (100, 20)
    assert 0 < zhao.decode(normal(3, 2)).min() <= zhao.decode(normal(3, 2)).max() < 1
    kingma = build("kingma-welling")
    assert kingma.parameters["encoder.1.weight"].value.shape == (784, 500)
    assert kingma.settings.pixels == "binarised"
    assert isinstance(kingma.likelihood, BernoulliLikelihood)


def test_options_reach_the_model():
    model = build("zhao-mlp", variance=0.3, beta=2.5, samples=3)
    assert (model.likelihood.variance, model.beta, model.samples) == (0.3, 2.5, 3)
    assert model.config["variance"] == 0.3
    assert build("zhao-mlp", beta=None).beta == 1
    assert build("zhao-mlp", beta=0).beta == 0


def test_unknown_recipes_and_options_are_refused_with_a_suggestion():
    for function in (build, find_recipe):
        with refused("'zhao-mpl'", "did you mean 'zhao-mlp'?", *RECIPES):
            function("zhao-mpl")
        with refused("'qqq'", *RECIPES):
            function("qqq")
        with refused("None"):
            function(None)
    with refused("zhao-mlp has no option 'varience'", "variance", "hidden"):
        build("zhao-mlp", varience=0.1)
    with refused("linear-autoencoder has no option 'beta'", "nor any other"):
        build("linear-autoencoder", beta=1.0)


@pytest.mark.parametrize(
    ("option", "bad"),
    [
        ("latent_dim", 0),
        ("latent_dim", 2.5),
        ("latent_dim", True),
        ("seed", -1),
        ("hidden", 0),
        ("variance", 0.0),
        ("beta", -1),
        ("samples", 0),
        ("dtype", np.float16),
    ],
)
def test_options_that_make_no_sense_are_refused(option, bad):
    with refused(option, repr(bad)):
        build("zhao-mlp", **{option: bad})
