"""Mutants of layers other than dense: activations, batch norm, convolution, dropout.

Each class overrides the right one where the mistake is, and nowhere else.
"""

import numpy as np

from scratchvae.checks.mutants.base import Check, layer_mutant, layer_pair
from scratchvae.layers import ELU, BatchNorm, Conv2D, Layer, ReLU, Sigmoid, Tanh
from scratchvae.validation import FloatArray


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
    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        self._batch_variance = x.var(axis=tuple(range(x.ndim - 1)))
        return super().forward(x, training)

    def backward(self, dy: FloatArray) -> FloatArray:
        super().backward(dy)
        scale: FloatArray = self.parameters["scale"].value
        dx: FloatArray = dy * scale / np.sqrt(self._batch_variance + self.epsilon)
        return dx


class KernelTurned(Conv2D):
    def backward(self, dy: FloatArray) -> FloatArray:
        dw = self.parameters["weight"].grad
        before = dw.copy()
        dx = super().backward(dy)
        dw[...] = before + np.flip(dw - before, (0, 1))
        return dx


class Dropout(Layer):
    """The right one, with a fixed mask as a check needs it."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        mask: FloatArray = np.random.default_rng(1).integers(0, 2, x.shape) * 2.0
        self._mask = mask
        return x * self._mask

    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * self._mask


class MaskDrawnInForward(Dropout):
    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        self._mask = _drawn_mask(x.shape)
        return x * self._mask


class MaskDrawnAgain(Dropout):
    def backward(self, dy: FloatArray) -> FloatArray:
        return dy * _drawn_mask(dy.shape)


def _drawn_mask(shape: tuple[int, ...]) -> FloatArray:
    mask: FloatArray = np.random.default_rng().integers(0, 2, shape) * 2.0
    return mask


_ELEMENTS = (4, 6)


def _elu(mutant: type[ELU]) -> tuple[Check, Check]:
    return layer_pair(mutant, ELU, _ELEMENTS, 0.7)


LAYER_MUTANTS = (
    layer_mutant(
        "ELU: slope 1 everywhere",
        "the negative side has slope 1 too",
        "copying the backward pass of a linear layer",
        "region",
        _elu(EluSlopeOne),
        "exactly where x is negative",
    ),
    layer_mutant(
        "ELU: slope y",
        "y instead of y + α where x < 0",
        "forgetting that y = α eˣ − α",
        "region",
        _elu(EluSlopeY),
        "exactly where x is negative",
    ),
    layer_mutant(
        "ELU: slope for α = 1",
        "y + 1 instead of y + α where x < 0",
        "testing only with the default α",
        "region",
        _elu(EluSlopeForAlphaOne),
        "exactly where x is negative",
    ),
    layer_mutant(
        "ReLU: gradient not masked",
        "dy passes where x < 0 as well",
        "adding the activation only to the forward pass",
        "region",
        layer_pair(ReluPassesAll, ReLU, _ELEMENTS),
        "exactly where x is negative",
    ),
    layer_mutant(
        "ReLU: negative gradients stopped",
        "dy passes only where it is positive itself",
        "copying guided backpropagation, which makes pictures, not gradients",
        "region",
        layer_pair(GuidedReLU, ReLU, _ELEMENTS),
        "exactly where dy is negative",
    ),
    layer_mutant(
        "sigmoid: derivative of the output",
        "σ'(y) instead of σ'(x) = y (1 − y)",
        "calling sigmoid_derivative(a) with the activation instead of the pre-activation",
        "slope",
        layer_pair(SigmoidOfSigmoid, Sigmoid, _ELEMENTS),
        "the derivative of the function itself is wrong",
    ),
    layer_mutant(
        "tanh: the square forgotten",
        "1 − y instead of 1 − y²",
        "a slip of the pen",
        "slope",
        layer_pair(TanhWithoutSquare, Tanh, _ELEMENTS),
        "where dy * (1 - y**2) is right",
    ),
    layer_mutant(
        "batch norm: statistics taken for constants",
        "dx = γ dy / σ, without what comes back through mean and variance",
        "using the formula for evaluation in training",
        "missing sum",
        layer_pair(BatchNormOfConstants, BatchNorm, (5, 3), 3),
        "where it should from 5",
    ),
    layer_mutant(
        "convolution: kernel gradient turned by 180°",
        "convolution and cross-correlation mixed up in dW",
        "taking scipy.signal.convolve for what networks call convolution",
        "flip",
        layer_pair(KernelTurned, Conv2D, (2, 6, 5, 2), 2, 3, 3),
        "180 degrees",
    ),
    layer_mutant(
        "dropout: mask drawn inside the forward pass",
        "the same input gives another output each time",
        "noise that is not an argument",
        "random forward",
        layer_pair(MaskDrawnInForward, Dropout, _ELEMENTS),
    ),
    layer_mutant(
        "dropout: mask drawn again in the backward pass",
        "forward and backward pass use different masks",
        "calling the same drawing function in both",
        "drawn again",
        layer_pair(MaskDrawnAgain, Dropout, _ELEMENTS),
    ),
)
