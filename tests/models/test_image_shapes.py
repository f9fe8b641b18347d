"""Recipes of images of any shape: what they build, and which shapes they refuse."""

import numpy as np
import pytest
from helpers import assert_same, pixels, refused

from scratchvae.models import RECIPES, build

CONVOLUTIONAL = ("zhao-cnn", "fleuret-conv", "fleuret-autoencoder")
SHAPES = [(32, 32, 3), (9, 31, 2), (20, 14, 1), (30,), (1, 1, 1)]


def answers(name, shape):
    """Train a small model for a step, and see that all it gives has the shape of an image."""
    latents = 2 if RECIPES[name].any_latent_dim else None
    model = build(name, image_shape=shape, latent_dim=latents)
    images = pixels(4, *shape, dtype=np.float32)
    labels = np.arange(4) if model.classes else None
    model.fit(images, labels, epochs=1, batch_size=4, progress=False)
    assert model.image_shape == shape
    assert model.encode(images, labels).shape == (4, model.latent_dim)
    assert model.reconstruct(images, labels).shape == images.shape
    assert model.sample(3).shape == (3, *shape)
    assert np.isfinite(model.evaluate(images, labels=labels).loss)
    return model


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", [name for name in RECIPES if name not in CONVOLUTIONAL])
def test_a_recipe_of_dense_layers_takes_any_shape(name, shape):
    answers(name, shape)


@pytest.mark.parametrize("shape", [(8, 8, 3), (9, 15, 1), (13, 10, 4), (29, 32, 1)], ids=str)
def test_zhaos_convolutions_take_any_sides(shape):
    answers("zhao-cnn", shape)


@pytest.mark.parametrize("shape", [(16, 16, 1), (32, 32, 3), (28, 29, 2), (41, 43, 1)], ids=str)
@pytest.mark.parametrize("name", CONVOLUTIONAL[1:])
def test_fleurets_last_kernel_covers_what_is_left(name, shape):
    answers(name, shape)


@pytest.mark.parametrize("name", RECIPES)
def test_the_shape_that_a_recipe_has_by_itself_changes_nothing(name):
    usual = build(name, latent_dim=None)
    chosen = build(name, image_shape=RECIPES[name].image_shape)
    assert_same(usual.state(), chosen.state())
    assert usual.config == chosen.config
    assert "image_shape" not in usual.config


def test_another_shape_is_kept_in_the_configuration():
    assert build("zhao-mlp", image_shape=[4, 5, 2]).config["image_shape"] == (4, 5, 2)


def test_convolutions_say_which_images_they_need():
    for name in CONVOLUTIONAL:
        with refused("images of shape (H, W, C), not (30,)", "zhao-mlp"):
            build(name, image_shape=(30,))
    with refused("sides of at least 16, not 20x14", "`pad=20x20`", "zhao-cnn"):
        build("fleuret-conv", image_shape=(20, 14, 1))
    with refused("as high as they are wide, not 32x48", "cover 5x9", "`pad=48x48`"):
        build("fleuret-autoencoder", image_shape=(32, 48, 3))


@pytest.mark.parametrize("shape", [(), 28, (28, 0, 1), (2.5, 3), "28x28"], ids=str)
def test_what_is_no_shape_is_refused(shape):
    with refused("image_shape"):
        build("zhao-mlp", image_shape=shape)


def test_a_conditional_model_has_as_many_classes_as_it_is_given():
    model = build("conditional-vae", image_shape=(4, 4, 3), classes=26)
    assert (model.classes, model.config["classes"]) == (26, 26)
    images = pixels(2, 4, 4, 3, dtype=np.float32)
    assert model.encode(images, np.array([0, 25])).shape == (2, model.latent_dim)
    with refused("from 0 to 25"):
        model.encode(images, np.array([0, 26]))
    with refused("classes", "0"):
        build("conditional-vae", classes=0)


def test_a_diffusion_has_a_latent_for_each_pixel():
    assert build("diffusion", image_shape=(4, 4, 3)).latent_dim == 48
    assert build("diffusion", image_shape=(28, 28, 1)).latent_dim == 784
    with refused("the latents of a diffusion are as many as pixels, 48, not 64"):
        build("diffusion", image_shape=(4, 4, 3), latent_dim=64)


def test_only_a_diffusion_of_smaller_squares_averages_digits_down():
    digits = pixels(2, 28, 28, 1, dtype=np.float32)
    assert build("diffusion").as_images(digits).shape == (2, 8, 8, 1)
    with refused("(N, 4, 7, 1)"):
        build("diffusion", image_shape=(4, 7, 1)).as_images(digits)
