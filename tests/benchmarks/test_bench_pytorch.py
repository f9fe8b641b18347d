"""The benchmark against PyTorch: the same model, loss and gradients on both sides."""

import subprocess
import sys

import numpy as np
import pytest
from bench_cases import LITTLE, RECIPE_KEYS, RECIPES, TINY, TORCH_KEYS, timed
from helpers import refused

from scratchvae.benchmarks import format_bench, run_bench
from scratchvae.benchmarks import recipes as bench_recipes
from scratchvae.benchmarks.pytorch import TorchModel, import_torch, torch_threads
from scratchvae.benchmarks.recipes import compare_losses, measure_recipe, random_images
from scratchvae.benchmarks.timing import Ceiling
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
    x = random_images(model, 3)
    eps = model.draw_noise(len(x), np.random.default_rng(1))
    loss = rival.loss(rival.images(x), torch.from_numpy(eps[0]))
    loss.backward()
    ours = model.forward(x, eps, training=True).loss
    model.zero_grad()
    model.backward()
    assert loss.item() == pytest.approx(ours, rel=tolerance)
    assert set(rival.parameters) == set(model.parameters)
    for key, parameter in model.parameters.items():
        mine, theirs = rival.layouts[key](parameter.grad), rival.parameters[key].grad.numpy()
        # A bias before a batch norm changes nothing: what is left of its gradient is rounding.
        scale = max(np.abs(mine).max(), 1e-2 * np.abs(loss.item()))
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=tolerance * scale, err_msg=key)


@pytest.mark.parametrize("name", RECIPES)
def test_torch_model_encoder_and_decoder_give_what_ours_give(name, torch):
    model = build(name, dtype=np.float64)
    rival = TorchModel(model, 1e-3)
    x = random_images(model, 3)
    z = np.random.default_rng(1).standard_normal((3, model.latent_dim))
    with torch.no_grad():
        hidden = rival.encoder(rival.images(x)).numpy()
        decoded = rival.decoder(torch.from_numpy(z)).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(hidden, model.encoder.forward(x, training=True), atol=1e-9)
    np.testing.assert_allclose(decoded, model.decoder.forward(z, training=True), atol=1e-9)


@pytest.mark.parametrize("name", RECIPES)
def test_compare_losses_agree_after_some_steps_from_equal_weights(name, torch):
    figures = compare_losses(name, random_images(build(name), 8), 3)
    assert figures["losses_agree"], figures


def test_compare_losses_sees_that_they_differ(torch, monkeypatch):
    x = random_images(build("zhao-mlp"), 3)
    monkeypatch.setattr(bench_recipes, "TOLERANCE", 0.0)
    monkeypatch.setattr(
        bench_recipes, "TorchModel", lambda model, rate: TorchModel(model, 1.1 * rate)
    )
    assert not compare_losses("zhao-mlp", x, 2)["losses_agree"]


@pytest.mark.parametrize("options", [{"channels_last": True}, {"fused": True}])
def test_torch_model_made_faster_has_the_same_losses(options, torch):
    losses = []
    for chosen in ({}, options):
        model = build("zhao-cnn")
        rival = TorchModel(model, 1e-3, **chosen)
        images, eps = rival.images(random_images(model, 4)), torch.zeros(4, model.latent_dim)
        losses.append([rival.step(images, eps) for _ in range(3)])
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    assert losses[0][0] > losses[0][-1]


def test_run_bench_against_pytorch_has_both_ratios_and_survives_a_compiler_that_fails(
    torch, monkeypatch
):
    def fail(*_, **__):
        raise RuntimeError("no working\ncompiler")

    monkeypatch.setattr(torch, "compile", fail)
    result = run_bench(threads=1, against="torch", plan=TINY)
    (recipe,) = result["recipes"]
    assert set(recipe) == RECIPE_KEYS | TORCH_KEYS
    assert recipe["torch_best"] in ("plain eager", "fused Adam")
    assert recipe["losses_agree"]
    assert recipe["notes"] == [
        "fused Adam + torch.compile failed: RuntimeError: no working compiler"
    ]
    assert result["ratio_best_mean"] == pytest.approx(recipe["ratio_best"])
    assert "torch" in result["versions"]
    assert "no working compiler" in format_bench(result)


def test_torch_threads_sets_a_number_and_restores_it(torch):
    before = torch.get_num_threads()
    with torch_threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before


def test_torch_threads_keeps_the_number_when_our_threads_start(torch):
    program = """
import numpy as np
from scratchvae import kernels
from scratchvae.benchmarks.pytorch import torch_threads
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


def test_measure_recipe_has_ratios_of_our_time_over_pytorchs(torch, monkeypatch):
    steps = {"plain eager": lambda: None}, "plain eager"
    monkeypatch.setattr(bench_recipes, "_torch_steps", lambda *_: steps)
    timed(monkeypatch, ours=0.001, torch=0.004, best=0.002, ceiling=0.001)
    recipe = measure_recipe(
        "zhao-mlp",
        2,
        Ceiling(8),
        LITTLE,
        against_torch=True,
        threads=1,
        report=lambda line: None,
    )
    assert (recipe["ratio"], recipe["ratio_best"]) == (0.25, 0.5)  # below 1: ours is faster
    assert [recipe[key] for key in ("ours_ms", "torch_ms", "torch_best_ms")] == [1.0, 4.0, 2.0]


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
