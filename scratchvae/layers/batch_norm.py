"""Batch normalisation over the channels of images or features.

Dimensions: M values per channel (N·H·W for images, N for features), C channels. The kernels are
defined in ``kernels/reference.py``.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter
from scratchvae.validation import (
    FloatArray,
    check_array,
    check_count,
    check_floats,
    check_positive,
    check_remembered,
)


class BatchNorm(Layer):
    """Normalise each channel, then apply a learned scale γ and shift β.

    x̂ = (x − μ) / √(σ² + ε) and y = γ x̂ + β, channel by channel. In training μ and σ² are the mean
    and the (biased) variance over the batch; otherwise they are the running statistics, which
    follow the batches as running ← (1 − momentum) · running + momentum · batch, with the unbiased
    variance σ² M / (M − 1).

    Backwards, with every sum and mean over the M values of a channel:

    - ∂γ = Σ dy x̂ and ∂β = Σ dy;
    - ∂x = γ / √(σ² + ε) · [dy − mean(dy) − x̂ · mean(dy x̂)] in training. The first term is x's own
      way to y. In the second a change of x moves μ, which moves all of the channel's outputs; in
      the third it moves σ² likewise. With running statistics, which are constants, both are absent.

    Source: Ioffe and Szegedy (2015); the running statistics are as PyTorch defines them.

    Parameters
    ----------
    channels
        C, the size of the last axis.
    momentum
        The share of each batch in the running statistics.
    epsilon
        ε, which keeps a constant channel finite.
    dtype
        As for every ``Layer``.

    Attributes
    ----------
    parameters
        ``"scale"`` γ, of ones at first, and ``"shift"`` β, of zeros, both (C,).
    buffers
        ``"running_mean"`` and ``"running_variance"``, (C,): not learned, but part of the model.
    """

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
        if not 0 <= momentum <= 1:
            raise InputError(f"momentum must be from 0 to 1, not {momentum!r}")
        self.momentum = momentum
        self.epsilon = check_positive(epsilon, "epsilon")
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
        self.check_input(x, training)
        if training:
            mean, variance = kernels.channel_moments(x)  # μ and σ², (C,)
            self._follow(mean, variance, x.size // self.channels)
        else:
            mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        inverse_std = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))  # 1/√(σ² + ε), (C,)
        self.x, self.statistics, self.training = x, (mean.copy(), inverse_std), training
        scale, shift = self.parameters["scale"].value, self.parameters["shift"].value
        return kernels.batch_norm_forward(x, mean, inverse_std, scale, shift)  # γ x̂ + β

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂loss/∂x for ``dy`` = ∂loss/∂y, both (N, …, C)."""
        x = check_remembered(self, "x")
        check_array(dy, "BatchNorm: dy", x.shape, self.dtype)
        scale, shift = self.parameters["scale"], self.parameters["shift"]
        dx, d_scale, d_shift = kernels.batch_norm_backward(
            dy, x, *self.statistics, scale.value, self.training
        )
        dγ, dβ = scale.grad, shift.grad
        dγ += d_scale  # Σ dy x̂
        dβ += d_shift  # Σ dy
        return dx

    def check_input(self, x: FloatArray, training: bool) -> None:
        """Raise ``InputError`` unless ``x`` has the layer's channels and, in training, a spread."""
        check_floats(x, "BatchNorm: x", self.dtype)
        if x.ndim < 2 or x.shape[-1] != self.channels:
            raise InputError(
                f"BatchNorm expects x of shape (N, …, {self.channels}), channels last, not "
                f"{x.shape}"
            )
        count = x.size // self.channels
        if training and count < 2:
            remedy = "use a larger batch"
            if count:
                remedy += (
                    ", or, where one image was left over for the last batch of an epoch, a batch "
                    "size that leaves none or more"
                )
            raise InputError(
                f"BatchNorm in training needs at least two values per channel to have a spread, "
                f"not {count}: {remedy}"
            )

    def _follow(self, mean: FloatArray, variance: FloatArray, count: int) -> None:
        """Move the running statistics towards those of a batch of ``count`` values a channel."""
        running_mean, running_variance = self.buffers.values()
        running_mean += self.momentum * (mean - running_mean)
        running_variance += self.momentum * (variance * (count / (count - 1)) - running_variance)

    def __repr__(self) -> str:
        return f"BatchNorm({self.channels})"
