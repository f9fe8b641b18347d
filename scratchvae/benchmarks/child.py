"""What runs in a process of its own: ``python -m scratchvae.benchmarks.child ORDER``.

The order and the answer, a line on standard output, are JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from scratchvae.benchmarks.rivals import RIVALS
from scratchvae.benchmarks.steps import OURS
from scratchvae.data import find_local
from scratchvae.data.batches import epoch_batches, read_pixels
from scratchvae.models import build
from scratchvae.randomness import stream
from scratchvae.training import Trainer
from scratchvae.validation import FloatArray

_STEPS = 20
_CHUNK = 1000  # test images at a time


class Learner:
    """A recipe's model, trained and evaluated by ours or by a rival in its plain configuration."""

    def __init__(self, side: str, recipe: str) -> None:
        self.model = build(recipe)
        self.step: Callable[[FloatArray], object]
        self.loss: Callable[[FloatArray, FloatArray], float]
        if side == OURS:
            trainer = Trainer(self.model)
            self.step = trainer.step_on_floats
            self.loss = lambda x, eps: self.model.forward(x, eps).loss
        else:
            rival = RIVALS[side].model(self.model, self.model.settings.learning_rate)
            self.step = lambda x: rival.step(rival.images(x))
            self.loss = lambda x, eps: rival.evaluate(rival.images(x), eps[0])

    def bound(self, x: FloatArray) -> float:
        """Return the mean bound on log p(x), of a model whose loss is minus that bound."""
        total = 0.0
        for number, start in enumerate(range(0, len(x), _CHUNK)):
            chunk = x[start : start + _CHUNK]
            noise = self.model.draw_noise(len(chunk), stream(0, "evaluate", number))
            total -= self.loss(chunk, noise) * len(chunk)
        return total / len(x)


def steps(side: str, recipe: str, batch: int) -> dict[str, Any]:
    """Take a few steps on random pixels."""
    learner = Learner(side, recipe)
    shape = batch, *learner.model.image_shape
    x = np.random.default_rng(0).random(shape).round().astype(np.float32)
    for _ in range(_STEPS):
        learner.step(x)
    return {}


def bound(
    side: str, recipe: str, target: float, every: int, most_epochs: int, cache_dir: str | None
) -> dict[str, Any]:
    """Train on MNIST until the bound of its test images reaches ``target``, or epochs run out.

    Returns the ``steps`` taken, the ``bound`` reached, ``reached``, and ``evaluation_seconds``.
    """
    mnist = find_local("mnist", cache_dir=cache_dir)
    assert mnist is not None, "whoever gave the order has seen it"
    learner = Learner(side, recipe)
    settings = learner.model.settings
    rng = stream(0, "pixels", 0, 0)
    test = read_pixels(mnist.test_images, np.float32, settings.pixels, rng)
    order: dict[str, Any] = {"batch_size": settings.batch_size, "reading": settings.pixels}
    taken, evaluating, value = 0, 0.0, -np.inf
    for epoch in range(most_epochs):
        for x in epoch_batches(mnist.train_images, seed=0, epoch=epoch, **order):
            learner.step(x)
            taken += 1
            if taken % every == 0:
                start = time.perf_counter()
                value = learner.bound(test)
                evaluating += time.perf_counter() - start
                if value >= target:
                    break
        if value >= target:
            break
    return {
        "steps": taken,
        "bound": value,
        "reached": value >= target,
        "evaluation_seconds": evaluating,
    }


def peak_memory() -> float:
    """Return the most memory that this process has had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux's ru_maxrss begins at what the parent had, and says nothing of a small child.
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    import resource  # which Windows does not have

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


JOBS: dict[str, Callable[..., dict[str, Any]]] = {"steps": steps, "bound": bound}

if __name__ == "__main__":
    order = json.loads(sys.argv[1])
    result = JOBS[order["job"]](order["side"], **order["arguments"])
    print(json.dumps(result | {"peak_mb": peak_memory()}), flush=True)
