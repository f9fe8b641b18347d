"""The benchmark against JAX: the same model, loss and gradients on both sides."""

import os
from dataclasses import replace

import numpy as np
import pytest
from bench_cases import RECIPES, losses_of, same_gradients, some_images
from helpers import refused

from scratchvae.benchmarks.rivals import RIVALS
from scratchvae.benchmarks.rivals.jax_model import JaxModel, jax_threads, jax_ways
from scratchvae.layers import Softplus
from scratchvae.models import build


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    with jax_threads(1):
        yield jax


@pytest.mark.parametrize("way", [{}, {"channels_first": True, "own_gradients": True}])
@pytest.mark.parametrize("name", RECIPES)
def test_jax_model_has_our_loss_and_all_of_our_gradients(name, way, jax):
    model = build(name)
    rival = JaxModel(model, 1e-3, **way)
    x = some_images(model, 3)
    eps = model.draw_noise(len(x), np.random.default_rng(1))
    images = rival.images(x)
    compiled = jax.jit(rival.gradients)
    (loss, _), gradients = compiled(rival.parameters, rival.buffers, images, eps[0])
    assert rival.evaluate(images, eps[0]) == pytest.approx(float(loss), rel=1e-5)
    gradients = {key: np.asarray(gradient) for key, gradient in gradients.items()}
    same_gradients(model, x, eps, float(loss), gradients, rival.layouts, 1e-4)


@pytest.mark.parametrize("name", RECIPES)
def test_losses_agree_plain_and_with_all_options(name, jax):
    plain, *_, last = jax_ways(build(name), True).items()  # each takes seconds to compile
    rival = replace(RIVALS["jax"], ways=lambda *_: dict([plain, last]))
    figures = losses_of(rival, lambda: build(name), some_images(build(name), 4))
    assert figures["losses_agree"], figures
    assert [each["name"] for each in figures["configurations"]] == [plain[0], last[0]]


def test_jax_model_keeps_the_running_statistics_that_ours_keeps(jax):
    model = build("zhao-cnn")
    rival = JaxModel(model, 1e-3)
    x = some_images(model, 4)
    eps = model.draw_noise(len(x), np.random.default_rng(1))
    rival.step(rival.images(x), eps[0])
    model.forward(x, eps, training=True)
    assert set(rival.buffers) == set(model.buffers)
    for name, buffer in model.buffers.items():
        np.testing.assert_allclose(rival.buffers[name], buffer, rtol=1e-4, atol=1e-6, err_msg=name)


def test_jax_model_draws_new_noise_at_every_step(jax):
    model = build("kingma-welling")
    rival = JaxModel(model, 1e-30)  # it learns nothing: only the noise differs
    images = rival.images(some_images(model, 4))
    assert rival.step(images) != rival.step(images)


def test_jax_threads_are_those_of_its_pool_and_restores_what_was(jax, monkeypatch):
    monkeypatch.setenv("NPROC", "5")
    for threads in (1, 2):
        with jax_threads(threads):
            assert os.environ["NPROC"] == str(threads)
            assert jax.devices()[0].platform == "cpu"
            assert float(jax.numpy.ones(3).sum()) == 3
    assert os.environ["NPROC"] == "5"
    assert float(jax.numpy.ones(3).sum()) == 3


def test_jax_model_refuses_a_model_without_a_counterpart(jax):
    model = build("zhao-mlp")
    model.variance_head = Softplus()
    with refused("JAX", "Softplus"):
        JaxModel(model, 1e-3)
    with refused("one z per image", "2"):
        JaxModel(build("zhao-mlp", samples=2), 1e-3)
    with refused("float32", "float64"):
        JaxModel(build("zhao-mlp", dtype=np.float64), 1e-3)
