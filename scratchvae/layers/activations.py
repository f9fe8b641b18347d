"""Activation functions, applied to each number by itself, and their derivatives.

Each derivative is written with the output y, which is there already (eq. 2.6 of the lessons), so
y is all that a forward pass keeps. The kernels are defined in ``kernels/reference.py``.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.layers.base import Layer
from scratchvae.validation import FloatArray, check_floats, check_positive, check_upstream


class ReLU(Layer):
    """The rectifier ``y = max(x, 0)``.

    Its derivative is 1 where y > 0, else 0; at the kink, 0, it is taken as 0.
    """

    smooth: ClassVar[bool] = False

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.relu(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` where y > 0, and 0 elsewhere."""
        return kernels.relu_backward(dy, check_upstream(self, dy))

    def __repr__(self) -> str:
        return "ReLU()"


class ELU(Layer):
    """The exponential linear unit of Clevert, Unterthiner and Hochreiter (2015).

    ``y = x`` for x > 0 and ``alpha (eˣ − 1)`` otherwise, with the derivative 1 or
    ``alpha eˣ = y + alpha``. With alpha = 1 its slope is continuous but its curvature jumps at 0,
    so it is not smooth in the sense of a gradient check.

    Parameters
    ----------
    alpha
        Minus the limit at −∞.
    dtype
        As for every ``Layer``.
    """

    smooth: ClassVar[bool] = False

    def __init__(self, alpha: float = 1.0, *, dtype: DTypeLike = np.float32) -> None:
        super().__init__(dtype=dtype)
        self.alpha = check_positive(alpha, "alpha")

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.elu(check_floats(x, "x"), self.alpha)
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` where y > 0, and ``dy (y + alpha)`` elsewhere."""
        return kernels.elu_backward(dy, check_upstream(self, dy), self.alpha)

    def __repr__(self) -> str:
        return f"ELU(alpha={self.alpha})"


class Tanh(Layer):
    """The hyperbolic tangent; its derivative is ``1 − y²``."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.tanh(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy (1 − y²)``."""
        return kernels.tanh_backward(dy, check_upstream(self, dy))

    def __repr__(self) -> str:
        return "Tanh()"


class Sigmoid(Layer):
    """The logistic function ``y = 1 / (1 + e⁻ˣ)``; its derivative is ``y (1 − y)``."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.sigmoid(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy y (1 − y)``."""
        return kernels.sigmoid_backward(dy, check_upstream(self, dy))

    def __repr__(self) -> str:
        return "Sigmoid()"


class Softplus(Layer):
    """The smooth rectifier ``y = log(1 + eˣ)``; its derivative is ``1 / (1 + e⁻ˣ) = 1 − e⁻ʸ``."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.softplus(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy (1 − e⁻ʸ)``."""
        return kernels.softplus_backward(dy, check_upstream(self, dy))

    def __repr__(self) -> str:
        return "Softplus()"


class LogSoftplus(Layer):
    """The log-variance of a variance given as softplus: ``y = log(softplus(x) + floor)``.

    Zhao's report takes the encoder's variance as ``softplus(h) + 1e-8``. With this layer as its
    head such an encoder gives a log-variance like any other. The derivative is
    ``sigmoid(x) / (softplus(x) + floor) = sigmoid(x) e⁻ʸ``.

    Parameters
    ----------
    floor
        The smallest variance, which keeps the logarithm finite.
    dtype
        As for every ``Layer``.
    """

    def __init__(self, floor: float = 1e-8, *, dtype: DTypeLike = np.float32) -> None:
        super().__init__(dtype=dtype)
        self.floor = check_positive(floor, "floor")

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.x = check_floats(x, "x")
        self.y: FloatArray = np.log(kernels.softplus(x) + x.dtype.type(self.floor))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy sigmoid(x) e⁻ʸ``."""
        y = check_upstream(self, dy)
        dx: FloatArray = dy * kernels.sigmoid(self.x) * np.exp(-y)
        return dx

    def __repr__(self) -> str:
        return f"LogSoftplus(floor={self.floor})"
