"""One training step: noise, forward, backward, optimiser."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.errors import InputError
from scratchvae.kernels.machine.arena import Arena
from scratchvae.randomness import stream
from scratchvae.training.optimisers import SGD, Adam, Optimiser
from scratchvae.training.protocol import LossMean, LossTerms, Trainable
from scratchvae.training.settings import LAST_STAGE, Settings, stage_of
from scratchvae.validation import FloatArray, check_count


class Trainer:
    """A model, an optimiser, and how far training has come.

    Parameters
    ----------
    model
        What is trained.
    settings
        How; ``None`` takes the model's own settings.
    seed
        Fixes the order of the images and all noise.
    changes
        Changes to the settings: ``learning_rate=1e-4``, ``epochs=3``, …

    Attributes
    ----------
    arena
        The memory of a step, used again by the next.
    optimiser
        Holds the moments of the gradient, and counts the steps.
    epoch, batch
        Complete epochs, and complete batches of the epoch after them.
    running, running_seconds
        The mean loss over those batches, and how long they took.
    kl_weight
        What the KL is multiplied by in the next step, while it is warmed up.
    free_bits
        The free bits of the next step, while they sink.

    Raises
    ------
    InputError
        If the seed is none, or the settings give free bits to a model that has none, or warm up a
        KL that is no term of the model's loss.
    """

    def __init__(
        self,
        model: Trainable,
        settings: Settings | None = None,
        *,
        seed: int = 0,
        **changes: Any,
    ) -> None:
        self.model = model
        chosen = settings or getattr(model, "settings", None) or Settings()
        self.settings = chosen.changed(**changes)
        if self.settings.free_bits and getattr(model, "free_bits", None) is None:
            raise InputError(
                f"{type(model).__name__} has no free bits: leave free_bits and free_bits_epochs out"
            )
        if self.settings.warm_up and not getattr(model, "weighs_kl", hasattr(model, "kl_weight")):
            raise InputError(
                f"{type(model).__name__} has no KL whose weight could grow: leave warm_up out"
            )
        self.seed = check_count(seed, "seed", 0)
        self.optimiser = self._make_optimiser()
        self.arena = Arena()
        self.epoch = 0
        self.batch = 0
        self.running = LossMean()
        self.running_seconds = 0.0
        self.kl_weight = 1.0
        self.free_bits = self.settings.free_bits

    def step(self, batch: NDArray[Any], labels: NDArray[Any] | None = None) -> LossTerms:
        """Take one step on a batch of images, and return its loss before the step.

        Parameters
        ----------
        batch
            Images as the model's ``fit`` takes them. 8-bit pixels are read as the settings say,
            floats are taken as they are.
        labels
            Their classes, for a model that is told them.

        Raises
        ------
        InputError
            If the batch is empty or does not fit the model, or the loss is not finite. The
            parameters are then as they were.
        """
        as_images = getattr(self.model, "as_images", np.asarray)
        images = as_images(batch)
        if len(images) == 0:
            raise InputError("a batch must hold at least one image: the mean of none is no number")
        rng = stream(self.seed, "pixels", self.epoch, self.optimiser.steps)
        x = read_pixels(images, self.model.dtype, self.settings.pixels, rng)
        return self.step_on_floats(x, labels)

    def step_on_floats(self, x: FloatArray, labels: NDArray[Any] | None = None) -> LossTerms:
        """Do as ``step`` for images that are known to fit, in the model's own dtype."""
        given = {} if labels is None else {"labels": labels}
        with self.schedules_in_force(), self.arena:
            return self._step(x, given)

    @contextmanager
    def schedules_in_force(self) -> Iterator[None]:
        """Give the model the schedules' present values; who evaluates it gets its own."""
        model: Any = self.model
        own = getattr(model, "free_bits", 0.0)
        try:
            if self.settings.warm_up:
                model.kl_weight = self.kl_weight
            if self.settings.free_bits:
                model.free_bits = self.free_bits
            yield
        finally:
            if self.settings.warm_up:
                model.kl_weight = 1.0
            if self.settings.free_bits:
                model.free_bits = own

    def _step(self, x: FloatArray, given: dict[str, Any]) -> LossTerms:
        noise = self.model.draw_noise(len(x), stream(self.seed, "noise", self.optimiser.steps))
        parts = self.model.forward(x, noise, training=True, **given)
        if not math.isfinite(parts.loss):
            raise InputError(
                f"the loss became {parts.loss} in step {self.optimiser.steps + 1}: use a learning "
                f"rate below {self.optimiser.learning_rate:g}, or look for extreme values in the "
                "images"
            )
        self.model.zero_grad()
        self.model.backward()
        self.optimiser.step()
        return parts

    def schedule(self, progress: float) -> None:
        """Set the learning rate, the KL's weight and the free bits.

        ``progress`` is the part of the training that is done: 0 at the start, 1 at the end.
        """
        rate = self.settings.learning_rate
        if self.settings.schedule == "cosine":
            # Never quite 0, where an optimiser's step would be no step.
            rate *= max(0.5 * (1 + math.cos(math.pi * progress)), 1e-3)
        elif self.settings.schedule == "stages":
            rate *= 10 ** (-stage_of(self.epoch) / LAST_STAGE)
        self.optimiser.learning_rate = rate
        if self.settings.warm_up:
            share = progress * self.settings.epochs / self.settings.warm_up
            self.kl_weight = min(1.0, share)
        if self.settings.free_bits:
            share = progress * self.settings.epochs / self.settings.free_bits_epochs
            self.free_bits = self.settings.free_bits * max(0.0, 1 - share)

    def _make_optimiser(self) -> Optimiser:
        parameters = self.model.parameters
        if self.settings.optimiser == "sgd":
            return SGD(parameters, self.settings.learning_rate, self.settings.momentum)
        return Adam(parameters, self.settings.learning_rate, epsilon=self.settings.epsilon)
