"""Hours of training, evaluation, sampling and drawing in one process: its memory stays as it is.

``SCRATCHVAE_SOAK_MINUTES`` says how many minutes, two by default; 120 is the long form.
"""

import os
import time
from pathlib import Path

import numpy as np
import pytest

import scratchvae
from scratchvae import evaluation, plots

MINUTES = float(os.environ.get("SCRATCHVAE_SOAK_MINUTES", "2"))
GROWTH = 20  # MB, after the first minute
RECIPES = ("zhao-mlp", "conditional-vae", "hierarchical-vae", "iwae", "zhao-cnn")
IMAGES = np.random.default_rng(0).integers(0, 256, (300, 28, 28, 1), dtype=np.uint8)
LABELS = np.arange(300) % 10


def resident():
    """Return how many MB of this process are in memory."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("the system does not say")


def use(name, seed, folder):
    """Build, train, evaluate, sample and draw a model once."""
    model = scratchvae.build(name, seed=seed)
    few = 60 if name == "zhao-cnn" else 300
    images, labels = IMAGES[:few], LABELS[:few] if model.classes else None
    # Batches of many sizes, each of which is planned by itself.
    model.fit(images, labels, epochs=2, batch_size=16 + seed % 48, progress=False)
    model.evaluate(images, labels=labels)
    model.elbo(
        images[: 1 + seed % few], labels=None if labels is None else labels[: 1 + seed % few]
    )
    model.sample(1 + seed % 100)
    if name == "iwae":
        evaluation.estimate_log_likelihood(model, images[:10], 20, progress=False)
    plots.save_figure(plots.draw_reconstructions(model, images, labels), folder / "a.png")
    plots.save_figure(plots.draw_samples(model), folder / "b.png")


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_memory_stays_as_it_is_after_the_first_minute(tmp_path):
    start, seed, first, seen = time.monotonic(), 0, None, []
    while (minutes := (time.monotonic() - start) / 60) < MINUTES or len(seen) < 2 * len(RECIPES):
        use(RECIPES[seed % len(RECIPES)], seed, tmp_path)
        seed += 1
        if minutes >= 1:
            first = first or resident()
            seen.append(resident())
            print(f"{minutes:6.1f} min   {seed:6d} models   {seen[-1]:7.1f} MB")
    assert max(seen) - first < GROWTH, f"from {first:.1f} to {max(seen):.1f} MB"
