"""The dense (fully connected) layer, forwards and backwards.

Dimensions: N examples, I input features, O output features.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.layers.affine import Affine
from scratchvae.layers.base import Parameter
from scratchvae.validation import FloatArray, check_count, check_floats


class Dense(Affine, fusing=True):
    """An affine map of each example: ``y = x W + b`` (eq. 2.1 of the lessons).

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

    def _map(self, x: FloatArray) -> FloatArray:
        """Return ``x W``: (N, I) to (N, O)."""
        check_floats(x, "x", self.dtype)
        if x.ndim != 2 or x.shape[1] != self.in_features:
            raise InputError(
                f"Dense expects x of shape (N, {self.in_features}), not {x.shape}: "
                "put a Flatten before it if the examples are images"
            )
        out = self._empty("y", (len(x), self.out_features), self.dtype)
        return kernels.matmul(x, self.parameters["weight"].value, out)  # (N, O)

    def _input_gradient(self, dy: FloatArray) -> FloatArray:
        """Return ``dy Wᵀ``: (N, O) to (N, I) (eq. 2.3)."""
        out = self._empty("dx", (len(dy), self.in_features), self.dtype)
        return kernels.matmul_transposed_right(dy, self.parameters["weight"].value, out)  # (N, I)

    def _add_weight_gradient(self, x: FloatArray, dy: FloatArray) -> None:
        """Add ``xᵀ dy``, (I, O) (eq. 2.4)."""
        out, add = self.parameters["weight"].receive()
        kernels.matmul_transposed_left(x, dy, out, accumulate=add)

    def __repr__(self) -> str:
        return f"Dense({self.in_features}, {self.out_features})"
