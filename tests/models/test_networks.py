"""The networks of a model: what is put in the place of one is what runs, learns and is saved."""

import copy
import pickle

import numpy as np
import pytest
from helpers import (
    IMAGE_SHAPE,
    PIXELS,
    assert_same,
    normal,
    pixels,
    refused,
    small_autoencoder,
    small_parts,
    small_vae,
    values,
)
from hierarchical_cases import small

from scratchvae.layers import BatchNorm, Dense, Flatten, Parameter, Reshape, Sequential, Tanh
from scratchvae.models import VAE
from scratchvae.probability import BernoulliLikelihood, GaussianLikelihood
from scratchvae.training import Trainer, load_checkpoint, save_checkpoint

IMAGES = pixels(6, *IMAGE_SHAPE, seed=7)
OPTIONS = {"image_shape": IMAGE_SHAPE, "latent_dim": 2}
FIT = {"epochs": 1, "learning_rate": 0.01, "progress": False, "warm_start": True}


def test_networks_are_the_attributes_that_are_layers():
    vae = small_vae(variance_head=Dense(2, 2, rng=0, dtype=np.float64))
    assert list(vae.networks) == ["encoder", "decoder", "variance_head"]
    assert all(getattr(vae, name) is network for name, network in vae.networks.items())
    for name, parameter in vae.variance_head.parameters.items():
        assert vae.parameters[f"variance_head.{name}"] is parameter
    ladder = ["encoder", "decoder", "upper_encoder", "prior", "lower_head"]
    assert list(small("ladder").networks) == ladder
    vae.extra = Dense(1, 1, dtype=np.float64)
    assert "extra.weight" in vae.parameters


def test_parameters_and_buffers_of_a_model_are_read_only():
    vae = small_vae()
    for mapping in (vae.parameters, vae.buffers):
        with pytest.raises(TypeError):
            mapping["encoder.1.weight"] = Parameter(np.zeros((PIXELS, 3)))
    for name in ("parameters", "buffers", "networks"):
        with pytest.raises(AttributeError):
            setattr(vae, name, {})


def test_parameters_follow_a_layer_of_its_own_dict():
    model = VAE(Dense(3, 4), Dense(2, 3), GaussianLikelihood(), image_shape=(3,), latent_dim=2)
    mine = model.encoder.parameters["weight"] = Parameter(np.full((3, 4), 0.1, np.float32))
    assert model.parameters["encoder.weight"] is mine
    model.fit(np.ones((5, 3)), **FIT)
    assert (mine.value != 0.1).any()


def test_a_replaced_network_runs_and_is_trained_and_saved(tmp_path):
    vae, other, eps = small_vae(), small_vae(seed=1), normal(1, 6, 2)
    encoder = other.encoder
    before = values(other)
    vae.encoder = encoder
    mixed = small_vae()
    mixed.encoder = small_vae(seed=1).encoder
    assert vae.forward(IMAGES, eps) == mixed.forward(IMAGES, eps)
    assert vae.forward(IMAGES, eps) != small_vae().forward(IMAGES, eps)
    vae.zero_grad()
    vae.backward()
    assert encoder.parameters["1.weight"].grad.any()
    vae.fit(IMAGES, **FIT)
    assert (encoder.parameters["1.weight"].value != before["encoder.1.weight"]).any()
    np.testing.assert_array_equal(
        vae.state()["encoder.1.weight"], encoder.parameters["1.weight"].value
    )
    save_checkpoint(tmp_path / "checkpoint.npz", Trainer(vae), {})
    again = Trainer(small_vae(seed=2))
    load_checkpoint(tmp_path / "checkpoint.npz").restore(again)
    assert_same(values(again.model), values(vae))


