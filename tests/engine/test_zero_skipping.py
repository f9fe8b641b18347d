"""Zeros among the pixels are left out in a network's first layer, and nobody can tell."""

import numpy as np
import pytest

import scratchvae
from scratchvae.engine import stages
from scratchvae.engine.plan import Plan
from scratchvae.engine.stages import Places
from scratchvae.kernels.machine.arena import Arena
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Resources
from scratchvae.layers import BatchNorm, Conv2D, Dense, Flatten, ReLU
from scratchvae.validation import chosen_by_variable

SKIPPING, PLAIN = "multiply_without_zeros", "multiply"


def kernels_of(*layers, shape=(3, 20)):
    """Return which products a plan's forward pass consists of."""
    places = Places(Resources(1, Memory()), Arena(), Arena(), Arena())
    plan = Plan(layers, np.ones(shape, np.float32), True, places)
    names = [task.kernel.__name__ for stage in plan._stages for task in stage.forward]
    return [name for name in names if name in (SKIPPING, PLAIN)]


def dense():
    return Dense(20, 20, rng=np.random.default_rng(0))


@pytest.mark.skipif(
    chosen_by_variable("SCRATCHVAE_PRODUCTS") != "tile", reason="BLAS leaves no zeros out"
)
def test_the_first_layer_that_computes_is_the_one():
    assert kernels_of(Flatten(), dense(), ReLU(), dense()) == [SKIPPING, PLAIN]
    assert kernels_of(dense(), BatchNorm(20), dense()) == [SKIPPING, PLAIN]
    assert kernels_of(ReLU(), dense()) == [PLAIN]
    conv = Conv2D(1, 4, 1, rng=np.random.default_rng(0))
    assert kernels_of(conv, BatchNorm(4), Flatten(), dense(), shape=(3, 5, 1, 1)) == [PLAIN]


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
