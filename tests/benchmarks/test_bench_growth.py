"""The models whose steps are timed as they grow, the images that they see, and the picture."""

import numpy as np
import pytest
from helpers import refused
from small_runs import small_dataset

from scratchvae.benchmarks import images as bench_images
from scratchvae.benchmarks.growth import AXES, convolutional_vae, dense_vae
from scratchvae.benchmarks.growth_picture import draw_growth
from scratchvae.benchmarks.images import Digits, first_digits, resized
from scratchvae.plots import save_figure


@pytest.mark.parametrize("side", [7, 14, 28, 56])
def test_convolutional_vae_decodes_images_of_the_size_it_encodes(side):
    model = convolutional_vae(side, latents=3)
    x = np.random.default_rng(0).random((2, side, side, 1), dtype=np.float32)
    assert model.reconstruct(x).shape == x.shape
    assert np.isfinite(model.elbo(x)).all()


def test_dense_vae_has_the_width_and_latents_asked_for():
    model = dense_vae(7, 3)
    assert model.encode(np.zeros((2, 784), np.float32)).shape == (2, 3)
    assert model.parameters["decoder.2.weight"].value.shape == (7, 784)


def test_axes_grow_and_every_model_can_be_made():
    for axis in AXES:
        assert list(axis.values) == sorted(set(axis.values))
        assert axis.batch(axis.values[0]) >= 1
        assert axis.make(axis.values[0]).image_shape[-1] == 1


def test_resized_keeps_the_picture():
    pixels = np.zeros((1, 28, 28, 1), np.uint8)
    pixels[:, :14] = 200
    for side in (14, 28, 56, 112):
        other = resized(pixels, side)
        assert other.shape == (1, side, side, 1)
        assert (other[:, : side // 2] == 200).all()
        assert (other[:, side // 2 :] == 0).all()


def test_batch_reads_the_digits_as_the_model_does_and_repeats_them_if_need_be():
    pixels = small_dataset(3).train_images
    x = Digits(pixels, "made here").batch(dense_vae(3), 7)
    assert x.dtype == np.float32
    assert x.shape == (7, 28, 28, 1)
    assert set(np.unique(x)) == {0.0, 1.0}
    assert ((x == 0) | (np.resize(pixels, x.shape) > 0)).all()


def test_first_digits_are_mnists_where_it_is_and_else_synthetic(monkeypatch):
    monkeypatch.setattr(bench_images, "COUNT", 5)
    data = small_dataset()
    monkeypatch.setattr(bench_images, "find_local", lambda name: data)
    digits = first_digits()
    np.testing.assert_array_equal(digits.pixels, data.train_images[:5])
    assert digits.origin == "MNIST's first 5 images"
    monkeypatch.setattr(bench_images, "find_local", lambda name: None)
    digits = first_digits()
    assert digits.pixels.shape == (5, 28, 28, 1)
    assert "synthetic" in digits.origin


def growth(*names):
    rival = {"plain_ms": 3.0, "best_ms": 2.0}
    points = [
        {"value": value, "ours_ms": float(value), "rivals": dict.fromkeys(names, rival)}
        for value in (1, 10, 100)
    ]
    return [{"name": "batch", "title": "images per step", "model": "dense", "points": points}]


def test_draw_growth_has_a_curve_for_ours_and_two_for_each_rival(tmp_path):
    figure = draw_growth(growth("torch", "jax"), "steps")
    panel, empty = figure.axes
    curves = {line.get_label(): list(line.get_ydata()) for line in panel.lines}
    assert curves == {
        "ours": [1.0, 10.0, 100.0],
        "PyTorch, plain": [3.0] * 3,
        "PyTorch, best": [2.0] * 3,
        "JAX, plain": [3.0] * 3,
        "JAX, best": [2.0] * 3,
    }
    assert (panel.get_xlabel(), panel.get_title("left")) == ("images per step", "dense")
    assert not empty.axison
    assert len(draw_growth(growth(), "steps").axes[0].lines) == 1
    with refused(".png"):
        save_figure(figure, tmp_path / "growth.gif")
