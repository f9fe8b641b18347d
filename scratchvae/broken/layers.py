"""Broken layers. Each overrides the right one where the mistake is, and nowhere else.

Dimensions: N examples, I input features, O output features.
"""

from typing import Any

import numpy as np

from scratchvae import kernels
from scratchvae.arrays import FloatArray
from scratchvae.broken.base import GRADIENT, Broken, Check, layer_pair, normal
from scratchvae.gradient_check import gradcheck_functions
from scratchvae.layers import ELU, BatchNorm, Conv2D, Dense, Layer, ReLU, Sigmoid, Tanh


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


class EluSlopeOne(ELU):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy.copy()


class EluSlopeY(ELU):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * np.where(self.y > 0, 1.0, self.y)


class EluSlopeForAlphaOne(ELU):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * np.where(self.y > 0, 1.0, self.y + 1)


class ReluPassesAll(ReLU):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy.copy()


class GuidedReLU(ReLU):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * (self.y > 0) * (dy > 0)


class SigmoidOfSigmoid(Sigmoid):
    def backward(self, dy: FloatArray) -> FloatArray:
        again = 1 / (1 + np.exp(-self.y))
        return dy * again * (1 - again)


class TanhWithoutSquare(Tanh):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * (1 - self.y)


class BatchNormOfConstants(BatchNorm):
    def backward(self, dy: FloatArray) -> FloatArray:
        super().backward(dy)
        _, _, deviation, _ = self._pass
        return dy * self.parameters["scale"].value * deviation


class KernelTurned(Conv2D):
    def backward_parameters(self, dy: FloatArray) -> None:
        weight = self.parameters["weight"]
        before = weight.grad.copy()
        super().backward_parameters(dy)
        weight.grad[...] = before + np.flip(weight.grad - before, (0, 1))


class Dropout(Layer):
    """Right: a fixed mask, as a check needs it."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        mask: FloatArray = np.random.default_rng(1).integers(0, 2, x.shape) * 2.0
        self._mask = mask
        return x * self._mask

    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * self._mask


class MaskDrawnInForward(Dropout):
    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        self._mask = self.rng.integers(0, 2, x.shape) * 2.0
        return x * self._mask


class MaskDrawnAgain(Dropout):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * self.rng.integers(0, 2, dy.shape) * 2.0


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


def _layer(
    name: str, wrong: str, whose: str, cause: str, pair: tuple[Check, Check], says: str = ""
) -> Broken:
    return Broken(name, wrong, whose, GRADIENT, pair[0], pair[1], cause, says)


_SQUARE: Any = ((3, 4), 4, 4)
_ELEMENTS = (4, 6)


def _elu(broken: type[ELU]) -> tuple[Check, Check]:
    return layer_pair(broken, ELU, _ELEMENTS, 0.7)


BROKEN_LAYERS = (
    _layer(
        "dense: weight not transposed on the way back",
        "dx = dy W instead of dy Wᵀ",
        "who tries it on a square layer, where both fit",
        "transpose",
        layer_pair(WeightNotTransposed, Dense, *_SQUARE),
        "weight is transposed",
    ),
    _layer(
        "dense: weight gradient transposed",
        "dW = dyᵀ x instead of xᵀ dy",
        "who stores weights as (out, in) in one place and (in, out) in another",
        "transpose",
        layer_pair(WeightGradientTransposed, Dense, *_SQUARE),
    ),
    _layer(
        "dense: no gradient for the bias",
        "db is never computed",
        "who adds the bias later, and to the forward pass only",
        "forgotten",
        layer_pair(BiasForgotten, Dense, *_SQUARE),
    ),
    _layer(
        "dense: bias gradient of the first example",
        "db = dy[0] instead of the sum over examples",
        "who derived the layer for one example, and broadcast it to a batch",
        "missing sum",
        layer_pair(BiasOfFirstExample, Dense, *_SQUARE),
        "example 0 alone",
    ),
    _layer(
        "dense: bias gradient averaged",
        "db is the mean over examples; the loss has divided by N already",
        "who copies dz.mean(axis=0) from code whose loss is a sum",
        "factor",
        layer_pair(BiasAveraged, Dense, *_SQUARE),
        "number of examples",
    ),
    _layer(
        "dense: weight gradient averaged",
        "dW = xᵀ dy / N; the loss has divided by N already",
        "many NumPy networks: 1/m in the layer and again in the loss",
        "factor",
        layer_pair(WeightAveraged, Dense, *_SQUARE),
        "number of examples",
    ),
    _layer(
        "dense: gradients assigned",
        "grad = instead of grad +=",
        "who never used a layer twice, or two losses on one network",
        "overwritten",
        layer_pair(GradientsOverwritten, Dense, *_SQUARE),
    ),
    _layer(
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
    _layer(
        "ELU: slope 1 everywhere",
        "the negative side has the slope 1 too",
        "who copies the backward pass of a linear layer",
        "region",
        _elu(EluSlopeOne),
        "exactly where x is negative",
    ),
    _layer(
        "ELU: slope y",
        "y instead of y + α where x < 0",
        "who forgets that y = α eˣ − α",
        "region",
        _elu(EluSlopeY),
        "exactly where x is negative",
    ),
    _layer(
        "ELU: slope for α = 1",
        "y + 1 instead of y + α where x < 0",
        "who tests with the default α only",
        "region",
        _elu(EluSlopeForAlphaOne),
        "exactly where x is negative",
    ),
    _layer(
        "ReLU: gradient not masked",
        "dy passes where x < 0 as well",
        "who writes the activation into the forward pass only",
        "region",
        layer_pair(ReluPassesAll, ReLU, _ELEMENTS),
        "exactly where x is negative",
    ),
    _layer(
        "ReLU: negative gradients stopped",
        "dy passes only where it is positive itself",
        "who copies guided backpropagation, which makes pictures, not gradients",
        "region",
        layer_pair(GuidedReLU, ReLU, _ELEMENTS),
        "exactly where dy is negative",
    ),
    _layer(
        "sigmoid: derivative of the output",
        "σ'(y) instead of σ'(x) = y (1 − y)",
        "who calls sigmoid_derivative(a) with the activation instead of the pre-activation",
        "unnamed",
        layer_pair(SigmoidOfSigmoid, Sigmoid, _ELEMENTS),
    ),
    _layer(
        "tanh: the square forgotten",
        "1 − y instead of 1 − y²",
        "a slip of the pen",
        "unnamed",
        layer_pair(TanhWithoutSquare, Tanh, _ELEMENTS),
    ),
    _layer(
        "batch norm: statistics taken for constants",
        "dx = γ dy / σ, without what comes back through mean and variance",
        "who uses the formula of evaluation in training",
        "unnamed",
        layer_pair(BatchNormOfConstants, BatchNorm, (5, 3), 3),
    ),
    _layer(
        "convolution: kernel gradient turned by 180°",
        "convolution and cross-correlation mixed up in dW",
        "who takes scipy.signal.convolve for what networks call convolution",
        "flip",
        layer_pair(KernelTurned, Conv2D, (2, 6, 5, 2), 2, 3, 3),
        "180°",
    ),
    _layer(
        "dropout: mask drawn inside the forward pass",
        "the same input gives another output each time",
        "everyone whose noise is not an argument",
        "random forward",
        layer_pair(MaskDrawnInForward, Dropout, _ELEMENTS),
    ),
    _layer(
        "dropout: mask drawn again in the backward pass",
        "forward and backward pass use different masks",
        "who calls the same drawing function in both",
        "drawn again",
        layer_pair(MaskDrawnAgain, Dropout, _ELEMENTS),
    ),
)