def test_a_layer_in_two_networks_is_refused():
    encoder, decoder = small_parts()
    with refused("encoder and decoder share a layer, a Sequential", "a layer of its own"):
        VAE(encoder, encoder, BernoulliLikelihood(), **OPTIONS)
    tanh = encoder.layers[2]
    nested = Sequential(Sequential(decoder.layers[0], tanh), *decoder.layers[2:])
    with refused("encoder and decoder share a layer, a Tanh"):
        VAE(encoder, nested, BernoulliLikelihood(), **OPTIONS)
    with refused("decoder and variance_head share a layer, a Dense"):
        VAE(encoder, decoder, BernoulliLikelihood(), variance_head=decoder.layers[0], **OPTIONS)
    # Another model may have it: it forgets what the first has seen, as with any new batch.
    VAE(encoder, decoder, BernoulliLikelihood(), **OPTIONS)
    vae = VAE(encoder, decoder, BernoulliLikelihood(), **OPTIONS)
    with refused("encoder and decoder share a layer, a Tanh"):
        vae.decoder = nested
    assert vae.decoder is decoder
    vae.decoder = decoder  # itself is no second place


@pytest.mark.parametrize("bad", [None, [Flatten(), Dense(15, 4)], Dense, "encoder"], ids=repr)
def test_a_network_must_be_a_layer(bad):
    for name in ("encoder", "decoder"):
        encoder, decoder = small_parts()
        networks = {"encoder": encoder, "decoder": decoder} | {name: bad}
        with refused(f"{name} must be a Layer, not {type(bad).__name__}"):
            VAE(**networks, likelihood=BernoulliLikelihood(), **OPTIONS)
    for model, name in ((small_vae(), "variance_head"), (small("ladder"), "prior")):
        with refused(f"{name} must be a Layer, not {type(bad).__name__}"):
            setattr(model, name, bad)


def test_networks_of_two_dtypes_are_refused():
    vae, single = small_vae(), small_vae(dtype=np.float32)
    with refused("this decoder they have float32 and float64", "build decoder with the dtype"):
        vae.decoder = single.decoder
    with refused("this decoder they have float32 and float64"):
        VAE(vae.encoder, single.decoder, BernoulliLikelihood(), **OPTIONS)
    vae.variance_head = Tanh()  # without parameters it has no dtype of its own
    assert vae.encode(IMAGES).dtype == np.float64


def test_an_encoder_of_another_size_is_named():
    _, decoder = small_parts()
    encoder = Sequential(Flatten(), Dense(PIXELS, 2, rng=0, dtype=np.float64))
    vae = VAE(encoder, decoder, BernoulliLikelihood(), **OPTIONS)
    with refused("what encoder.forward gives", "(6, 4), not (6, 2)", "2 latent_dim numbers"):
        vae.elbo(IMAGES)


@pytest.mark.parametrize("make", [small_vae, small_autoencoder, lambda: small("ladder")])
def test_a_decoder_of_another_size_is_named(make):
    model = make()
    layers = model.decoder.layers[:-1]
    model.decoder = Sequential(*layers, Reshape((5, 3, 1)))
    for call in (model.evaluate, model.reconstruct):
        with refused("the decoder must give (N, 3, 5, 1)", "not (", "5, 3, 1)"):
            call(IMAGES)


def test_a_copy_of_a_model_keeps_all_but_its_last_pass():
    vae = small_vae().fit(IMAGES, **FIT)
    for again in (pickle.loads(pickle.dumps(vae)), copy.deepcopy(vae)):
        assert_same(again.state(), vae.state())
        np.testing.assert_array_equal(again.elbo(IMAGES), vae.elbo(IMAGES))
        again.fit(IMAGES, epochs=1, progress=False)
        assert_same(values(again), values(small_vae().fit(IMAGES, epochs=1, progress=False)))
    with refused("needs a forward pass first"):
        copy.deepcopy(vae).backward()


def test_buffers_are_those_of_the_layers():
    encoder, decoder = small_parts()
    norm = BatchNorm(4, dtype=np.float64)
    vae = VAE(Sequential(*encoder.layers, norm), decoder, BernoulliLikelihood(), **OPTIONS)
    assert list(vae.buffers) == ["encoder.4.running_mean", "encoder.4.running_variance"]
    assert vae.buffers["encoder.4.running_mean"] is norm.buffers["running_mean"]
    start = norm.buffers["running_mean"].copy()
    first = values(vae.fit(IMAGES, epochs=1, progress=False))
    assert (norm.buffers["running_mean"] != start).all()
    assert_same(values(vae.fit(IMAGES, epochs=1, progress=False)), first)
