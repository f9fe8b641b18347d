"""What every layer is: a forward pass, a backward pass, and named parameters with gradients."""

from typing import ClassVar

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.layers.parameter import Parameter
from scratchvae.validation import FloatArray, check_dtype


class Layer:
    """A function with a hand-written derivative.

    ``y = layer.forward(x)`` remembers what the derivative needs; ``dx = layer.backward(dy)`` takes
    ∂loss/∂y to ∂loss/∂x and *adds* ∂loss/∂parameter to ``layer.parameters[name].grad``, by the
    chain rule over all outputs (eq. 2.2 of the lessons). ``backward`` changes neither ``dy`` nor a
    parameter's value, and may be called again.

    Parameters
    ----------
    dtype
        ``float32`` to train, ``float64`` to check gradients: the dtype of the parameters.

    Attributes
    ----------
    parameters, buffers
        What is learned, and what is kept from batch to batch without being learned (running
        statistics), by name.
    smooth
        Whether the function has derivatives of every order. A finite difference across a kink is
        off by an amount that no formula can match, so a gradient check asks for this.
    """

    smooth: ClassVar[bool] = True
    parameters: dict[str, Parameter]
    buffers: dict[str, FloatArray]

    def __init__(self, *, dtype: DTypeLike = np.float32) -> None:
        self.dtype = check_dtype(dtype)
        self.parameters = {}
        self.buffers = {}

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the layer's output for a batch ``x``; the first axis counts the examples.

        ``training`` tells layers that behave differently then (batch norm) which of the two to do.
        """
        raise NotImplementedError

    def backward(self, dy: FloatArray) -> FloatArray:
        """Take ∂loss/∂y to ∂loss/∂x, adding ∂loss/∂parameter to each ``grad`` on the way."""
        raise NotImplementedError

    def backward_parameters(self, dy: FloatArray) -> None:
        """Like ``backward``, without ∂loss/∂x: nobody asks for the gradient at the data."""
        self.backward(dy)

    def zero_grad(self) -> None:
        """Fill every parameter's gradient with zeros."""
        for parameter in self.parameters.values():
            parameter.zero_grad()
