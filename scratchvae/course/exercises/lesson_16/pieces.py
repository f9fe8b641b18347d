"""What lesson 16 adds to the reader's own program: batch normalisation, and its switch.

Dimensions: N images of H by W pixels and C channels.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.program import BatchNorm, Dense, Sequential, set_training
from scratchvae.validation import FloatArray


def _used_batch_norm(kind: Any) -> Callable[..., Any]:
    def run(
        x: FloatArray,
        other: FloatArray,
        dy: FloatArray,
        scale: FloatArray,
        shift: FloatArray,
        momentum: float,
        epsilon: float,
    ) -> Any:
        layer = kind(len(scale), momentum, epsilon)
        layer.parameters["scale"][...] = scale
        layer.parameters["shift"][...] = shift
        # Another batch goes first: what is kept of it must not show in the next.
        if layer.forward(other) is None or layer.backward(dy[::-1].copy()) is None:
            return None
        y = layer.forward(x)
        y, dx, gradients = np.array(y), layer.backward(dy), dict(layer.gradients)
        mean, variance = (np.array(layer.buffers[name]) for name in ("mean", "variance"))
        layer.training = False
        fixed = np.array(layer.forward(x))
        d_fixed = layer.backward(dy)
        moved = layer.buffers["mean"] - mean, layer.buffers["variance"] - variance
        return (
            y,
            dx,
            gradients.get("scale"),
            gradients.get("shift"),
            mean,
            variance,
            fixed,
            d_fixed,
            np.stack(moved),
        )

    return run


def _draw_batches(random: np.random.Generator) -> tuple[Any, ...]:
    count, height, width, channels = unequal_sizes(random, 4, 2, 6)
    shape = (count, height, width, channels)
    x, other, dy = random.standard_normal((3, *shape))
    x = 1 + random.uniform(0.5, 2, channels) * x
    scale, shift = random.uniform(0.5, 2, channels), random.standard_normal(channels)
    return x, other - 1, dy, scale, shift, float(random.uniform(0.05, 0.3)), 0.1


class _BiasedRunning(BatchNorm):
    def forward(self, x: FloatArray) -> FloatArray:
        before = self.buffers["variance"].copy()
        y = super().forward(x)
        if self.training:
            axes = tuple(range(x.ndim - 1))
            self.buffers["variance"] = before + self.momentum * (x.var(axis=axes) - before)
        return y


class _OtherShare(BatchNorm):
    def forward(self, x: FloatArray) -> FloatArray:
        self.momentum = 1 - self.momentum
        y = super().forward(x)
        self.momentum = 1 - self.momentum
        return y


class _AlwaysRunning(BatchNorm):
    def forward(self, x: FloatArray) -> FloatArray:
        if not self.training:
            axes, count = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
            mean, unbiased = x.mean(axis=axes), x.var(axis=axes) * (count / (count - 1))
            y = super().forward(x)
            for name, batch in (("mean", mean), ("variance", unbiased)):
                self.buffers[name] = self.buffers[name] + self.momentum * (
                    batch - self.buffers[name]
                )
            return y
        return super().forward(x)


class _RunningInTraining(BatchNorm):
    def forward(self, x: FloatArray) -> FloatArray:
        super().forward(x)
        self.inverse_std = 1 / np.sqrt(self.buffers["variance"] + self.epsilon)
        self.x_hat = (x - self.buffers["mean"]) * self.inverse_std
        y: FloatArray = self.parameters["scale"] * self.x_hat + self.parameters["shift"]
        return y


class _ImageByImage(BatchNorm):
    def forward(self, x: FloatArray) -> FloatArray:
        if not self.training:
            return super().forward(x)
        axes = (1, 2)
        super().forward(x)
        variance = x.var(axis=axes, keepdims=True)
        self.x_hat = (x - x.mean(axis=axes, keepdims=True)) / np.sqrt(variance + self.epsilon)
        y: FloatArray = self.parameters["scale"] * self.x_hat + self.parameters["shift"]
        return y


class _ProjectsAlways(BatchNorm):
    def backward(self, dy: FloatArray) -> FloatArray:
        before, self.training = self.training, True
        dx = super().backward(dy)
        self.training = before
        return dx


class _ProjectsNever(BatchNorm):
    def backward(self, dy: FloatArray) -> FloatArray:
        before, self.training = self.training, False
        dx = super().backward(dy)
        self.training = before
        return dx


BATCH_NORM_LAYER = Exercise(
    name="batch-norm-layer",
    piece="BatchNorm",
    answer=BatchNorm,
    use=_used_batch_norm,
    draw=_draw_batches,
    mistakes={
        "the running variance follows the unbiased variance of the batch, M/(M − 1) times its "
        "mean square": _BiasedRunning,
        "momentum is the share of the new batch, not of the old statistics": _OtherShare,
        "with training off, the running statistics must stay as they are": _AlwaysRunning,
        "in training it is the batch's own statistics that normalise; the running ones only "
        "follow": _RunningInTraining,
        "mean and variance are taken over the batch as well, not over each image by itself": (
            _ImageByImage
        ),
        "with training off, mean and variance are constants: dx is scale · inverse_std · dy": (
            _ProjectsAlways
        ),
        "in training, mean and variance depend on x: the two other terms of (16.3) are missing": (
            _ProjectsNever
        ),
    },
    hints=(
        "axes = tuple(range(x.ndim - 1)) are all axes but the last, for features and for images.",
        "forward: the two statistics, of the batch or running; then inverse_std and x_hat, which "
        "backward needs; in training move self.buffers by momentum times the difference.",
        "backward: both gradients first; then, in training only, take mean(dy) and "
        "x_hat · mean(dy · x_hat) away; at last times scale and inverse_std.",
    ),
    returns=(
        "y",
        "dx",
        "the scale's gradient",
        "the shift's gradient",
        "the running mean",
        "the running variance",
        "y with training off",
        "dx with training off",
        "how far the running statistics move with training off",
    ),
)


def _used_switch(function: Any) -> Callable[..., Any]:
    def run(first: bool, second: bool) -> Any:
        rng = np.random.default_rng(0)
        inner, outer, alone, plain = BatchNorm(3), BatchNorm(3), BatchNorm(3), Dense(3, 3, rng)
        for norm in (inner, outer, alone):
            norm.training = not first
        network = Sequential(outer, plain, Sequential(inner, Dense(3, 3, rng)))
        seen: list[bool] = []
        for training in (first, second):
            for each in (network, alone):
                function(each, training)
            norms = outer.training, inner.training, alone.training
            seen += [*norms, hasattr(plain, "training")]
        untouched = seen[:3] == [not first] * 3
        return None if untouched else np.array(seen, float)

    return run


def _only_the_first(network: Any, training: bool) -> None:
    for layer in getattr(network, "layers", (network,)):
        if hasattr(layer, "training"):
            layer.training = training


def _only_in_networks(network: Any, training: bool) -> None:
    if hasattr(network, "layers"):
        set_training(network, training)


def _everywhere(network: Any, training: bool) -> None:
    for layer in getattr(network, "layers", ()):
        _everywhere(layer, training)
    network.training = training


SET_TRAINING = Exercise(
    name="set-training",
    piece="set_training",
    idle="It runs, and every layer is as it was: set layer.training.",
    answer=set_training,
    use=_used_switch,
    draw=lambda random: (True, False) if random.random() < 0.5 else (False, True),
    mistakes={
        "a network within a network is left as it was: call yourself for every layer": (
            _only_the_first
        ),
        "a single layer is left as it was: it may be handed over by itself, without a network": (
            _only_in_networks
        ),
        "layers without a switch have got one: change only those that have a training": (
            _everywhere
        ),
    },
    hints=(
        'getattr(network, "layers", ()) are its layers, or none where it is a single layer.',
        "For each layer: set_training(layer, training). Then network itself, if "
        'hasattr(network, "training").',
    ),
    returns=("the switches",),
)
