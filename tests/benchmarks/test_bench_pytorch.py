"""The benchmark against PyTorch: the same model, loss and gradients on both sides."""

import subprocess
import sys

import numpy as np
import pytest
from bench_cases import RECIPES, losses_of, same_gradients, some_images
from helpers import refused

from scratchvae.benchmarks.rivals import RIVALS
from scratchvae.benchmarks.rivals.torch_model import (
    TorchModel,
    import_torch,
    torch_threads,
    torch_ways,
)
from scratchvae.layers import Softplus
from scratchvae.models import build


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-9)])
@pytest.mark.parametrize("name", RECIPES)
def test_torch_model_has_our_loss_and_all_of_our_gradients(name, dtype, tolerance, torch):
    model = build(name, dtype=dtype)
    rival = TorchModel(model, 1e-3)
    x = some_images(model, 3)
    eps = model.draw_noise(len(x), np.random.default_rng(1))
    assert rival.evaluate(rival.images(x), eps[0]) == pytest.approx(
        model.forward(x, eps, training=True).loss, rel=tolerance
    )
    loss = rival.loss(rival.images(x), torch.from_numpy(eps[0]))
    loss.backward()
    gradients = {key: parameter.grad.numpy() for key, parameter in rival.parameters.items()}
    same_gradients(model, x, eps, loss.item(), gradients, rival.layouts, tolerance)


@pytest.mark.parametrize("name", RECIPES)
def test_torch_model_encoder_and_decoder_give_what_ours_give(name, torch):
    model = build(name, dtype=np.float64)
    rival = TorchModel(model, 1e-3)
    x = some_images(model, 3)
    z = np.random.default_rng(1).standard_normal((3, model.latent_dim))
    with torch.no_grad():
        hidden = rival.encoder(rival.images(x)).numpy()
        decoded = rival.decoder(torch.from_numpy(z)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(hidden, model.encoder.forward(x, training=True), atol=1e-9)
    np.testing.assert_allclose(decoded, model.decoder.forward(z, training=True), atol=1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_losses_agree_in_every_configuration_even_without_a_compiler(name, torch, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("no working\ncompiler")

    monkeypatch.setattr(torch, "compile", fail)
    x = some_images(build(name), 8)
    figures = losses_of(RIVALS["torch"], lambda: build(name), x)
    assert figures["losses_agree"], figures
    plain, *others = (each["name"] for each in figures["configurations"])
    assert (plain, others[0]) == ("plain eager", "fused Adam")
    compiled = [name for name in torch_ways(build(name), True) if "compile" in name]
    assert figures["notes"] == [
        f"{name} failed: RuntimeError: no working compiler" for name in compiled
    ]


def test_torch_threads_sets_a_number_and_restores_it(torch):
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_torch_threads_keeps_the_number_when_our_threads_start(torch):
    program = """
import numpy as np
from scratchvae import kernels
from scratchvae.benchmarks.rivals.torch_model import torch_threads
from scratchvae.kernels.machine import tasks

tasks._WORTH_NANOSECONDS = 0.0
with torch_threads(1):
    import torch
    kernels.set_threads(2)
    kernels.matmul(np.ones((9, 9)), np.ones((9, 9)))
    print(torch.get_num_threads())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr


def test_torch_model_refuses_a_model_without_a_counterpart(torch):
    model = build("zhao-mlp")
    model.variance_head = Softplus()
    with refused("PyTorch", "Softplus"):
        TorchModel(model, 1e-3)
    with refused("one z per image", "2"):
        TorchModel(build("zhao-mlp", samples=2), 1e-3)


def test_import_torch_says_how_to_get_it(no_torch):
    with refused("pip install 'scratchvae[bench]'"):
        import_torch()
