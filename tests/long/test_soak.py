"""Hours of training, evaluation, sampling and drawing in one process: its memory stays as it is.

``SCRATCHVAE_SOAK_MINUTES`` says how many minutes, two by default; 120 is the long form.
"""

import os
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest

import scratchvae
from scratchvae import evaluation, plots

MINUTES = float(os.environ.get("SCRATCHVAE_SOAK_MINUTES", "2"))
GROWTH = 20  # MB, after the first minute, in which all has been done at least once
BATCHES = (16, 50)
RECIPES = ("zhao-mlp", "conditional-vae", "hierarchical-vae", "iwae", "zhao-cnn")
IMAGES = np.random.default_rng(0).integers(0, 256, (300, 28, 28, 1), dtype=np.uint8)
LABELS = np.arange(300) % 10


def resident():
    """Return how many MB of this process are in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the system does not say")


def use(name, batch, folder):
    """Build, train, evaluate, sample and draw a model once."""
    model = scratchvae.build(name, seed=0)
    few = 60 if name == "zhao-cnn" else 300
    images, labels = IMAGES[:few], LABELS[:few] if model.classes else None
    model.fit(images, labels, epochs=2, batch_size=batch, progress=False)
    model.evaluate(images, labels=labels)
    model.elbo(images[:batch], labels=None if labels is None else labels[:batch])
    model.sample(batch)
    if name == "iwae":
        evaluation.estimate_log_likelihood(model, images[:10], 20, progress=False)
    plots.save_figure(plots.draw_reconstructions(model, images, labels), folder / "a.png")
    plots.save_figure(plots.draw_samples(model), folder / "b.png")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_stays_as_it_is_after_the_first_minute(tmp_path):
    start, seen, first = time.monotonic(), [], None
    while first is None or (time.monotonic() - start) / 60 < MINUTES:
        for name, batch in product(RECIPES, BATCHES):
            use(name, batch, tmp_path)
            seen.append(resident())
        minutes = (time.monotonic() - start) / 60
        print(f"{minutes:6.1f} min   {len(seen):6d} models   at most {max(seen):7.1f} MB")
        if minutes >= 1 and first is None:
            first, seen = max(seen), []
    assert max(seen, default=first) - first < GROWTH
