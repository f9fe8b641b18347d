"""A class whose passes were replaced runs those: a plan stands only for what is written."""

import importlib

import numpy as np
import pytest
from helpers import IMAGE_SHAPE, pixels, small_vae

from scratchvae.layers import Dense, LogSoftplus, Sequential, Tanh
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import Trainer

IMAGES = pixels(6, *IMAGE_SHAPE)


def twice(method):
    return lambda *arguments, **options: 2 * method(*arguments, **options)


REPLACED = [
    (Tanh, "forward"),
    (Tanh, "backward"),
    (Dense, "forward"),
    (Sequential, "forward"),
    (LogSoftplus, "forward"),
    (GaussianLikelihood, "negative_log_likelihood"),
    (GaussianLikelihood, "gradient"),
]


def steps(engine, monkeypatch, kind, name, before):
    """Return the loss and the weights after a step with a method that was replaced."""
    # The engine knows the methods that are there when it is imported, at a process's first step.
    for part in ("network", "vae"):
        importlib.import_module(f"scratchvae.engine.{part}")
    monkeypatch.setenv("SCRATCHVAE_ENGINE", engine)
    model = small_vae(GaussianLikelihood(), variance_head=LogSoftplus())
    trainer = Trainer(model, optimiser="sgd", learning_rate=0.01)
    for _ in range(before):
        trainer.step(IMAGES)
    with monkeypatch.context() as patch:
        patch.setattr(kind, name, twice(getattr(kind, name)))
        loss = trainer.step(IMAGES).loss
    again = trainer.step(IMAGES).loss
    weights = np.concatenate([p.value.ravel() for p in model.parameters.values()])
    return np.array([loss, again]), weights


@pytest.mark.parametrize("before", [0, 2], ids=["at first", "after two steps"])
@pytest.mark.parametrize(
    ("kind", "name"), REPLACED, ids=lambda value: getattr(value, "__name__", value)
)
def test_training_follows_a_method_that_was_replaced_and_put_back(kind, name, before, monkeypatch):
    planned = steps("on", monkeypatch, kind, name, before)
    written = steps("off", monkeypatch, kind, name, before)
    for first, second in zip(planned, written, strict=True):
        # Rounding of float64, which four steps do not multiply by much.
        np.testing.assert_allclose(first, second, rtol=1e-9, atol=1e-12)
    monkeypatch.setenv("SCRATCHVAE_ENGINE", "on")
    untouched = steps("on", monkeypatch, Tanh, "__repr__", before)
    pairs = zip(untouched, planned, strict=True)  # losses, or weights, or both
    assert not all(np.allclose(*pair, rtol=1e-9, atol=1e-12) for pair in pairs)
