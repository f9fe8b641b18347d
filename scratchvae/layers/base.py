"""What every layer is: a forward pass, a backward pass, and named parameters with gradients."""

from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import not_defined
from scratchvae.layers.parameter import Parameter, kept
from scratchvae.layers.remembering import USUAL, remembered
from scratchvae.validation import FloatArray, check_dtype


class Layer:
    """A function with a hand-written derivative.

    ``y = layer.forward(x)`` remembers what the derivative needs; ``dx = layer.backward(dy)`` takes
    dy = ∂loss/∂y to dx = ∂loss/∂x, by the chain rule over all outputs:
    dx[i] = Σⱼ dy[j] · ∂y[j]/∂x[i] (eq. 2.3 of the lessons). It *adds* ∂loss/∂parameter to
    ``layer.parameters[name].grad``, since a parameter may be used more than once and its gradients
    then sum. ``backward`` changes neither ``dy`` nor a parameter's value, and may be called again.

    A layer keeps x and y without copying them: do not change them before ``backward``. What a
    forward pass leaves in it belongs to one thread: to use a layer in two, make a copy for each.
    What looks at a model (``encode``, ``elbo``, …) makes its own, and leaves nothing in the layers.

    Parameters
    ----------
    dtype
        The dtype of the parameters: ``float32`` to train, ``float64`` to check gradients, since
        finite differences lose half of the digits. A layer without parameters takes either.

    Attributes
    ----------
    parameters, buffers
        What is learned, and what is kept from batch to batch without being learned (running
        statistics), by name.
    smooth
        Whether the function has derivatives of every order. Across a kink a finite difference is
        wrong, and where the second derivative jumps it is less accurate, so a gradient check reads
        this flag.
    remembers
        The attributes in which a forward pass leaves arrays for the backward pass. A copy or pickle
        of the layer has none of them: they may be a hundred times as large as the parameters. With
        the usual ``x`` and ``y`` that is so where ``forward`` sets them and the constructor does
        not: a constant of your own may have these names.
    """

    smooth: ClassVar[bool] = True
    remembers: ClassVar[tuple[str, ...]] = USUAL
    parameters: dict[str, Parameter]
    buffers: dict[str, FloatArray]

    def __init__(self, *, dtype: DTypeLike = np.float32) -> None:
        self.dtype = check_dtype(dtype)
        self.parameters = {}
        self.buffers = {}

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the layer's output for a batch ``x``; the first axis counts the examples.

        ``training`` matters only to layers that behave differently in training: batch norm, which
        then also moves its running statistics, and dropout, which then leaves something out.
        """
        raise not_defined(self, "forward")

    def backward(self, dy: FloatArray) -> FloatArray:
        """Take ∂loss/∂y to ∂loss/∂x, adding ∂loss/∂parameter to each ``grad`` on the way."""
        raise not_defined(self, "backward")

    def backward_parameters(self, dy: FloatArray) -> None:
        """Like ``backward``, but return nothing: for a first layer, whose input is data.

        A layer may override it to leave out dx.
        """
        self.backward(dy)

    def freeze(self) -> Self:
        """Have optimisers leave the parameters as they are, and return the layer.

        Gradients are computed as before, those of the layers below among them. A batch norm that is
        frozen normalises in training as in evaluation, and its running statistics stay. What is
        frozen is no part of a checkpoint: it holds the frozen values, and a trainer that goes on
        from it trains what is not frozen in *its* model.
        """
        return self._set_trainable(False)

    def unfreeze(self) -> Self:
        """Undo ``freeze``, and return the layer; the optimiser's moments are those of before."""
        return self._set_trainable(True)

    def _set_trainable(self, trainable: bool) -> Self:
        for parameter in self.parameters.values():
            parameter.trainable = trainable
        return self

    def zero_grad(self) -> None:
        """Fill every parameter's gradient with zeros."""
        for parameter in self.parameters.values():
            parameter.zero_grad()

    def __getstate__(self) -> dict[str, Any]:
        kind: Any = type(self)
        left_out = remembered(kind)
        return {k: v for k, v in kept(self).items() if k not in left_out}

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
