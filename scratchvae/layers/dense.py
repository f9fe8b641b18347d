"""The dense (fully connected) layer, forwards and backwards.

Dimensions: N examples, I input features, O output features.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.arrays import FloatArray, check_count, check_floats
from scratchvae.errors import InputError
from scratchvae.layers.base import Layer, Parameter


class Dense(Layer):
    """An affine map of each example: ``y = x W + b``.

    Weights and biases begin uniform in ±1/√I, which keeps the variance of the activations of the
    same order from layer to layer (it is also what the frameworks' linear layers do, so that
    results can be compared).

    Parameters
    ----------
    in_features, out_features
        I and O.
    rng, dtype
        As for every ``Layer``.

    Attributes
    ----------
    parameters
        ``"weight"`` of shape (I, O) and ``"bias"`` of shape (O,).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(rng=rng, dtype=dtype)
        self.in_features = check_count(in_features, "in_features")
        self.out_features = check_count(out_features, "out_features")
        bound = 1 / np.sqrt(self.in_features)
        # Drawn in float64 and rounded: a seed means the same network in both dtypes.
        weight = self.rng.uniform(-bound, bound, (self.in_features, self.out_features))
        bias = self.rng.uniform(-bound, bound, self.out_features)
        self.parameters = {
            "weight": Parameter(weight.astype(self.dtype)),
            "bias": Parameter(bias.astype(self.dtype)),
        }

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return ``x W + b``: (N, I) to (N, O)."""
        check_floats(x, "x", self.dtype)
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise InputError(
                f"Dense expects x of shape (N, {self.in_features}), not {x.shape}: "
                "put a Flatten before it if the examples are images"
            )
        self._x = x  # (N, I)
        out = self._empty("y", (len(x), self.out_features), self.dtype)
        y = kernels.matmul(x, self.parameters["weight"].value, out)  # (N, O)
        self._y = kernels.add_bias(y, self.parameters["bias"].value)
        return self._y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy Wᵀ`` (N, I), and add ``xᵀ dy`` and ``Σₙ dy`` to the gradients."""
        self.backward_parameters(dy)
        out = self._empty("dx", (len(dy), self.in_features), self.dtype)
        return kernels.matmul_transposed_right(dy, self.parameters["weight"].value, out)  # (N, I)

    def backward_parameters(self, dy: FloatArray) -> None:
        """Add ``xᵀ dy`` to the weight's gradient and ``Σₙ dy`` to the bias's."""
        x = self._remembered("_x")
        self._check_upstream(dy, self._y)
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        kernels.matmul_transposed_left(x, dy, weight.grad, accumulate=True)  # (I, O)
        kernels.sum_rows(dy, bias.grad)  # (O,)

    def __repr__(self) -> str:
        return f"Dense({self.in_features}, {self.out_features})"
