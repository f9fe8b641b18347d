"""What every layer is: a forward pass, a backward pass, and named parameters with gradients."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.arrays import FloatArray, check_dtype, check_floats, check_same_shape
from scratchvae.errors import InputError
from scratchvae.memory import empty


class Parameter:
    """An array that is learned, and the gradient of the loss with respect to it.

    Attributes
    ----------
    value
        The numbers themselves. Only an optimiser changes them.
    grad
        ∂loss/∂value, of the same shape. ``backward`` adds to it; ``zero_grad`` clears it.
    """

    def __init__(self, value: FloatArray) -> None:
        self.value = value
        self.grad = np.zeros_like(value)

    def zero_grad(self) -> None:
        """Set the gradient to zero, as one does before each backward pass."""
        self.grad.fill(0)

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


class Sequential(Layer):
    """Layers applied one after another: ``y = lₙ(… l₂(l₁(x)))``.

    Where one can take along the activation after it, the two make one pass over memory.

    Its parameters are those of its layers, named ``"0.weight"``, ``"0.bias"``, ``"2.weight"``, …
    by the layer's place. They are the same objects, not copies.
    """

    def __init__(self, *layers: Layer) -> None:
        # A layer that learns nothing takes either dtype, so the ones that learn decide.
        deciding = [layer for layer in layers if layer.parameters] or list(layers)
        super().__init__(rng=0, dtype=deciding[0].dtype if deciding else np.float32)
        self.layers = list(layers)
        self.parameters = {
            f"{place}.{name}": parameter
            for place, layer in enumerate(layers)
            for name, parameter in layer.parameters.items()
        }
        self.buffers = {
            f"{place}.{name}": buffer
            for place, layer in enumerate(layers)
            for name, buffer in layer.buffers.items()
        }
        self._stages = _pair(self.layers)
        # Below the first layer that learns, nobody asks for a gradient in `backward_parameters`.
        self._first_learning = next(
            (place for place, (layer, _) in enumerate(self._stages) if layer.parameters),
            len(self._stages),
        )

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return the last layer's output."""
        for layer, then in self._stages:
            if then is not None and isinstance(layer, FusingLayer):
                x = layer.forward_fused(x, training, then)
            else:
                x = layer.forward(x, training)
        return x

    def backward(self, dy: FloatArray) -> FloatArray:
        """Go back through the layers in reverse: the chain rule, one factor a layer."""
        return self._back_to(0, dy)

    def backward_parameters(self, dy: FloatArray) -> None:
        """Go back only as far as there is something to learn."""
        dy = self._back_to(self._first_learning + 1, dy)
        if self._first_learning < len(self._stages):
            layer, then = self._stages[self._first_learning]
            if then is not None and isinstance(layer, FusingLayer):
                layer.backward_parameters_fused(dy, then)
            else:
                layer.backward_parameters(dy)

    def _back_to(self, stage: int, dy: FloatArray) -> FloatArray:
        for layer, then in reversed(self._stages[stage:]):
            if then is not None and isinstance(layer, FusingLayer):
                dy = layer.backward_fused(dy, then)
            else:
                dy = layer.backward(dy)
        return dy

    def __repr__(self) -> str:
        lines = "".join(f"  {layer!r}\n" for layer in self.layers)
        return f"Sequential(\n{lines})"


def _pair(layers: list[Layer]) -> list[tuple[Layer, Activation | None]]:
    """Return the layers, each that can with the activation that it is to take along."""
    stages: list[tuple[Layer, Activation | None]] = []
    for layer in layers:
        before = stages[-1] if stages else None
        if (
            isinstance(layer, Activation)
            and layer.fusing
            and before is not None
            and before[0].fusing
            and before[1] is None
        ):
            stages[-1] = (before[0], layer)
        else:
            stages.append((layer, None))
    return stages
