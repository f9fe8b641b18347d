"""Broken layers other than dense: activations, batch norm, convolution, dropout.

Each class overrides the right one where the mistake is, and nowhere else.
"""

import numpy as np

from scratchvae.checks.mutants.base import Check, broken_layer, layer_pair
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


_ELEMENTS = (4, 6)


def _elu(broken: type[ELU]) -> tuple[Check, Check]:
    return layer_pair(broken, ELU, _ELEMENTS, 0.7)


BROKEN_LAYERS = (
    broken_layer(
        "ELU: slope 1 everywhere",
        "the negative side has the slope 1 too",
        "who copies the backward pass of a linear layer",
        "region",
        _elu(EluSlopeOne),
        "exactly where x is negative",
    ),
    broken_layer(
        "ELU: slope y",
        "y instead of y + α where x < 0",
        "who forgets that y = α eˣ − α",
        "region",
        _elu(EluSlopeY),
        "exactly where x is negative",
    ),
    broken_layer(
        "ELU: slope for α = 1",
        "y + 1 instead of y + α where x < 0",
        "who tests with the default α only",
        "region",
        _elu(EluSlopeForAlphaOne),
        "exactly where x is negative",
    ),
    broken_layer(
        "ReLU: gradient not masked",
        "dy passes where x < 0 as well",
        "who writes the activation into the forward pass only",
        "region",
        layer_pair(ReluPassesAll, ReLU, _ELEMENTS),
        "exactly where x is negative",
    ),
    broken_layer(
        "ReLU: negative gradients stopped",
        "dy passes only where it is positive itself",
        "who copies guided backpropagation, which makes pictures, not gradients",
        "region",
        layer_pair(GuidedReLU, ReLU, _ELEMENTS),
        "exactly where dy is negative",
    ),
    broken_layer(
        "sigmoid: derivative of the output",
        "σ'(y) instead of σ'(x) = y (1 − y)",
        "who calls sigmoid_derivative(a) with the activation instead of the pre-activation",
        "unnamed",
        layer_pair(SigmoidOfSigmoid, Sigmoid, _ELEMENTS),
    ),
    broken_layer(
        "tanh: the square forgotten",
        "1 − y instead of 1 − y²",
        "a slip of the pen",
        "unnamed",
        layer_pair(TanhWithoutSquare, Tanh, _ELEMENTS),
    ),
    broken_layer(
        "batch norm: statistics taken for constants",
        "dx = γ dy / σ, without what comes back through mean and variance",
        "who uses the formula of evaluation in training",
        "unnamed",
        layer_pair(BatchNormOfConstants, BatchNorm, (5, 3), 3),
    ),
    broken_layer(
        "convolution: kernel gradient turned by 180°",
        "convolution and cross-correlation mixed up in dW",
        "who takes scipy.signal.convolve for what networks call convolution",
        "flip",
        layer_pair(KernelTurned, Conv2D, (2, 6, 5, 2), 2, 3, 3),
        "180°",
    ),
    broken_layer(
        "dropout: mask drawn inside the forward pass",
        "the same input gives another output each time",
        "everyone whose noise is not an argument",
        "random forward",
        layer_pair(MaskDrawnInForward, Dropout, _ELEMENTS),
    ),
    broken_layer(
        "dropout: mask drawn again in the backward pass",
        "forward and backward pass use different masks",
        "who calls the same drawing function in both",
        "drawn again",
        layer_pair(MaskDrawnAgain, Dropout, _ELEMENTS),
    ),
)
