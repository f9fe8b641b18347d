"""What changes as training goes on: the KL's weight, and the free bits of an upper layer."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, latents_of, normal, pixels, refused, small_vae
from hierarchical_cases import IMAGES, D, U, both, small

from scratchvae.checks.gradients import gradcheck
from scratchvae.models import RECIPES, build
from scratchvae.probability import GaussianLikelihood, kl_to_standard_gradients
from scratchvae.training import Settings, Trainable, Trainer, train

# The warm-up of the KL.


def test_the_kl_is_warmed_up_in_training_alone():
    vae = small_vae(GaussianLikelihood(), beta=2.0)
    images = np.random.default_rng(1).integers(0, 256, (20, *IMAGE_SHAPE), dtype=np.uint8)
    weights, forward = [], vae.forward

    def watched(x, eps, training=True):
        parts = forward(x, eps, training)
        share = (parts.loss - parts.reconstruction) / parts.kl
        weights.append((training, share))
        return parts

    vae.forward = watched
    settings = Settings(batch_size=10, epochs=4, warm_up=3)
    train(Trainer(vae, settings), images, images, progress=False)
    trained = [share for training, share in weights if training]
    expected = [0, 1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6, 1, 1]
    np.testing.assert_allclose(trained, np.multiply(2, expected), atol=1e-7)
    tested = [share for training, share in weights if not training]
    np.testing.assert_allclose(tested, 2)
    assert vae.kl_weight == 1


def test_a_warm_up_is_a_number_of_epochs():
    for bad in (-1, np.nan, "soon"):
        with refused("warm_up", repr(bad)):
            Settings(warm_up=bad)


@pytest.mark.parametrize("recipe", ["iwae", "autoencoder", "sparse-autoencoder"])
def test_a_warm_up_is_for_a_model_that_weighs_a_kl(recipe):
    model = build(recipe, latent_dim=2)
    with refused(type(model).__name__, "no KL whose weight could grow", "leave warm_up out"):
        Trainer(model, model.settings.changed(warm_up=2.0))
    with refused("leave warm_up out"):
        model.fit(np.zeros((2, 28, 28, 1), np.uint8), warm_up=2.0)


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_model_that_says_it_weighs_a_kl_does(recipe):
    model = build(recipe, latent_dim=latents_of(recipe, 2), dtype=np.float64)
    x = pixels(3, *model.image_shape)
    given = {"labels": np.arange(3)} if model.classes else {}
    noise = model.draw_noise(3, np.random.default_rng(0))
    whole = model.forward(x, noise, training=False, **given).loss
    model.kl_weight = 0.0
    without = model.forward(x, noise, training=False, **given).loss
    assert (whole != without) == model.weighs_kl


def test_a_model_of_ones_own_is_warmed_up_if_it_has_the_weight():
    class Bare(Trainable):
        parameters, dtype = {}, np.dtype(np.float64)

    with refused("Bare has no KL", "leave warm_up out"):
        Trainer(Bare(), Settings(warm_up=1.0))
    Bare.weighs_kl = True
    assert Trainer(Bare(), Settings(warm_up=1.0)).settings.warm_up == 1


def test_the_weight_of_the_kl_is_in_the_gradient():
    vae = small_vae(beta=2.0)
    vae.kl_weight = 0.3
    assert gradcheck(vae, IMAGES).passed
    mean, log_variance = vae.encode_distribution(IMAGES)
    assert np.abs(kl_to_standard_gradients(mean, log_variance).mean).max() > 0


# Free bits that sink.


def test_free_bits_sink_to_nothing_in_training_alone():
    model = small("bottom-up", dtype=np.float32, free_bits=0.3)
    images = np.random.default_rng(1).integers(0, 256, (20, *IMAGE_SHAPE), dtype=np.uint8)
    found, forward = [], model.forward

    def watched(x, eps, training=True):
        found.append((training, model.free_bits))
        return forward(x, eps, training)

    model.forward = watched
    settings = Settings(batch_size=10, epochs=4, free_bits=0.6, free_bits_epochs=3)
    train(Trainer(model, settings), images, images, progress=False)
    trained = [free for training, free in found if training]
    np.testing.assert_allclose(trained, [0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0, 0], atol=1e-12)
    assert {free for training, free in found if not training} == {0.3}  # the model's own
    assert model.free_bits == 0.3


@both
def test_the_gradient_is_right_all_along_the_schedules(kind):
    # Of the weight of the KL and the free bits at once: the start, the middle and the end.
    model = small(kind, scale=1.5)
    settings = Settings(epochs=10, warm_up=6, free_bits=0.2, free_bits_epochs=8)
    trainer = Trainer(model, settings)
    losses = []
    for progress in (0.0, 0.3, 0.5, 1.0):
        trainer.schedule(progress)
        with trainer.schedules_in_force(model):
            report = gradcheck(model, IMAGES)
            losses.append(model.forward(IMAGES, normal(1, 5, D + U, seed=3)))
        assert report.passed, report
    assert losses[0].loss == losses[0].reconstruction
    assert losses[2].loss > losses[2].reconstruction
    assert losses[3].loss == pytest.approx(losses[3].reconstruction + losses[3].kl)


def test_free_bits_are_for_a_model_that_has_them():
    with refused("VAE has no free bits", "leave free_bits"):
        Trainer(small_vae(), Settings(free_bits=0.5, free_bits_epochs=2))
    for half in ({"free_bits": 0.5}, {"free_bits_epochs": 2}):
        with refused(
            "free_bits and free_bits_epochs must both be above 0, or neither, not "
            f"{half.get('free_bits', 0):g} and {half.get('free_bits_epochs', 0):g}"
        ):
            Settings(**half)
    for bad in (-1, np.nan, "soon"):
        with refused("free_bits_epochs", repr(bad)):
            Settings(free_bits=0.5, free_bits_epochs=bad)


def test_a_warm_up_can_begin_again_and_again():
    settings = Settings(epochs=9, warm_up=2, warm_up_every=3)
    trainer = Trainer(build("pytorch-example", seed=0), settings)
    weights = []
    for half in range(18):
        trainer.schedule(half / 18)
        weights.append(trainer.kl_weight)
    np.testing.assert_allclose(weights, [0, 0.25, 0.5, 0.75, 1, 1] * 3, atol=1e-8)


@pytest.mark.parametrize("warm_up", [0, 3.5])
def test_a_cycle_is_no_shorter_than_its_warm_up(warm_up):
    with refused("warm_up_every=3 expects a warm_up above 0 and at most as long"):
        Settings(warm_up=warm_up, warm_up_every=3)
