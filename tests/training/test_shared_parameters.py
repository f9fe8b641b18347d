"""One parameter in several layers: its gradients add up, and it takes one step at a time."""

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, normal, pixels, refused, small_parts

from scratchvae.checks.gradients import gradcheck
from scratchvae.engine import Engine
from scratchvae.layers import Dense, Tanh
from scratchvae.models import VAE, Autoencoder
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import Adam, Trainer, load_checkpoint, save_checkpoint

IMAGES = pixels(6, *IMAGE_SHAPE)


def shared(kind=VAE, across=False):
    """Return a model with one weight in two of its dense layers, and that weight."""
    encoder, decoder = small_parts(outputs=2 if kind is VAE else 1)
    options = {"dtype": np.float64}
    encoder.layers[3:3] = [Dense(3, 3, rng=5, **options), Tanh(), Dense(3, 3, rng=6, **options)]
    second = encoder.layers[5]
    if across:
        second = Dense(3, 3, rng=7, **options)
        decoder.layers.insert(1, second)
    weight = second.parameters["weight"] = encoder.layers[3].parameters["weight"]
    model = kind(encoder, decoder, GaussianLikelihood(), image_shape=IMAGE_SHAPE, latent_dim=2)
    return model, weight


def gradient(kind, across, monkeypatch, engine):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    model, weight = shared(kind, across)
    weight.grad += 7  # of an earlier pass
    runner = Engine(keeps=True)
    noise = normal(*model.draw_noise(6, np.random.default_rng(0)).shape)
    with runner.round(model) as double:
        runner.forward(double, IMAGES, noise)
        runner.zero_grad(double)
        runner.backward(double)
        runner.settle()
    return weight.grad.copy()


@pytest.mark.parametrize("across", [False, True], ids=["in a network", "in two networks"])
@pytest.mark.parametrize("kind", [VAE, Autoencoder])
def test_the_gradient_is_the_sum_over_the_places(kind, across, monkeypatch):
    model, _ = shared(kind, across)
    assert gradcheck(model, IMAGES).passed
    planned, written = (gradient(kind, across, monkeypatch, which) for which in ("on", "off"))
    # The same sums in another order, of numbers of order 1 in float64.
    np.testing.assert_allclose(planned, written, rtol=1e-10, atol=1e-12)
    assert written.any()


@pytest.mark.parametrize("engine", ["on", "off"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_a_step_moves_it_once(optimiser, engine, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    model, weight = shared()
    before = weight.value.copy()
    Trainer(model, optimiser=optimiser, learning_rate=0.01).step(IMAGES)
    if optimiser == "sgd":
        np.testing.assert_array_equal(weight.value, before - 0.01 * weight.grad)
    else:
        # Adam's first step is of the size of the rate; where a gradient is 0, ε makes it smaller.
        np.testing.assert_allclose(np.abs(weight.value - before), 0.01, rtol=1e-4)


def test_it_is_saved_and_loaded(tmp_path):
    trainers = [Trainer(shared()[0]) for _ in range(2)]
    trainers[0].step(IMAGES)
    save_checkpoint(tmp_path / "checkpoint.npz", trainers[0], {})
    load_checkpoint(tmp_path / "checkpoint.npz", trainers[1], {})
    assert trainers[0].step(IMAGES) == trainers[1].step(IMAGES)


@pytest.mark.parametrize("engine", ["on", "off"])
def test_one_array_in_two_parameters_is_refused_by_adam(engine, monkeypatch):
    # Each would scale its own part of the gradient, which is another step than that of the sum.
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    first, second = (Dense(3, 3, rng=seed).parameters for seed in (0, 1))
    second["weight"].value = first["weight"].value
    with refused("a and b have one array", "put the same Parameter in both places"):
        Adam({"a": first["weight"], "b": second["weight"]})
    Adam({"a": Dense(3, 0 + 1).parameters["bias"], "b": first["weight"]})
