"""Zeros among the pixels are left out in a network's first layer, and nobody can tell."""

import numpy as np
import pytest

import scratchvae
from scratchvae.engine import stages
from scratchvae.engine.stages import FirstLinear, FirstNormalised, Linear, Normalised, grouped
from scratchvae.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU


def dense():
    return Dense(4, 4, rng=np.random.default_rng(0))


def kinds(*layers):
    return [stage for stage, _ in grouped(layers) if issubclass(stage, Linear)]


def test_the_first_layer_that_computes_is_the_one():
    assert kinds(Flatten(), dense(), ReLU(), dense()) == [FirstLinear, Linear]
    assert kinds(dense(), BatchNorm(4), dense()) == [FirstNormalised, Linear]
    assert kinds(ReLU(), dense()) == [Linear]
    conv = Conv2D(1, 4, 1, rng=np.random.default_rng(0))
    assert kinds(conv, BatchNorm(4), Flatten(), dense()) == [Normalised, Linear]


def trained(name, ink, dtype, **options):
    """Return the losses and the final state of a model after a few steps on images like digits."""
    rng = np.random.default_rng(0)
    model = scratchvae.build(name, seed=0, dtype=dtype, **options)
    trainer = scratchvae.Trainer(model, seed=0)
    losses = []
    for _ in range(4):
        x = rng.random((50, 28, 28, 1)).astype(dtype)
        x[rng.random(x.shape) >= ink] = 0
        x[:, :4] = 0
        losses.append(trainer.step_on_floats(x).loss)
    return losses, model.state()


@pytest.mark.parametrize("ink", [0.15, 1.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("zhao-mlp", {}),
        ("kingma-welling", {}),
        ("hierarchical-vae", {"batch_norm": True}),
    ],
)
def test_training_has_the_bits_of_the_dense_products(name, options, dtype, ink, monkeypatch):
    skipping = trained(name, ink, dtype, **options)
    monkeypatch.setattr(stages, "OF_IMAGES", stages.LINEAR[Dense])
    losses, state = trained(name, ink, dtype, **options)
    assert losses == skipping[0]
    for place, array in state.items():
        np.testing.assert_array_equal(skipping[1][place], array, err_msg=place)
