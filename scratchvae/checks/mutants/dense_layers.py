"""Broken dense layers, and the same as a pair of functions.

Each class overrides the right one where the mistake is, and nowhere else.

Dimensions: N examples, I input features, O output features.
"""

from typing import Any

import numpy as np

from scratchvae import kernels
from scratchvae.checks.gradients import gradcheck_functions
from scratchvae.checks.mutants.base import GRADIENT, Broken, Check, broken_layer, layer_pair, normal
from scratchvae.layers import Dense
from scratchvae.validation import FloatArray


class _Changed(Dense):
    """A dense layer that adds a wrong gradient where the right one belongs."""

    changed = "bias"

    def backward_parameters(self, dy: FloatArray) -> None:
        parameter = self.parameters[self.changed]
        before = parameter.grad.copy()
        super().backward_parameters(dy)
        parameter.grad[...] = before + self.wrong(dy, parameter.grad - before)

    def wrong(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        raise NotImplementedError


class WeightNotTransposed(Dense):
    def backward(self, dy: FloatArray) -> FloatArray:
        self.backward_parameters(dy)
        return kernels.matmul(dy, self.parameters["weight"].value)


class WeightGradientTransposed(_Changed):
    changed = "weight"

    def wrong(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return right.T


class BiasForgotten(_Changed):
    def wrong(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return np.zeros_like(right)


class BiasOfFirstExample(_Changed):
    def wrong(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        first: FloatArray = dy[0]
        return first


class BiasAveraged(_Changed):
    def wrong(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return right / len(dy)


class WeightAveraged(_Changed):
    changed = "weight"

    def wrong(self, dy: FloatArray, right: FloatArray) -> FloatArray:
        return right / len(dy)


class GradientsOverwritten(Dense):
    def backward_parameters(self, dy: FloatArray) -> None:
        self.zero_grad()
        super().backward_parameters(dy)


class FirstInputKept(Dense):
    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        y = super().forward(x, training)
        self._x = self.__dict__.setdefault("_first", x.copy())
        return y


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

BROKEN_DENSE_LAYERS = (
    broken_layer(
        "dense: weight not transposed on the way back",
        "dx = dy W instead of dy Wᵀ",
        "who tries it on a square layer, where both fit",
        "transpose",
        layer_pair(WeightNotTransposed, Dense, *_SQUARE),
        "weight is transposed",
    ),
    broken_layer(
        "dense: weight gradient transposed",
        "dW = dyᵀ x instead of xᵀ dy",
        "who stores weights as (out, in) in one place and (in, out) in another",
        "transpose",
        layer_pair(WeightGradientTransposed, Dense, *_SQUARE),
    ),
    broken_layer(
        "dense: no gradient for the bias",
        "db is never computed",
        "who adds the bias later, and to the forward pass only",
        "forgotten",
        layer_pair(BiasForgotten, Dense, *_SQUARE),
    ),
    broken_layer(
        "dense: bias gradient of the first example",
        "db = dy[0] instead of the sum over examples",
        "who derived the layer for one example, and broadcast it to a batch",
        "missing sum",
        layer_pair(BiasOfFirstExample, Dense, *_SQUARE),
        "example 0 alone",
    ),
    broken_layer(
        "dense: bias gradient averaged",
        "db is the mean over examples; the loss has divided by N already",
        "who copies dz.mean(axis=0) from code whose loss is a sum",
        "factor",
        layer_pair(BiasAveraged, Dense, *_SQUARE),
        "number of examples",
    ),
    broken_layer(
        "dense: weight gradient averaged",
        "dW = xᵀ dy / N; the loss has divided by N already",
        "many NumPy networks: 1/m in the layer and again in the loss",
        "factor",
        layer_pair(WeightAveraged, Dense, *_SQUARE),
        "number of examples",
    ),
    broken_layer(
        "dense: gradients assigned",
        "grad = instead of grad +=",
        "who never used a layer twice, or two losses on one network",
        "overwritten",
        layer_pair(GradientsOverwritten, Dense, *_SQUARE),
    ),
    broken_layer(
        "dense: first input kept",
        "dW uses the x of the very first batch",
        "who caches with `if self.x is None`",
        "stale",
        layer_pair(FirstInputKept, Dense, *_SQUARE),
    ),
    Broken(
        "affine functions: bias gradient not summed",
        "db = dy, with one row per example",
        "who forgets that the forward pass broadcast b",
        GRADIENT,
        _functions(_bias_not_summed),
        _functions(_affine_backward),
        "missing sum",
    ),
    Broken(
        "affine functions: weight gradient the other way round",
        "dW = dyᵀ x, of the shape (out, in)",
        "who ports from a framework that stores weights as (out, in)",
        GRADIENT,
        _functions(_weight_the_other_way),
        _functions(_affine_backward),
        "transpose",
    ),
)
