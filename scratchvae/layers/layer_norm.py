"""Layer normalisation: each example is normalised by itself.

Dimensions: N examples, and M numbers that are normalised together.
"""

from math import prod

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError
from scratchvae.held import Setting, check_held
from scratchvae.layers.base import Layer
from scratchvae.layers.parameter import Parameter
from scratchvae.validation import (
    FloatArray,
    check_array,
    check_floats,
    check_positive,
    check_sizes,
    remembered,
)


class LayerNorm(Layer):
    """Normalise the last axes of each example, then apply a learned scale γ and shift β.

    x̂ = (x − μ) / √(σ² + ε) and y = γ x̂ + β, with μ and σ² the mean and the (biased) variance of the
    M numbers that ``shape`` says; γ and β have one entry for each of them. No other example has a
    part in it, so training and evaluation are alike, and there are no running statistics.

    Backwards, with g = γ dy and means over the M numbers: the three paths from x to the loss are
    those of ``BatchNorm`` (the direct one, through μ, through σ²), with an example in the place of
    a channel:

        dx = [g − mean(g) − x̂ · mean(g x̂)] / √(σ² + ε),

    and dγ = Σ dy x̂, dβ = Σ dy over everything but those axes. The scale is inside the means, since
    here it is not the same for all that is normalised together.

    Source: Ba, Kiros and Hinton, "Layer normalization" (2016), equation 4.

    Parameters
    ----------
    shape
        The sizes of the last axes, which are normalised together: (H, W, C), or one number C.
    epsilon
        ε, which avoids division by zero in a constant example.
    dtype
        As for every ``Layer``.

    Attributes
    ----------
    parameters
        ``"scale"`` γ, of ones at first, and ``"shift"`` β, of zeros, both of ``shape``.
    """

    epsilon = Setting(check_positive)
    remembers = ("normalised", "inverse_std")

    def __init__(
        self,
        shape: tuple[int, ...] | int,
        epsilon: float = 1e-5,
        *,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.shape = check_sizes(shape if isinstance(shape, tuple | list) else (shape,), "shape")
        self.epsilon = epsilon
        if not self.shape or prod(self.shape) > 1 << 25:
            raise InputError(
                "LayerNorm needs the sizes of the last axes, of at most 2**25 numbers, not "
                f"{self.shape}: give (H, W, C), or C"
            )
        self.parameters = {
            "scale": Parameter(np.ones(self.shape, self.dtype)),
            "shift": Parameter(np.zeros(self.shape, self.dtype)),
        }

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` (N, …, *shape)."""
        check_held(self, self.parameters, scale=self.shape, shift=self.shape)
        check_floats(x, "LayerNorm: x", self.dtype)
        if x.shape[1:][-len(self.shape) :] != self.shape:
            sizes = ", ".join(map(str, self.shape))
            raise InputError(
                f"LayerNorm expects x of shape (N, ..., {sizes}), not {x.shape}: change the layer "
                "before it, or shape"
            )
        last = tuple(range(-len(self.shape), 0))
        centred = x - x.mean(axis=last, keepdims=True)  # x − μ
        variance = (centred**2).mean(axis=last, keepdims=True)  # σ²
        self.inverse_std = 1 / np.sqrt(variance + x.dtype.type(self.epsilon))
        self.normalised: FloatArray = centred * self.inverse_std  # x̂
        scale, shift = self.parameters["scale"].value, self.parameters["shift"].value  # γ and β
        y: FloatArray = self.normalised * scale + shift
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``, both (N, …, *shape)."""
        normalised: FloatArray = remembered(self, "normalised")
        check_array(dy, "LayerNorm: dy", normalised.shape, self.dtype)
        scale, shift = self.parameters["scale"], self.parameters["shift"]
        rest = tuple(range(dy.ndim - len(self.shape)))
        scale.grad[...] += (dy * normalised).sum(axis=rest)  # dγ = Σ dy x̂
        shift.grad[...] += dy.sum(axis=rest)  # dβ = Σ dy
        last = tuple(range(-len(self.shape), 0))
        g = dy * scale.value
        along = normalised * (g * normalised).mean(axis=last, keepdims=True)
        dx: FloatArray = self.inverse_std * (g - g.mean(axis=last, keepdims=True) - along)
        return dx

    def __repr__(self) -> str:
        return f"LayerNorm({self.shape})"
