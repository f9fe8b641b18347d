"""One training step: noise, forward, backward, optimiser."""

import math
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from numpy.typing import NDArray

from scratchvae.data.batches import read_pixels
from scratchvae.engine import Engine, trained_by
from scratchvae.errors import InputError
from scratchvae.layers import Parameter
from scratchvae.randomness import StreamsInTurn, stream
from scratchvae.training.checks import check_terms, copies, not_learned, put_back
from scratchvae.training.divergence import first_not_finite, unwarned
from scratchvae.training.optimisers import SGD, Adam, Optimiser, made_by
from scratchvae.training.protocol import LossMean, LossTerms, Trainable
from scratchvae.training.settings import LAST_STAGE, Settings, stage_of
from scratchvae.validation import (
    FloatArray,
    check_between,
    check_dtype,
    check_floats,
    check_is,
    check_positive,
    check_seed,
)

_NOTHING = nullcontext()


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
    engine
        What makes a step's passes fast, with the memory that the next step uses again.
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
        If the model is no ``Trainable``, the seed is not a non-negative integer, or the settings
        give free bits to a model that has none, or warm up a KL that is no term of its loss. Also
        if other ``settings`` are assigned later whose optimiser is another: make a new Trainer.
    """

    def __init__(
        self, model: Trainable, settings: Settings | None = None, *, seed: int = 0, **changes: Any
    ) -> None:
        if not isinstance(model, Trainable):
            raise InputError(
                f"the model must be a scratchvae.training.Trainable, not {type(model).__name__}: "
                "derive it from that class, which says what a model needs to be trained"
            )
        self.model = model
        for name in ("parameters", "dtype"):
            if not hasattr(model, name):
                kind = type(model).__name__
                raise InputError(f"{kind} has no {name}: set it in {kind}.__init__")
        check_dtype(model.dtype)
        for held in not_learned(model):
            warnings.warn(
                f"{held} is not trained: its parameters are not among the model's (put them into "
                "the parameters of what holds it; a layer in a list is not found by itself)",
                stacklevel=2,
            )
        if settings is not None:
            check_is(settings, "settings", Settings, "Settings(epochs=3)")
        self._settings = (settings or model.settings or Settings()).changed(**changes)
        if self.settings.free_bits and model.free_bits is None:
            raise InputError(
                f"{type(model).__name__} has no free bits: leave free_bits and free_bits_epochs out"
            )
        if self.settings.warm_up and not model.weighs_kl:
            raise InputError(
                f"{type(model).__name__} has no KL whose weight could grow: leave warm_up out"
            )
        self.seed = check_seed(seed)
        rate, momentum = self.settings.learning_rate, self.settings.momentum
        chosen = self.settings.optimiser
        if callable(chosen):
            self.optimiser: Optimiser = made_by(chosen, model.parameters, rate)
        elif chosen == "sgd":
            self.optimiser = SGD(model.parameters, rate, momentum)
        else:
            self.optimiser = Adam(model.parameters, rate, epsilon=self.settings.epsilon)
        self.engine = Engine(keeps=True)
        self._noise_streams = StreamsInTurn("noise")
        self.epoch = 0
        self.batch = 0
        self.running = LossMean()
        self.running_seconds = 0.0
        self.kl_weight = 1.0
        self.free_bits = self.settings.free_bits
        self._scheduled = False

    @property
    def settings(self) -> Settings:
        """How the model is trained."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        check_is(settings, "settings", Settings, "trainer.settings.changed(epochs=3)")
        for name in ("optimiser", "momentum", "epsilon"):
            if getattr(settings, name) != getattr(self._settings, name):
                raise InputError(
                    f"this trainer's optimiser was made with another {name}: make a new Trainer"
                )
        if settings.learning_rate != self._settings.learning_rate:
            self.optimiser.learning_rate = settings.learning_rate
        self._settings = settings

    def step(self, batch: NDArray[Any], labels: NDArray[Any] | None = None) -> LossTerms:
        """Take one step on a batch of images, and return its loss before the step.

        In a loop of your own, call ``schedule`` before each step if the settings have a warm-up,
        free bits that sink or a schedule: it puts in force what is due at that moment.

        Parameters
        ----------
        batch
            Images as the model's ``fit`` takes them. 8-bit pixels are read as the settings say,
            floats are taken as they are.
        labels
            Their classes, for a class-conditional model.

        Raises
        ------
        InputError
            If the batch is empty or does not fit the model, or the loss is not finite, or the
            model's layers or parameters were replaced, or another trainer or thread trains the
            model at the moment; or if the settings ask for what only ``schedule`` puts in force,
            and it was never called. The model is then as it was.
        """
        self._check_scheduled()
        images = self.model.as_images(batch)
        if len(images) == 0:
            raise InputError("a batch must hold at least one image: there is no mean over none")
        labels = self.model.as_labels(labels, len(images))
        rng = stream(self.seed, "pixels", self.epoch, self.optimiser.steps)
        x = read_pixels(images, self.model.dtype, self.settings.pixels, rng)
        return self.step_on_floats(x, labels)

    def step_on_floats(self, x: FloatArray, labels: NDArray[Any] | None = None) -> LossTerms:
        """Like ``step``, for images that are known to fit, in the model's own dtype."""
        if check_floats(x, "x", self.model.dtype).ndim == 0:
            raise InputError("x must hold images (N, ...), not one number")
        # What overflows is reported by an error, of this step, the next or check_state: no need of
        # NumPy's warnings as well.
        quiet = unwarned()
        with trained_by(self, self.model), self.engine.round(self.model) as model, quiet:
            return self._step(model, x, {} if labels is None else {"labels": labels})

    def _step(self, model: Trainable, x: FloatArray, condition: dict[str, Any]) -> LossTerms:
        """Take one step, with the passes of ``model``: the trainer's, or its double."""
        parameters, kept = self.engine.arrays(self.model)
        self._check_parameters(parameters)
        buffers = copies(kept)
        scheduled = self.settings.warm_up or self.settings.free_bits
        with self.schedules_in_force(model) if scheduled else _NOTHING:
            rng = self._noise_streams.take(self.seed, self.optimiser.steps)
            noise = model.draw_noise(len(x), rng)
            try:
                terms = check_terms(model, self.engine.forward(model, x, noise, **condition))
                if not math.isfinite(terms.loss):
                    raise self._diverged(
                        terms.loss, first_not_finite(self.model, x, noise, condition)
                    )
                self.engine.zero_grad(model)
                self.engine.backward(model)
                # What overflows here is found by the next step, or by check_state.
                self.engine.step(self.optimiser, adam=type(self.optimiser) is Adam)
            except BaseException:
                # A step that is refused costs nothing: running statistics have moved already.
                put_back(self.model.buffers, buffers)
                self.engine.settle()
                raise
        self.engine.hand_back(self.model)
        return terms

    def _check_parameters(self, parameters: Mapping[str, Parameter]) -> None:
        """Raise ``InputError`` unless the optimiser's parameters are these, the model's."""
        if self.optimiser.parameters != parameters:
            raise InputError(
                "the model's layers or parameters were replaced after this Trainer was made: make "
                "a new Trainer, whose optimiser has the new ones"
            )

    def _check_scheduled(self) -> None:
        """Raise ``InputError`` if what was asked for waits for a call of ``schedule``."""
        own, asked = self.model.settings or Settings(), self.settings
        waiting = [name for name in ("warm_up", "free_bits") if getattr(asked, name)]
        if asked.schedule not in ("constant", own.schedule):
            waiting.append("schedule")
        if waiting and not self._scheduled:
            raise InputError(
                f"the settings have a {waiting[0]}, which no step puts in force by itself",
                "call `trainer.schedule(progress)` before each step, with the part of the "
                "training that is done, from 0 to 1",
            )

    def _diverged(self, loss: float, where: str) -> InputError:
        number, rate = self.optimiser.steps + 1, self.optimiser.learning_rate
        remedy = (
            "look for extreme values in the images, the initial weights and the model's options"
        )
        if number > 1:
            remedy = f"use a learning rate below {rate:g}, or {remedy}"
        return InputError(f"the loss became {loss} in step {number}, first in {where}", remedy)

    @contextmanager
    def schedules_in_force(self, model: Trainable) -> Iterator[None]:
        """Within this, a model has the schedules' present values; then its own again."""
        own, own_weight = model.free_bits, model.kl_weight
        try:
            if self.settings.warm_up:
                model.kl_weight = own_weight * self.kl_weight
            if self.settings.free_bits:
                model.free_bits = self.free_bits
            yield
        finally:
            if self.settings.warm_up:
                model.kl_weight = own_weight
            if self.settings.free_bits:
                model.free_bits = own

    def schedule(self, progress: float) -> None:
        """Set the learning rate, the KL's weight and the free bits.

        ``progress`` is the part of the training that is done: 0 at the start, 1 at the end.
        """
        progress = check_between(progress, "progress", 0, 1)
        self._scheduled = True
        rate = self.settings.learning_rate
        if self.settings.schedule == "cosine":
            # Never quite 0, where an optimiser's step would be no step.
            rate *= max(0.5 * (1 + math.cos(math.pi * progress)), 1e-3)
        elif self.settings.schedule == "stages":
            rate *= 10 ** (-stage_of(self._epoch_at(progress)) / LAST_STAGE)
        elif callable(self.settings.schedule):
            rate *= check_positive(self.settings.schedule(progress), "what the schedule returns")
        self.optimiser.learning_rate = rate
        if self.settings.warm_up:
            epochs = progress * self.settings.epochs
            if self.settings.warm_up_every:
                # Rounding must not take the beginning of a cycle for the end of the one before.
                epochs = max(0.0, (epochs + 1e-9) % self.settings.warm_up_every - 1e-9)
            self.kl_weight = min(1.0, epochs / self.settings.warm_up)
        if self.settings.free_bits:
            share = progress * self.settings.epochs / self.settings.free_bits_epochs
            self.free_bits = self.settings.free_bits * max(0.0, 1 - share)

    def _epoch_at(self, progress: float) -> int:
        """Return the epoch, from 0. A loop of one's own has steps and counts no epochs."""
        if self.epoch or self.batch or not self.optimiser.steps:
            return self.epoch
        # Rounding must not take the beginning of an epoch for the end of the one before.
        return math.floor(progress * self.settings.epochs + 1e-9)
