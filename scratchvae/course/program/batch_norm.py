"""Batch normalisation: what the lesson on it writes.

Dimensions: C channels, in the last axis; M values of each, over all other axes.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.course.program.layers import Arrays
from scratchvae.validation import FloatArray


class BatchNorm:
    """Each channel with mean 0 and variance 1 over the batch, then scaled and shifted: eq. 16.1.

    Backwards it is eq. 16.3. With ``training`` off, the running statistics of eq. 16.5 take the
    place of the batch's, and it is eq. 16.6.
    """

    def __init__(
        self,
        channels: int,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        dtype: DTypeLike = np.float64,
    ) -> None:
        self.momentum, self.epsilon, self.training = momentum, epsilon, True
        self.parameters: Arrays = {
            "scale": np.ones(channels, dtype),
            "shift": np.zeros(channels, dtype),
        }
        self.gradients: Arrays = {}
        self.buffers: Arrays = {
            "mean": np.zeros(channels, dtype),
            "variance": np.ones(channels, dtype),
        }

    def forward(self, x: FloatArray) -> FloatArray:
        """Return y, of x's shape (N, …, C); in training the running statistics follow."""
        mean, variance = self.buffers["mean"], self.buffers["variance"]
        if self.training:
            axes, count = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
            mean, variance = x.mean(axis=axes), x.var(axis=axes)
            unbiased = variance * (count / (count - 1))
            for name, batch in (("mean", mean), ("variance", unbiased)):
                self.buffers[name] += self.momentum * (batch - self.buffers[name])
        self.inverse_std = 1 / np.sqrt(variance + self.epsilon)
        self.x_hat = (x - mean) * self.inverse_std
        y: FloatArray = self.parameters["scale"] * self.x_hat + self.parameters["shift"]
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx, of dy's shape, and fill ``gradients``."""
        axes = tuple(range(dy.ndim - 1))
        self.gradients = {
            "scale": (dy * self.x_hat).sum(axis=axes),
            "shift": dy.sum(axis=axes),
        }
        if self.training:
            along = (dy * self.x_hat).mean(axis=axes)
            dy = dy - dy.mean(axis=axes) - self.x_hat * along
        dx: FloatArray = self.parameters["scale"] * self.inverse_std * dy
        return dx


def set_training(network: Any, training: bool) -> None:
    """Switch every layer of a network that has a ``training`` to it."""
    for layer in getattr(network, "layers", ()):
        set_training(layer, training)
    if hasattr(network, "training"):
        network.training = training
