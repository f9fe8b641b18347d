"""Slips of somebody new: a layer or model that is put together wrongly is refused in one line."""

import copy
import pickle
import types

import numpy as np
import pytest
from careless_layers import Doubling, Forgetful, LongBackward, ShortForward
from helpers import IMAGE_SHAPE, assert_same, pixels, refused, small_parts, small_vae, values

from scratchvae import plots
from scratchvae.layers import Dense, Flatten, Layer, Parameter, Reshape, Sequential
from scratchvae.models import VAE, build
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood, Likelihood
from scratchvae.training import Settings, Trainable, Trainer

X = np.ones((4, 3), np.float32)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (Forgetful, ("Forgetful", "super().__init__()")),
        (ShortForward, ("ShortForward.forward must take (self, x, training=False)",)),
        (LongBackward, ("LongBackward.backward must take (self, dy)",)),
        (lambda: Doubling, ("must be a scratchvae.layers.Layer",)),
    ],
)
def test_a_layer_of_ones_own_is_checked_where_it_is_put_in(make, words):
    with refused(*words):
        Sequential(Dense(3, 2), make())
    if isinstance(make(), Layer):
        encoder, decoder = small_parts()
        encoder.layers.append(make())
        with refused(*words):
            VAE(encoder, decoder, GaussianLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)
        with refused(*words):
            small_vae().encoder = make()


@pytest.mark.parametrize("wrong", [None, [1.0], 3.0, np.ones((4, 3), int), np.ones(4, complex)])
def test_what_a_pass_returns_is_checked_where_it_is_passed_on(wrong):
    class Odd(Doubling):
        def forward(self, x, training=False):
            return wrong if self.fault == "forward" else x

        def backward(self, dy):
            return wrong if self.fault == "backward" else dy

    odd = Odd()
    network = Sequential(odd, Dense(3, 2))
    odd.fault = "forward"
    with refused("what Odd.forward returns"):
        network.forward(X)
    odd.fault = "backward"
    network.forward(X)
    with refused("what Odd.backward returns"):
        network.backward(np.ones((4, 2), np.float32))


def test_a_method_that_was_not_written_is_named():
    with refused("Layer does not define forward", "write a forward"):
        Layer().forward(X)
    with refused("Mine does not define sample", "class Mine"):
        type("Mine", (Likelihood,), {})().sample(X, np.random.default_rng(0))
    with refused("Mine does not define draw_noise"):
        type("Mine", (Trainable,), {})().draw_noise(1, np.random.default_rng(0))


@pytest.mark.parametrize("shape", [(4, 5, 2), (4, 5, 4), (20,), (4, 5)])
def test_pictures_of_images_that_are_none_are_refused(shape):
    size = int(np.prod(shape))
    model = VAE(
        Sequential(Flatten(), Dense(size, 4, rng=0)),
        Sequential(Dense(2, size, rng=1), Reshape(shape)),
        GaussianLikelihood(),
        image_shape=shape,
        latent_dim=2,
    )
    data = pixels(8, *shape)
    for draw in (
        lambda: plots.draw_samples(model, rows=2, columns=2),
        lambda: plots.draw_reconstructions(model, data),
        lambda: plots.draw_manifold(model, steps=2),
        lambda: plots.draw_interpolation(model, data, rows=2, steps=2),
    ):
        with refused("pictures are drawn of images", "(N, H, W, 3), in colour"):
            draw()
    assert plots.draw_latent(model, data, np.arange(8) % 2).axes


def test_a_part_that_is_replaced_is_checked_and_used():
    model = small_vae(GaussianLikelihood())
    for name, wrong in (
        ("likelihood", BernoulliLikelihood),
        ("settings", {"epochs": 3}),
        ("image_shape", 15),
        ("latent_dim", "2"),
        ("beta", "4"),
        ("samples", 0),
        ("variance_head", None),
    ):
        before = getattr(model, name)
        with refused(name):
            setattr(model, name, wrong)
        assert getattr(model, name) is before
    x = pixels(4, *IMAGE_SHAPE)
    first = model.evaluate(x).reconstruction
    model.likelihood = GaussianLikelihood(0.5)
    assert model.evaluate(x).reconstruction == pytest.approx(2 * first)
    model.settings = Settings(epochs=3, batch_size=2)
    assert len(model.fit(x).history_) == 3
    model.latent_dim = 3
    with refused("what encoder.forward gives must be of shape (4, 6)"):
        model.evaluate(x)


def test_what_a_model_was_built_from_follows_its_changes():
    model = build("zhao-mlp", beta=np.float32(0.5), seed=np.int64(3))
    assert model.config["beta"] == 0.5
    assert [type(model.config[name]) for name in ("beta", "seed")] == [float, int]
    twin = copy.copy(model)
    twin.beta = 2.0
    assert (twin.config["beta"], model.config["beta"]) == (2.0, 0.5)
    model.likelihood = GaussianLikelihood(0.3)
    assert model.config == {}
    assert model.dtype == model.encoder.dtype == np.float32
    assert_same(values(pickle.loads(pickle.dumps(model))), values(model))


def test_a_trainer_gives_a_weight_of_the_kl_back():
    model = small_vae()
    model.kl_weight = 0.25
    trainer = Trainer(model, warm_up=2.0, epochs=4)
    trainer.schedule(0.25)
    terms = trainer.step(pixels(4, *IMAGE_SHAPE))
    assert terms.loss == pytest.approx(terms.reconstruction + 0.25 * 0.5 * terms.kl)
    assert model.kl_weight == 0.25


def test_the_names_of_scikit_learn(monkeypatch):
    x = pixels(12, *IMAGE_SHAPE)
    model = small_vae()
    initial = values(model)
    assert model.get_params() == model.get_params(deep=False)
    assert model.set_params(epochs=2, batch_size=5) is model
    with refused("setting", "epoch"):
        model.set_params(epoch=2)
    z = model.fit_transform(x)
    np.testing.assert_array_equal(z, model.transform(x))
    clone = model.__sklearn_clone__()
    assert_same(values(clone), initial)
    assert (clone.__sklearn_is_fitted__(), model.__sklearn_is_fitted__()) == (False, True)
    assert (clone.history_, clone.get_params()) == ([], model.get_params())
    np.testing.assert_array_equal(clone.fit(x).transform(x), z)
    names = ("Tags", "TargetTags", "TransformerTags", "InputTags")
    of_scikit = types.SimpleNamespace(**dict.fromkeys(names, lambda **given: given))
    monkeypatch.setitem(__import__("sys").modules, "sklearn.utils", of_scikit)
    assert model.__sklearn_tags__()["estimator_type"] is None


class Held(Doubling):
    """Holds what it is given as its parameters or buffers."""

    def __init__(self, **held):
        super().__init__()
        vars(self).update(held)


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"parameters": [Parameter(X)]}, "Held.parameters must be a dictionary by name"),
        ({"parameters": {"w": X}}, "Held.parameters['w'] must be a Parameter"),
        ({"parameters": {"w": None}}, "Held.parameters['w'] must be a Parameter, not None"),
        ({"buffers": [X]}, "Held.buffers must be a dictionary by name"),
        ({"buffers": {"n": 3}}, "Held.buffers['n'] must be a ndarray, not 3"),
    ],
)
def test_what_a_layer_of_ones_own_learns_and_keeps_is_held_by_name(held, words):
    with refused(words):
        Sequential(Held(**held))
    model, layer = small_vae(), Held()
    model.encoder.layers.append(layer)
    vars(layer).update(held)
    for call in (model.fit, model.encode):
        with refused(words):
            call(pixels(4, *IMAGE_SHAPE))
