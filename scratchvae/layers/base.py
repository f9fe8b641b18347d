"""What every layer is: a forward pass, a backward pass, and named parameters with gradients."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError
from scratchvae.kernels.machine.arena import empty
from scratchvae.validation import FloatArray, check_dtype, check_floats, check_same_shape


class Parameter:
    """An array that is learned, and the gradient of the loss with respect to it.

    Attributes
    ----------
    value
        The numbers themselves, in C order as the kernels need them. Only an optimiser changes
        them.
    grad
        ∂loss/∂value, of the same shape. ``backward`` adds to it; ``zero_grad`` clears it.
    """

    def __init__(self, value: FloatArray) -> None:
        self._value = np.asarray(value, order="C")
        self._grad = np.zeros_like(self._value)
        self._cleared = False  # whether the gradient is zero, whatever the array still holds

    @property
    def value(self) -> FloatArray:
        """The array that was given, or a copy of it if that is not in C order.

        One of another shape or type than before begins with a gradient of zero.
        """
        return self._value

    @value.setter
    def value(self, value: FloatArray) -> None:
        before, self._value = self._value, np.asarray(value, order="C")
        if (before.shape, before.dtype) != (self._value.shape, self._value.dtype):
            self.grad = np.zeros_like(self._value)

    @property
    def grad(self) -> FloatArray:
        """The gradient, an array of the parameter's own; ask for it anew after ``zero_grad``."""
        if self._cleared:
            self._grad.fill(0)
            self._cleared = False
        return self._grad

    @grad.setter
    def grad(self, gradient: FloatArray) -> None:
        self._grad, self._cleared = gradient, False

    def zero_grad(self) -> None:
        """Set the gradient to zero, as one does before each backward pass.

        The zeros are written when somebody looks at them: the first gradient of a large weight
        overwrites what was there (see ``receive``), which saves two passes over its memory.
        """
        self._cleared = True

    def receive(self) -> tuple[FloatArray, bool]:
        """Return where to put a gradient, and whether to add to what is there or overwrite it."""
        add, self._cleared = not self._cleared, False
        return self._grad, add

    def __repr__(self) -> str:
        return f"Parameter(shape={self.value.shape}, dtype={self.value.dtype})"


class Layer:
    """A function with a hand-written derivative.

    ``y = layer.forward(x)`` remembers what the derivative needs; ``dx = layer.backward(dy)`` then
    takes ∂loss/∂y to ∂loss/∂x and *adds* ∂loss/∂parameter to ``layer.parameters[name].grad``, by
    the chain rule over all outputs (eq. 2.2 of the lessons).
    ``backward`` changes neither ``dy`` nor a parameter's value, and may be called again.

    Parameters
    ----------
    rng
        Where the initial parameters are drawn from: a generator, a seed, or ``None`` for fresh
        ones. Layers without parameters take it too, so that all are built alike.
    dtype
        ``float32`` to train, ``float64`` to check gradients: the dtype of the parameters.

    Attributes
    ----------
    parameters
        What is learned, by name.
    buffers
        What a layer keeps from batch to batch without learning it (batch norm's running
        statistics), by name.
    fusing
        Whether it may run together with its neighbour in a ``Sequential`` (see ``FusingLayer``).
    smooth
        Whether the function has derivatives of every order. A finite difference across a kink is
        off by an amount that no formula can match, so a gradient check asks for this.
    """

    smooth: ClassVar[bool] = True
    fusing: ClassVar[bool] = False

    def __init_subclass__(cls, fusing: bool = False) -> None:
        """Take note whether the class says that it may be fused with a neighbour.

        It must say so itself: a class derived from one that does has other passes of its own,
        which nothing may go around.
        """
        super().__init_subclass__()
        cls.fusing = fusing

    def __init__(
        self,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        self.rng = np.random.default_rng(rng)
        self.dtype = check_dtype(dtype)
        self.parameters: dict[str, Parameter] = {}
        self.buffers: dict[str, FloatArray] = {}

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the layer's output for a batch ``x``; the first axis counts the examples.

        ``training`` tells layers that behave differently then (batch norm) which of the two to do.
        """
        raise NotImplementedError

    def backward(self, dy: FloatArray) -> FloatArray:
        """Take ∂loss/∂y to ∂loss/∂x, adding ∂loss/∂parameter to each ``grad`` on the way."""
        raise NotImplementedError

    def backward_parameters(self, dy: FloatArray) -> None:
        """Do as ``backward`` but leave out ∂loss/∂x, which the first layer of a model never needs.

        In a dense network that is about a sixth of a training step.
        """
        self.backward(dy)

    def zero_grad(self) -> None:
        """Set every parameter's gradient to zero."""
        for parameter in self.parameters.values():
            parameter.zero_grad()

    def _empty(self, purpose: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> FloatArray:
        """Return an array for one of the layer's results, used again from step to step."""
        return empty(self, purpose, shape, dtype)

    def _remembered(self, name: str) -> Any:
        """Return what ``forward`` stored, or say that it has not run."""
        try:
            return self.__dict__[name]
        except KeyError:
            raise InputError(
                f"{type(self).__name__}.backward needs a forward pass first: call forward(x)"
            ) from None

    def _check_upstream(self, dy: FloatArray, y: FloatArray) -> FloatArray:
        """Return ``dy`` if it fits the output ``y`` that it is the gradient of."""
        check_floats(dy, "dy", y.dtype)
        check_same_shape(dy, y, f"{type(self).__name__}.backward: dy and the output")
        return dy


class Activation(Layer):
    """A function of each number by itself, whose derivative is a function of its output y.

    Attributes
    ----------
    kind, alpha
        What ``kernels.activation_forward`` calls it, and its constant.
    y
        The output of the last forward pass.
    """

    kind: ClassVar[str]
    alpha: float = 1.0
    y: FloatArray


class FusingLayer(Layer):
    """A layer that can apply the activation after it in its own last pass over memory.

    It then leaves the output in the activation's ``y``, so that each of the two layers is in the
    same state as if they had run one after the other.
    """

    def forward_fused(self, x: FloatArray, training: bool, then: Activation) -> FloatArray:
        """Return ``then.forward(self.forward(x, training))``."""
        raise NotImplementedError

    def backward_fused(self, dy: FloatArray, then: Activation) -> FloatArray:
        """Return ``self.backward(then.backward(dy))``."""
        return self.backward(then.backward(dy))

    def backward_parameters_fused(self, dy: FloatArray, then: Activation) -> None:
        """Do as ``self.backward_parameters(then.backward(dy))``."""
        self.backward_parameters(then.backward(dy))
