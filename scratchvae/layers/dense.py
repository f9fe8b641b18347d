"""The dense (fully connected) layer.

Dimensions: N examples, I input features, O output features. The kernels are defined in
``kernels/reference.py``.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.held import check_held
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import draw_parameters
from scratchvae.validation import FloatArray, check_array, check_count, remembered


class Dense(Layer):
    """An affine map of each example: ``y = x W + b`` (eq. 2.1 of the lessons).

    That is y[n, o] = Σᵢ x[n, i] W[i, o] + b[o]. Backwards:

    - W[i, o] acts on y[n, o] of every example, with the factor x[n, i]: dW = xᵀ dy (eq. 2.5);
    - b[o] acts on it with the factor 1: db = Σₙ dy[n] (eq. 2.6);
    - x[n, i] acts on every output o, with the factor W[i, o]: dx = dy Wᵀ (eq. 2.4).

    Weights and biases are drawn uniformly from ±1/√I, as in PyTorch. The I terms of an output then
    add up to a variance of a third of the mean square of x, however large I is.

    Parameters
    ----------
    in_features, out_features
        I and O.
    rng
        Where the initial values are drawn from: a generator, a seed, or ``None`` for other values
        each time.
    dtype
        As for every ``Layer``.

    Attributes
    ----------
    parameters
        ``"weight"`` W of shape (I, O) and ``"bias"`` b of shape (O,).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.in_features = check_count(in_features, "in_features")
        self.out_features = check_count(out_features, "out_features")
        shape = (self.in_features, self.out_features)
        self.parameters = draw_parameters(shape, self.out_features, rng, self.dtype)

    def output_shape(self, x: FloatArray) -> tuple[int, int]:
        """Return (N, O), or raise ``InputError`` if ``x`` does not fit."""
        weight, bias = (self.in_features, self.out_features), (self.out_features,)
        check_held(self, self.parameters, weight=weight, bias=bias)  # W and b
        flat = "put a Flatten before it if the examples are images"
        check_array(x, "Dense: x", ("N", self.in_features), self.dtype, flat)
        return len(x), self.out_features

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x``: (N, I) to (N, O)."""
        self.output_shape(x)  # which checks it
        self.x = x
        W, b = self.parameters["weight"].value, self.parameters["bias"].value
        return kernels.matmul(x, W) + b  # x W + b

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``: (N, O) to (N, I)."""
        x = remembered(self, "x")
        check_array(dy, "Dense: dy", (len(x), self.out_features), self.dtype)
        W, b = self.parameters["weight"], self.parameters["bias"]
        dW, db = W.grad, b.grad  # to which += adds in place
        dW += kernels.matmul_transposed_left(x, dy)  # xᵀ dy
        db += kernels.sum_rows(dy)  # Σₙ dy[n]
        return kernels.matmul_transposed_right(dy, W.value)  # dx = dy Wᵀ

    def __repr__(self) -> str:
        return f"Dense({self.in_features}, {self.out_features})"
