"""A dense layer with some of its connections cut, and the masks that make a network causal.

Dimensions: N examples, I input features, O output features; P places in a fixed order, with K
features each. The kernels are defined in ``kernels/reference.py``.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.held import Setting, check_held
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter, draw_parameters
from scratchvae.validation import FloatArray, as_array, check_array, check_count, remembered


def _check_mask(mask: Any, name: str) -> NDArray[np.bool_]:
    """Return a mask as one of true and false; ``InputError`` unless it is one, (I, O)."""
    found = as_array(mask, name)
    if found.ndim != 2 or found.size == 0 or not ((found == 0) | (found == 1)).all():
        raise InputError(
            f"{name} must be of shape (I, O) and of ones and zeros, not {found.dtype} of shape "
            f"{found.shape}: make one with causal_masks"
        )
    return found.astype(np.bool_)


class MaskedDense(Layer):
    """An affine map with the connections of a mask M only: ``y = x (W ∘ M) + b``.

    That is a ``Dense`` layer with the weight W[i, o] M[i, o] (eq. 24.9 of the lessons). What is
    cut off has no effect, so no gradient either:

    - dW = (xᵀ dy) ∘ M;
    - db = Σₙ dy[n];
    - dx = dy (W ∘ M)ᵀ.

    Source: Germain, Gregor, Murray and Larochelle, "MADE: masked autoencoder for distribution
    estimation" (2015).

    Parameters
    ----------
    mask
        M, of shape (I, O): true, or 1, for each connection that is kept.
    rng, dtype
        As for ``Dense``.

    Attributes
    ----------
    parameters
        ``"weight"`` W of shape (I, O), drawn from ±1/√(connections of the output), and ``"bias"`` b
        of shape (O,).
    """

    mask = Setting(_check_mask)

    def __init__(
        self,
        mask: NDArray[Any],
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.mask = mask
        self.in_features, self.out_features = self.mask.shape
        drawn = draw_parameters(self.mask.shape, self.out_features, rng, np.float64)
        # They are drawn for I connections, and an output may have fewer.
        wider = np.sqrt(self.in_features / np.maximum(self.mask.sum(axis=0), 1))
        weight, bias = drawn["weight"].value * wider * self.mask, drawn["bias"].value
        self.parameters = {
            "weight": Parameter(weight.astype(self.dtype)),
            "bias": Parameter(bias.astype(self.dtype)),
        }

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x``: (N, I) to (N, O)."""
        check_held(self, self.parameters, weight=self.mask.shape, bias=self.mask.shape[1:])
        check_array(x, "MaskedDense: x", ("N", self.in_features), self.dtype)
        self.x = x
        W, b = self.parameters["weight"].value, self.parameters["bias"].value
        return kernels.matmul(x, W * self.mask) + b  # x (W ∘ M) + b

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``: (N, O) to (N, I)."""
        x = remembered(self, "x")
        check_array(dy, "MaskedDense: dy", (len(x), self.out_features), self.dtype)
        W, b = self.parameters["weight"], self.parameters["bias"]
        dW, db = W.grad, b.grad  # to which += adds in place
        dW += kernels.matmul_transposed_left(x, dy) * self.mask  # (xᵀ dy) ∘ M
        db += kernels.sum_rows(dy)  # Σₙ dy[n]
        return kernels.matmul_transposed_right(dy, W.value * self.mask)  # dx = dy (W ∘ M)ᵀ

    def backward_parameters(self, dy: FloatArray) -> None:
        """Like ``backward``, without dx."""
        x = remembered(self, "x")
        check_array(dy, "MaskedDense: dy", (len(x), self.out_features), self.dtype)
        dW, db = self.parameters["weight"].grad, self.parameters["bias"].grad
        dW += kernels.matmul_transposed_left(x, dy) * self.mask
        db += kernels.sum_rows(dy)

    def __repr__(self) -> str:
        kept = int(self.mask.sum())
        return f"MaskedDense({self.in_features}, {self.out_features}, {kept:,} connections)"


def causal_masks(places: int, width: int, hidden: int) -> list[NDArray[np.bool_]]:
    """Return the two masks of a network in which no output sees its own place, or a later one.

    Input and output have ``width`` features for each of ``places`` places, one place after the
    other; a unit of the layer between sees the places up to its own, and is seen from those after
    it. Output p then depends on the input of places 0 … p − 1 only (eq. 24.10 of the lessons).

    Returns
    -------
    The masks from the input to the hidden units, (P·K, hidden), and from there to the output,
    (hidden, P·K).
    """
    check_count(hidden, "hidden")
    place = np.repeat(np.arange(check_count(places, "places")), check_count(width, "width"))
    # Nobody sees the last place, so no hidden unit need look at it.
    own = np.arange(hidden) % max(places - 1, 1)
    return [place[:, None] <= own, own[:, None] < place]
