"""Batch normalisation over the channels of images or features, forwards and backwards.

Dimensions: M values per channel (N·H·W for images, N for features), C channels.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.layers.base import Activation, FusingLayer, Parameter
from scratchvae.validation import FloatArray, check_count, check_floats, check_positive


class BatchNorm(FusingLayer, fusing=True):
    """Give every channel the mean and the spread that the layer learns, whatever came in.

    y = γ (x − μ) / √(σ² + ε) + β, channel by channel. In training μ and σ² are the mean and the
    (biased) variance over the batch; otherwise they are the running statistics, which follow the
    batches as running ← (1 − momentum) · running + momentum · batch, with the unbiased variance.
    Source: Ioffe and Szegedy (2015); the running statistics are as PyTorch defines them.

    Parameters
    ----------
    channels
        C, the size of the last axis.
    momentum
        The share of each batch in the running statistics.
    epsilon
        ε, which keeps a constant channel finite.
    rng, dtype
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
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(rng=rng, dtype=dtype)
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
        """Return ``x`` normalised, in its shape; in training the running statistics follow it."""
        return self._normalise(x, training, None, None)

    def forward_fused(self, x: FloatArray, training: bool, then: Activation) -> FloatArray:
        """Return the activation of the normalised ``x``, applied in the same pass."""
        return self._normalise(x, training, then, None)

    def forward_biased(
        self, x: FloatArray, training: bool, then: Activation | None, bias: FloatArray
    ) -> FloatArray:
        """Return what comes of x + ``bias``, with ``bias`` (C,) one number per channel.

        It is never added: where it moves x it moves μ as well, and x + b − (μ + b) = x − μ.
        """
        return self._normalise(x, training, then, bias)

    def _normalise(
        self, x: FloatArray, training: bool, then: Activation | None, bias: FloatArray | None
    ) -> FloatArray:
        check_floats(x, "x", self.dtype)
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
                f"BatchNorm in training needs two values per channel or more to have a spread, not "
                f"{count}: {remedy}"
            )
        if training:
            mean, variance = kernels.channel_moments(x)
            biased_mean = mean if bias is None else mean + bias
            self._follow(biased_mean, variance * (count / (count - 1)))
        else:
            mean = self.buffers["running_mean"]
            mean = mean if bias is None else mean - bias
            variance = self.buffers["running_variance"]
        deviation = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))  # 1/√(σ² + ε), (C,)
        self._pass = (x, mean, deviation, training)
        scale, shift = self.parameters["scale"].value, self.parameters["shift"].value
        kind, alpha = ("identity", 1.0) if then is None else (then.kind, then.alpha)
        out = self._empty("y", x.shape, self.dtype)
        self._y = kernels.batch_norm_forward(
            x, mean, deviation, scale, shift, out, kind=kind, alpha=alpha
        )
        if then is not None:
            then.y = self._y
        return self._y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ∂loss/∂x, and add ``Σ dy x̂`` to γ's gradient and ``Σ dy`` to β's.

        With x̂ the normalised input, and means over the M values of a channel,
        ∂loss/∂x = γ / √(σ² + ε) · [dy − mean(dy) − x̂ · mean(dy x̂)]: the two means are what comes
        back through μ and σ². With running statistics, which are constants, they are absent.
        """
        return self._pull(dy, None, None)

    def backward_fused(self, dy: FloatArray, then: Activation) -> FloatArray:
        """Go back through the activation in the same two passes."""
        return self._pull(dy, then, None)

    def backward_biased(
        self, dy: FloatArray, then: Activation | None, bias_gradient: FloatArray
    ) -> FloatArray:
        """Go back as ``forward_biased`` came, adding to the bias's gradient (C,) on the way.

        In training it is 0 but for rounding, for the result does not depend on the bias.
        """
        return self._pull(dy, then, bias_gradient)

    def _pull(
        self, dy: FloatArray, then: Activation | None, bias_gradient: FloatArray | None
    ) -> FloatArray:
        x, mean, deviation, training = self._remembered("_pass")
        self._check_upstream(dy, self._y)
        out = self._empty("dx", x.shape, self.dtype)
        kind, alpha = ("identity", 1.0) if then is None else (then.kind, then.alpha)
        scale = self.parameters["scale"]
        dx, d_scale, d_shift = kernels.batch_norm_backward(
            *(dy, x, mean, deviation, scale.value, training, out),
            kind=kind,
            alpha=alpha,
            y=self._y,
            total=bias_gradient,
        )
        scale.grad += d_scale
        self.parameters["shift"].grad += d_shift
        return dx

    def _follow(self, mean: FloatArray, variance: FloatArray) -> None:
        for name, batch in (("running_mean", mean), ("running_variance", variance)):
            running = self.buffers[name]
            running += self.momentum * (batch - running)

    def __repr__(self) -> str:
        return f"BatchNorm({self.channels})"
