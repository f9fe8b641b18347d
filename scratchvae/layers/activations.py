"""Activation functions, applied to each number by itself, and their derivatives.

The formulas are in the classes, the loops in ``kernels.activation_forward`` and
``kernels.activation_backward``. Each derivative is written with the output y, which is there
(eq. 2.6 of the lessons).
"""

from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.layers.base import Activation, Layer
from scratchvae.validation import FloatArray, check_floats, check_positive


class _Elementwise(Activation):
    """What all activations share: apply the function, remember y, apply the chain rule."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the function of each entry of ``x``, in its shape and dtype."""
        check_floats(x, "x")
        out = self._empty("y", x.shape, x.dtype)
        self.y = kernels.activation_forward(self.kind, x, self.alpha, out)
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` times the function's derivative, entry by entry."""
        y = self._remembered("y")
        self._check_upstream(dy, y)
        out = self._empty("dx", y.shape, y.dtype)
        return kernels.activation_backward(self.kind, dy, y, self.alpha, out)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ReLU(_Elementwise, fusing=True):
    """The rectifier ``y = max(x, 0)``.

    Its derivative is 1 where y > 0, else 0; at the kink, 0, it is taken as 0.
    """

    smooth: ClassVar[bool] = False
    kind: ClassVar[str] = "relu"


class ELU(_Elementwise, fusing=True):
    """The exponential linear unit of Clevert, Unterthiner and Hochreiter (2015).

    ``y = x`` for x > 0 and ``alpha (eˣ − 1)`` otherwise, with the derivative 1 or
    ``alpha eˣ = y + alpha``. With alpha = 1 its slope is continuous but its curvature jumps at 0,
    so it is not smooth in the sense of a gradient check.

    Parameters
    ----------
    alpha
        Minus the limit at −∞.
    rng, dtype
        As for every ``Layer``.
    """

    smooth: ClassVar[bool] = False
    kind: ClassVar[str] = "elu"

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(rng=rng, dtype=dtype)
        self.alpha = check_positive(alpha, "alpha")

    def __repr__(self) -> str:
        return f"ELU(alpha={self.alpha})"


class Tanh(_Elementwise):
    """The hyperbolic tangent; its derivative is ``1 − y²``."""

    kind: ClassVar[str] = "tanh"


class Sigmoid(_Elementwise):
    """The logistic function ``y = 1 / (1 + e⁻ˣ)``; its derivative is ``y (1 − y)``."""

    kind: ClassVar[str] = "sigmoid"


class Softplus(_Elementwise):
    """The smooth rectifier ``y = log(1 + eˣ)``; its derivative is ``1 / (1 + e⁻ˣ) = 1 − e⁻ʸ``."""

    kind: ClassVar[str] = "softplus"


class LogSoftplus(Layer):
    """The log-variance of a variance given as softplus: ``y = log(softplus(x) + floor)``.

    Zhao's report takes the encoder's variance as ``softplus(h) + 1e-8``. With this layer as its
    head such an encoder gives a log-variance like any other. The derivative is
    ``sigmoid(x) / (softplus(x) + floor) = sigmoid(x) e⁻ʸ``.

    Parameters
    ----------
    floor
        The smallest variance, which keeps the logarithm finite.
    rng, dtype
        As for every ``Layer``.
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

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the function of each entry of ``x``, in its shape and dtype."""
        self._x = check_floats(x, "x")
        y = kernels.activation_forward("softplus", x)
        y += self.floor
        self._y: FloatArray = np.log(y, out=y)
        return self._y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` times the function's derivative, entry by entry."""
        x = self._remembered("_x")
        self._check_upstream(dy, self._y)
        dx = kernels.activation_forward("sigmoid", x)
        dx *= np.exp(-self._y)
        dx *= dy
        return dx

    def __repr__(self) -> str:
        return f"LogSoftplus(floor={self.floor})"
