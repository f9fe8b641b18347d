"""Activation functions, applied to each number by itself, and their derivatives.

y[i] = f(x[i]) depends on no other number of x, so the chain rule comes to dx[i] = dy[i] · f′(x[i]).
Each derivative is written with the output y, which has already been computed (eq. 2.7 of the
lessons), so y is all that a forward pass keeps. (``LogSoftplus`` also keeps x: where softplus(x) is
small, eʸ − floor would lose its digits.) What is called as ``kernels.f`` is defined in
``kernels/reference.py``.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.held import Setting
from scratchvae.layers.base import Layer
from scratchvae.validation import FloatArray, check_floats, check_positive, remembered_output


class ReLU(Layer):
    """The rectifier ``y = max(x, 0)``.

    Its derivative is 1 where y > 0, else 0; at the kink, x = 0, we take 0.
    """

    smooth = False

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.relu(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` where y > 0, and 0 elsewhere."""
        return kernels.relu_backward(dy, remembered_output(self, dy))


class ELU(Layer):
    """The exponential linear unit of Clevert, Unterthiner and Hochreiter (2015).

    ``y = x`` for x > 0 and ``alpha (eˣ − 1)`` otherwise, with the derivative 1 or
    ``alpha eˣ = y + alpha``. With alpha = 1 its slope is continuous but its curvature jumps at 0,
    so it is not smooth in the sense of a gradient check.

    Parameters
    ----------
    alpha
        Above 0; y tends to −alpha as x → −∞.
    dtype
        As for every ``Layer``.
    """

    smooth = False
    alpha = Setting(check_positive)

    def __init__(self, alpha: float = 1.0, *, dtype: DTypeLike = np.float32) -> None:
        super().__init__(dtype=dtype)
        self.alpha = alpha

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.elu(check_floats(x, "x"), self.alpha)
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` where y > 0, and ``dy · (y + alpha)`` elsewhere."""
        return kernels.elu_backward(dy, remembered_output(self, dy), self.alpha)

    def __repr__(self) -> str:
        return f"ELU(alpha={self.alpha})"


class Tanh(Layer):
    """The hyperbolic tangent; its derivative is ``1 − y²``."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.tanh(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy · (1 − y²)``."""
        return kernels.tanh_backward(dy, remembered_output(self, dy))


class Sigmoid(Layer):
    """The logistic function ``y = 1 / (1 + e⁻ˣ)``; its derivative is ``y (1 − y)``."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.sigmoid(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy · y · (1 − y)``."""
        return kernels.sigmoid_backward(dy, remembered_output(self, dy))


class Softplus(Layer):
    """The smooth rectifier ``y = log(1 + eˣ)``.

    Its derivative is ``1 / (1 + e⁻ˣ) = 1 − e⁻ʸ``, since 1 + eˣ = eʸ.
    """

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.y = kernels.softplus(check_floats(x, "x"))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy · (1 − e⁻ʸ)``."""
        return kernels.softplus_backward(dy, remembered_output(self, dy))


class LogSoftplus(Layer):
    """The logarithm of a positive variance: ``y = log(softplus(x) + floor)``.

    A VAE's encoder gives log-variances; S. Zhao (*Variational Autoencoders*, report, 2023) has it
    give variances as ``softplus(h) + 1e-8``, which this layer turns into the former. The derivative
    is ``sigmoid(x) / (softplus(x) + floor) = sigmoid(x) e⁻ʸ``.

    Parameters
    ----------
    floor
        The smallest variance, which keeps the logarithm finite.
    dtype
        As for every ``Layer``.
    """

    floor = Setting(check_positive)

    def __init__(self, floor: float = 1e-8, *, dtype: DTypeLike = np.float32) -> None:
        super().__init__(dtype=dtype)
        self.floor = floor

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape."""
        self.x = check_floats(x, "x")
        self.y: FloatArray = np.log(kernels.softplus(x) + x.dtype.type(self.floor))
        return self.y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy · sigmoid(x) · e⁻ʸ``."""
        y = remembered_output(self, dy)
        return kernels.sigmoid(self.x) * np.exp(-y) * dy

    def __repr__(self) -> str:
        return f"LogSoftplus(floor={self.floor})"
