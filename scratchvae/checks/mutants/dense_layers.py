"""Mutants of dense layers, and of the same as a pair of functions.

Each class overrides the right one where the mistake is, and nowhere else.

Dimensions: N examples, I input features, O output features.
"""

from typing import Any

import numpy as np

from scratchvae import kernels
from scratchvae.checks.gradients import gradcheck_functions
from scratchvae.checks.mutants.base import GRADIENT, Check, Mutant, layer_mutant, layer_pair, normal
from scratchvae.layers import Dense
from scratchvae.validation import FloatArray


class _Changed(Dense):
    """A dense layer that adds a mistaken gradient where the right one belongs."""

    changed = "bias"

    def backward(self, dy: FloatArray) -> FloatArray:
        parameter = self.parameters[self.changed]
        before = parameter.grad.copy()
        dx = super().backward(dy)
        parameter.grad[...] = before + self.mistaken(dy, parameter.grad - before)
        return dx

    def mistaken(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        raise NotImplementedError


class WeightNotTransposed(Dense):
    def backward(self, dy: FloatArray) -> FloatArray:
        super().backward(dy)
        return kernels.matmul(dy, self.parameters["weight"].value)


class WeightGradientTransposed(_Changed):
    changed = "weight"

    def mistaken(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return right.T


class BiasForgotten(_Changed):
    def mistaken(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return np.zeros_like(right)


class BiasOfFirstExample(_Changed):
    def mistaken(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        first: FloatArray = dy[0]
        return first


class BiasAveraged(_Changed):
    def mistaken(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return right / len(dy)


class WeightAveraged(_Changed):
    changed = "weight"

    def mistaken(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return right / len(dy)


class GradientsOverwritten(Dense):
    def backward(self, dy: FloatArray) -> FloatArray:
        self.zero_grad()
        return super().backward(dy)


class FirstInputKept(_Changed):
    changed = "weight"
    first: FloatArray | None = None

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        self.first = x.copy() if self.first is None else self.first
        return super().forward(x, training)

    def mistaken(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        assert self.first is not None
        gradient: FloatArray = self.first.T @ dy
        return gradient


def _affine(x: FloatArray, w: FloatArray, b: FloatArray) -> tuple[FloatArray, Any]:
    return x @ w + b, (x, w)


def _affine_backward(dy: FloatArray, cache: Any) -> tuple[FloatArray, ...]:
    x, w = cache
    return dy @ w.T, x.T @ dy, dy.sum(axis=0)


def _bias_not_summed(dy: FloatArray, cache: Any) -> tuple[FloatArray, ...]:
    x, w = cache
    return dy @ w.T, x.T @ dy, dy


def _weight_the_other_way(dy: FloatArray, cache: Any) -> tuple[FloatArray, ...]:
    x, w = cache
    return dy @ w.T, dy.T @ x, dy.sum(axis=0)


def _functions(backward: Any) -> Check:
    def check(seed: int) -> Any:
        x, w, b = normal(seed, 4, 5), normal(seed + 1, 5, 3), normal(seed + 2, 3)
        return gradcheck_functions(_affine, backward, x, w, b, seed=seed)

    return check


_SQUARE: Any = ((3, 4), 4, 4)

DENSE_LAYER_MUTANTS = (
    layer_mutant(
        "dense: weight not transposed on the way back",
        "dx = dy W instead of dy Wᵀ",
        "trying it on a square layer, where both fit",
        "transpose",
        layer_pair(WeightNotTransposed, Dense, *_SQUARE),
        "weight is transposed",
    ),
    layer_mutant(
        "dense: weight gradient transposed",
        "dW = dyᵀ x instead of xᵀ dy",
        "storing weights as (out, in) in one place and (in, out) in another",
        "transpose",
        layer_pair(WeightGradientTransposed, Dense, *_SQUARE),
    ),
    layer_mutant(
        "dense: no gradient for the bias",
        "db is never computed",
        "adding the bias later, and only to the forward pass",
        "zero",
        layer_pair(BiasForgotten, Dense, *_SQUARE),
    ),
    layer_mutant(
        "dense: bias gradient of the first example",
        "db = dy[0] instead of the sum over examples",
        "deriving the layer for one example and broadcasting it to a batch",
        "missing sum",
        layer_pair(BiasOfFirstExample, Dense, *_SQUARE),
        "only to example 0",
    ),
    layer_mutant(
        "dense: bias gradient averaged",
        "db is the mean over examples; the loss has divided by N already",
        "copying dz.mean(axis=0) from code whose loss is a sum",
        "factor",
        layer_pair(BiasAveraged, Dense, *_SQUARE),
        "number of examples",
    ),
    layer_mutant(
        "dense: weight gradient averaged",
        "dW = xᵀ dy / N; the loss has divided by N already",
        "many NumPy networks: 1/m in the layer and again in the loss",
        "factor",
        layer_pair(WeightAveraged, Dense, *_SQUARE),
        "number of examples",
    ),
    layer_mutant(
        "dense: gradients assigned",
        "grad = instead of grad +=",
        "never using a layer twice, or two losses on one network",
        "overwritten",
        layer_pair(GradientsOverwritten, Dense, *_SQUARE),
    ),
    layer_mutant(
        "dense: first input kept",
        "dW uses the x of the very first batch",
        "caching with `if self.x is None`",
        "input ignored",
        layer_pair(FirstInputKept, Dense, *_SQUARE),
    ),
    Mutant(
        "affine functions: bias gradient not summed",
        "db = dy, with one row per example",
        "forgetting that the forward pass broadcast b",
        GRADIENT,
        _functions(_bias_not_summed),
        _functions(_affine_backward),
        "missing sum",
    ),
    Mutant(
        "affine functions: weight gradient transposed",
        "dW = dyᵀ x, of the shape (out, in)",
        "porting from a framework that stores weights as (out, in)",
        GRADIENT,
        _functions(_weight_the_other_way),
        _functions(_affine_backward),
        "transpose",
    ),
)
