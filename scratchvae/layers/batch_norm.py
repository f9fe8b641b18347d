"""Batch normalisation over the channels of images or features.

Dimensions: M values per channel (N·H·W for images, N for features), C channels. What is called as
``kernels.f`` is defined in ``kernels/reference.py``.
"""

from functools import partial

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.held import Setting, check_held
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter
from scratchvae.validation import (
    FloatArray,
    check_array,
    check_between,
    check_count,
    check_flag,
    check_floats,
    check_positive,
    remembered,
)


class BatchNorm(Layer):
    """Normalise each channel, then apply a learned scale γ and shift β.

    x̂ = (x − μ) / √(σ² + ε) and y = γ x̂ + β, channel by channel: eq. 16.1. In training μ and σ²
    are the mean and the (biased) variance over the batch; otherwise they are the running
    statistics, which are updated after each batch by running ← (1 − momentum) · running +
    momentum · batch. Their variance is the unbiased one, σ² M / (M − 1): it stands for all data,
    of which a batch is a sample (eq. 16.5).

    Backwards, with every sum and mean over the M values of a channel: dγ = Σ dy x̂, dβ = Σ dy, and

        dx = γ / √(σ² + ε) · [dy − mean(dy) − x̂ · mean(dy x̂)]        in training: eq. 16.3.

    For with r = 1 / √(σ² + ε) and g = dx̂ = γ dy there are three paths from x to the loss: the
    direct one, r g; through μ, with dμ = −r Σ g (σ² does not change with μ, since Σ (x − μ) = 0),
    which adds dμ / M; and through σ², with dσ² = −½ r³ Σ g (x − μ), which adds
    dσ² · 2 (x − μ) / M. So dx adds up to 0 over a channel (eq. 16.4): a shift of the whole
    channel changes nothing. With running statistics, which are constants, the second and third
    terms are absent (eq. 16.6).

    Frozen (``freeze``), it takes the running statistics in training too, and leaves them alone, as
    Keras's layer does: with those of new data it would give the frozen layers after it another
    input than they were trained on.

    A model with such a layer in its decoder has in training a loss that bounds −log p of whole
    batches, eq. 16.7; that of single images is bounded with running statistics.

    Source: Ioffe and Szegedy (2015); the running statistics are as PyTorch defines them.

    Parameters
    ----------
    channels
        C, the size of the last axis.
    momentum
        The share of each batch in the running statistics.
    epsilon
        ε, which avoids division by zero in a constant channel.
    dtype
        As for every ``Layer``.

    Attributes
    ----------
    parameters
        ``"scale"`` γ, of ones at first, and ``"shift"`` β, of zeros, both (C,).
    buffers
        ``"running_mean"`` and ``"running_variance"``, (C,): not learned, but part of the model.
    """

    momentum = Setting(partial(check_between, least=0, most=1))
    epsilon = Setting(check_positive)

    def __init__(
        self,
        channels: int,
        momentum: float = 0.1,
        epsilon: float = 1e-5,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.channels = check_count(channels, "channels")
        self.momentum, self.epsilon = momentum, epsilon
        self.parameters = {
            "scale": Parameter(np.ones(channels, self.dtype)),
            "shift": Parameter(np.zeros(channels, self.dtype)),
        }
        self.buffers = {
            "running_mean": np.zeros(channels, self.dtype),
            "running_variance": np.ones(channels, self.dtype),
        }

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` (N, …, C); in training the running statistics follow the batch."""
        training = self.check_input(x, training)
        if training:
            mean, variance = kernels.channel_moments(x)  # μ and σ², (C,)
            count = x.size // self.channels  # M
            unbiased = variance * (count / (count - 1))
            for name, batch in (("running_mean", mean), ("running_variance", unbiased)):
                running = self.buffers[name]  # which += moves in place
                running += self.momentum * (batch - running)
        else:
            # A copy: the next batch in training changes the buffer in place.
            mean, variance = self.buffers["running_mean"].copy(), self.buffers["running_variance"]
        inverse_std = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))  # r, in x's dtype
        self.x, self.training = x, training
        self.mean, self.inverse_std = mean, inverse_std
        scale, shift = self.parameters["scale"].value, self.parameters["shift"].value  # γ and β
        return kernels.batch_norm_forward(x, mean, inverse_std, scale, shift)

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``, both (N, …, C)."""
        x = remembered(self, "x")
        check_array(dy, "BatchNorm: dy", x.shape, self.dtype)
        scale, shift = self.parameters["scale"], self.parameters["shift"]
        dx, d_scale, d_shift = kernels.batch_norm_backward(
            dy, x, self.mean, self.inverse_std, scale.value, training=self.training
        )
        scale.grad[...] += d_scale  # dγ = Σ dy x̂
        shift.grad[...] += d_shift  # dβ = Σ dy
        return dx

    def check_input(self, x: FloatArray, training: bool) -> bool:
        """Return whether the batch's own statistics count, in ``training`` and not frozen.

        It is an ``InputError`` unless ``x`` has the right channels, and enough values for them.
        """
        held, each = self.parameters | self.buffers, (self.channels,)
        check_held(self, held, scale=each, shift=each, running_mean=each, running_variance=each)
        check_floats(x, "BatchNorm: x", self.dtype)
        if x.ndim < 2 or x.shape[-1] != self.channels:
            raise InputError(
                f"BatchNorm expects x of shape (N, ..., {self.channels}), channels last, not "
                f"{x.shape}"
            )
        count = x.size // self.channels
        learns = any(parameter.trainable for parameter in self.parameters.values())
        training = check_flag(training, "training") and learns
        if training and count < 2:
            raise InputError(
                f"BatchNorm in training needs at least two values per channel, not {count}: use a "
                "larger batch, or a batch size that leaves no single image over for an epoch's last"
            )
        return training

    def __repr__(self) -> str:
        return f"BatchNorm({self.channels})"
