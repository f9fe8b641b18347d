"""Activation functions, applied to each number by itself, and their derivatives.

Where the derivative can be written with the output ``y`` it is: ``y`` is already there.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.arrays import FloatArray, check_floats, check_positive
from scratchvae.kernels.elementwise import sigmoid, softplus
from scratchvae.layers.base import Layer


class _Activation(Layer):
    """The parts that all activations share: remember input and output, apply the chain rule."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the function of each entry of ``x``, in its shape and dtype."""
        self._x = check_floats(x, "x")
        self._y = self._function(x)
        return self._y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` times the function's derivative, entry by entry."""
        x = self._remembered("_x")
        self._check_upstream(dy, self._y)
        return dy * self._derivative(x, self._y)

    def _function(self, x: FloatArray) -> FloatArray:
        raise NotImplementedError

    def _derivative(self, x: FloatArray, y: FloatArray) -> FloatArray:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(_Activation):
    """The rectifier ``y = max(x, 0)``; its derivative at the kink, 0, is taken as 0."""

    smooth: ClassVar[bool] = False

    def _function(self, x: FloatArray) -> FloatArray:
        return np.maximum(x, 0)

    def _derivative(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return (x > 0).astype(x.dtype)


class ELU(_Activation):
    """The exponential linear unit of Clevert, Unterthiner and Hochreiter (2015).

    ``y = x`` for x > 0 and ``alpha (eˣ − 1)`` otherwise. With alpha = 1 its slope is continuous
    but its curvature jumps at 0, so it is not smooth in the sense of a gradient check.

    Parameters
    ----------
    alpha
        Minus the limit at −∞.
    """

    smooth: ClassVar[bool] = False

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(rng=rng, dtype=dtype)
        self.alpha = check_positive(alpha, "alpha")

    def _function(self, x: FloatArray) -> FloatArray:
        # The minimum keeps expm1 from overflowing where its result is not used.
        return np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0))).astype(x.dtype)

    def _derivative(self, x: FloatArray, y: FloatArray) -> FloatArray:
        # On the negative side alpha eˣ = y + alpha.
        return np.where(x > 0, 1, y + self.alpha).astype(x.dtype)

    def __repr__(self) -> str:
        return f"ELU(alpha={self.alpha})"


class Tanh(_Activation):
    """The hyperbolic tangent; its derivative is ``1 − y²``."""

    def _function(self, x: FloatArray) -> FloatArray:
        return np.tanh(x)

    def _derivative(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return 1 - y * y


class Sigmoid(_Activation):
    """The logistic function ``y = 1 / (1 + e⁻ˣ)``; its derivative is ``y (1 − y)``."""

    def _function(self, x: FloatArray) -> FloatArray:
        return sigmoid(x)

    def _derivative(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return y * (1 - y)


class Softplus(_Activation):
    """The smooth rectifier ``y = log(1 + eˣ)``; its derivative is the logistic function of x."""

    def _function(self, x: FloatArray) -> FloatArray:
        return softplus(x)

    def _derivative(self, x: FloatArray, y: FloatArray) -> FloatArray:
        return sigmoid(x)


class LogSoftplus(_Activation):
    """The log-variance of a variance given as softplus: ``y = log(softplus(x) + floor)``.

    Zhao's report takes the encoder's variance as ``softplus(h) + 1e-8``. With this layer as its
    head such an encoder gives a log-variance like any other.

    Parameters
    ----------
    floor
        The smallest variance, which keeps the logarithm finite.
    """

    def __init__(
        self,
        floor: float = 1e-8,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(rng=rng, dtype=dtype)
        self.floor = check_positive(floor, "floor")

    def _function(self, x: FloatArray) -> FloatArray:
        y: FloatArray = np.log(softplus(x) + self.floor)
        return y

    def _derivative(self, x: FloatArray, y: FloatArray) -> FloatArray:
        slope: FloatArray = sigmoid(x) / np.exp(y)
        return slope
