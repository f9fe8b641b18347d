"""A class whose passes were replaced runs those: a plan stands only for what is written."""

import json
import os
import subprocess
import sys

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


FIRST_STEP = """
import json
import numpy as np
import scratchvae
from scratchvae.layers import Tanh
from scratchvae.probability import BernoulliLikelihood
from scratchvae.training import Trainer

for kind, name in ((Tanh, "forward"), (BernoulliLikelihood, "negative_log_likelihood")):
    before = getattr(kind, name)
    setattr(kind, name, lambda *all, before=before, **options: 0.5 * before(*all, **options))
model = scratchvae.build("kingma-welling", dtype=np.float64)
images = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1), dtype=np.uint8)
trainer = Trainer(model)
print(json.dumps([trainer.step(images).loss for _ in range(2)]))
"""


def test_so_does_the_first_step_of_a_process():
    losses = {}
    for engine in ("on", "off"):
        environment = os.environ | {"SCRATCHVAE_ENGINE": engine}
        done = subprocess.run(
            [sys.executable, "-c", FIRST_STEP], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        losses[engine] = json.loads(done.stdout)
    # Rounding of float64, as above; without the replaced methods the loss is twice as large.
    np.testing.assert_allclose(losses["on"], losses["off"], rtol=1e-9)
