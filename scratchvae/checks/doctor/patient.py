"""A user's VAE, seen through NumPy."""

import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

import numpy as np

from scratchvae.checks.arguments import described
from scratchvae.checks.doctor.answers import Answers, CouldNotCheck
from scratchvae.checks.doctor.description import Description
from scratchvae.checks.doctor.frameworks import (
    Float64,
    Framework,
    as_numpy,
    is_module,
    made,
    suspects,
)
from scratchvae.checks.doctor.parameters import Parameters
from scratchvae.checks.doctor.signatures import arity, loss_takes, order_of

# Images in nearly every call: JAX compiles each operation anew for every size of the batch.
ROWS = 20
_LATENTS = 3  # where no encoder tells how many there are


class Patient:
    """The user's callables, taking and giving NumPy arrays of float64 in any framework.

    Every method raises ``CouldNotCheck`` where the user has not given the part, or it fails.
    The second moment is a log-variance on this side, whatever ``spread`` says of the other.
    """

    def __init__(self, description: Description) -> None:
        self.said = description
        self.answers = Answers()
        self._begin = time.monotonic()
        self.parameters = Parameters(description.parameters, data=description.data)
        self.data = None if description.data is None else as_numpy(description.data)
        self.framework = self._recognised()

    @property
    def seconds(self) -> float:
        """How long it has been examined."""
        return time.monotonic() - self._begin

    def has(self, *names: str) -> bool:
        """Return whether the user has given all of these parts."""
        return all(getattr(self.said, name) is not None for name in names)

    def images(self, count: int, start: int = 0) -> Float64:
        """Return ``count`` of the user's images, repeated where there are fewer."""
        if self.data is None:
            raise CouldNotCheck("give `data`, a batch of images")
        return self.data[np.arange(start, start + count) % len(self.data)]

    @cached_property
    def latents(self) -> int:
        """How many latents an image has."""
        if self.has("encode") and self.data is not None:
            return int(self.encode(self.images(ROWS))[0].shape[-1])
        return _LATENTS

    # The parts, in NumPy

    def encode(self, x: Float64) -> tuple[Float64, Float64]:
        """Return the mean and log-variance of every image, each (N, D)."""
        found = self.native_encode(self.native(x))
        mean, spread = (self.answers.array("encode", moment) for moment in found)
        return mean, self._as_log_variance(self.answers.spread_like(mean, spread, len(x)))

    def draw(self, mean: Float64, log_variance: Float64, noise: Float64 | None = None) -> Float64:
        """Return one draw for each row."""
        spread = self.spread_of(log_variance)
        given = [self.native(mean), self.native(spread)]
        if noise is not None:
            given.append(self.native(noise))
        return self.answers.shaped("draw", self.native_draw(*given), mean.shape)

    def decode(self, z: Float64) -> Float64:
        """Return what the decoder makes of ``z``."""
        return self.answers.shaped("decode", self.call("decode", self.native(z)), (len(z), ...))

    def loss(self, *given: Float64, which: str = "loss") -> float:
        """Return the loss of as many of (x, reconstruction, mean, log-variance) as it takes."""
        total = self.native_loss(*self.natives(*given), which=which)
        return self.answers.number(which, total)

    def whole(self, x: Float64, which: str = "loss") -> float:
        """Return a loss on images: of the whole model, or put together from its parts."""
        return self.answers.number(which, self.native_whole(x, which))

    def native_whole(self, x: Float64, which: str = "loss") -> Any:
        """Return the same as the user's framework has it, with its gradient."""
        images = self.native(x)
        if self.takes(which) == 1:
            return self.native_loss(images, which=which)
        mean, spread = self.native_encode(images)
        z = self.native_draw(mean, spread) if self.has("draw") else mean
        decoded = self.call("decode", z)
        given = (images, decoded, mean, spread)[: self.takes(which)]
        return self.native_loss(*given, which=which)

    def train_step(self, x: Float64) -> float | None:
        """Take one step; return the loss that it gives, if it gives one."""
        value = self.call("train_step", self.native(x))
        if value is None:
            return None
        with suppress(CouldNotCheck):
            return self.answers.number("train_step", _first(value))
        return None

    # The same, in the user's own arrays

    def native(self, array: Float64) -> Any:
        """Return an array of the user's framework."""
        return self.framework.native(array)

    def natives(self, *given: Float64) -> list[Any]:
        """Return what a loss takes: the log-variance, where it is among them, as ``spread``."""
        arrays = list(given)
        if len(arrays) == 4:
            arrays[3] = self.spread_of(arrays[3])
        return [self.native(array) for array in arrays]

    def native_encode(self, x: Any) -> tuple[Any, Any]:
        """Return the two moments of the user's encoder as they come."""
        moments = self.call("encode", x)
        if not isinstance(moments, tuple | list) or len(moments) < 2:
            found = described(moments)
            raise self.answers.failed("encode", f"must return (mean, spread), and returned {found}")
        return moments[0], moments[1]

    def native_draw(self, *given: Any) -> Any:
        """Return the user's draw as it comes."""
        if len(given) == 2 and self.draw_takes_noise:
            given = (*given, self.native(np.random.standard_normal(given[0].shape)))  # noqa: NPY002
        drawn = self.call("draw", *given)
        return drawn[0] if isinstance(drawn, tuple | list) else drawn

    def native_loss(self, *given: Any, which: str = "loss") -> Any:
        """Return the user's loss as it comes, without its terms."""
        if len(given) != self.takes(which):
            raise CouldNotCheck(f"`{which}` takes {self.takes(which)} arguments, not {len(given)}")
        order = order_of(getattr(self.said, which), len(given)) if len(given) > 1 else ()
        value = self.call(which, *([given[place] for place in order] if order else given))
        return _first(value)

    def takes(self, which: str = "loss") -> int:
        """Return how many arguments a loss takes: 4, 2 without moments, 1 for the whole model."""
        function = getattr(self.said, which)
        if function is None:
            raise CouldNotCheck(f"give `{which}`")
        return loss_takes(function)

    @property
    def draw_takes_noise(self) -> bool:
        """Whether the noise of ``draw`` is an argument."""
        return self.said.draw is not None and arity(self.said.draw)[0] >= 3

    def call(self, name: str, *given: Any) -> Any:
        """Call a part of the user's; whatever it raises, it could not be checked."""
        function = getattr(self.said, name)
        if function is None:
            raise CouldNotCheck(f"give `{name}`")
        try:
            with np.errstate(all="ignore"):
                result = function(*given)
        except Exception as error:
            text = " ".join(str(error).split())[:160]
            how = f"raised {type(error).__name__}{': ' if text else ''}{text}"
            raise self.answers.failed(name, how) from error
        if inspect.iscoroutine(result):
            result.close()
            raise self.answers.failed(name, "is an async function, which returns no array")
        if name in ("train_step", "training"):  # which need not return anything
            self.answers.came(name)
        return result

    # Weights and modes

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Put the weights, and an ``nn.Module``'s mode, back after a block."""
        with self.parameters.kept(), self.mode(None):
            yield

    @contextmanager
    def mode(self, training: bool | None) -> Iterator[bool]:
        """Run a block with the model in training or evaluation mode; yields whether it could."""
        module = self.said.parameters
        if is_module(module):
            before = [(each, each.training) for each in module.modules()]
            if training is not None:
                module.train(training)
            try:
                yield True
            finally:
                for each, flag in before:
                    each.training = flag
        elif self.has("training") and training is not None:
            self.call("training", training)
            try:
                yield True
            finally:
                self.call("training", True)
        else:
            yield False

    # Conversions

    def spread_of(self, log_variance: Float64) -> Float64:
        """Return what stands for this log-variance in the user's code."""
        return {
            "log-variance": log_variance,
            "variance": np.exp(log_variance),
            "deviation": np.exp(log_variance / 2),
            "log-deviation": log_variance / 2,
        }[self.said.spread]

    def _as_log_variance(self, spread: Float64) -> Float64:
        if self.said.spread in ("variance", "deviation") and (spread <= 0).any():
            raise CouldNotCheck(f"`encode` gives a {self.said.spread} that is not positive")
        if self.said.spread == "variance":
            return np.log(spread)
        if self.said.spread == "deviation":
            return 2 * np.log(spread)
        return 2 * spread if self.said.spread == "log-deviation" else spread

    def _recognised(self) -> Framework:
        functions = [
            getattr(self.said, name)
            for name in ("encode", "draw", "decode", "loss", "train_step")
            if self.has(name)
        ]
        names = suspects([self.said.data, *self.parameters.leaves().values()], functions)
        with self.kept():
            for name in names:
                self.answers.forget_failures()
                self.framework = made(name, self.said.data)
                if self._answers():
                    return self.framework
        self.answers.forget_failures()
        return made(names[0], self.said.data)

    def _answers(self) -> bool:
        """Try the first part that can be called in this framework."""
        trials: list[Callable[[], Any]] = []
        if self.has("encode") and self.data is not None:
            trials.append(lambda: self.encode(self.images(ROWS)))
        if self.has("draw"):
            trials.append(lambda: self.draw(*2 * [np.zeros((ROWS, _LATENTS))]))
        if self.has("loss") and self.takes() == 4:
            image = np.full((ROWS, 4) if self.data is None else self.images(ROWS).shape, 0.5)
            moments = np.zeros((ROWS, _LATENTS))
            trials.append(lambda: self.loss(image, image, moments, moments))
        if self.has("loss") and self.takes() == 1 and self.data is not None:
            trials.append(lambda: self.loss(self.images(ROWS)))
        for trial in trials:
            with suppress(CouldNotCheck):
                trial()
                return True
        return not trials


def _first(value: Any) -> Any:
    if isinstance(value, Mapping):
        return value.get("loss", next(iter(value.values()), None))
    return value[0] if isinstance(value, tuple | list) and value else value
