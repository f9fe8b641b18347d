"""Stages: one layer, or neighbours that share their passes over memory, as lists of tasks.

The longest stage is

    x → linear map → batch norm → activation → y        (of the last two, either or none)

A bias by itself costs two passes over memory, one to add it and one to sum its gradient. Here
whatever comes last in the stage does both within its own passes.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from scratchvae.kernels import zero_skipping
from scratchvae.kernels.convolution.convolution import (
    convolution_forward_tasks,
    convolution_input_gradient_tasks,
    convolution_weight_gradient_tasks,
)
from scratchvae.kernels.machine.arena import Arena
from scratchvae.kernels.machine.tasks import Resources, Task
from scratchvae.kernels.matrix_product import (
    matmul_tasks,
    matmul_transposed_left_tasks,
    matmul_transposed_right_tasks,
)
from scratchvae.kernels.passes.activation import activation_backward_tasks, activation_tasks
from scratchvae.kernels.passes.batch_norm import batch_norm_forward_tasks
from scratchvae.kernels.passes.batch_norm_gradients import batch_norm_backward_tasks
from scratchvae.kernels.passes.bias import activation_backward_bias_tasks, bias_activation_tasks
from scratchvae.layers import (
    ELU,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    ReLU,
    Reshape,
    Sigmoid,
    Softplus,
    Tanh,
)
from scratchvae.layers.same_padding import fixed_padding
from scratchvae.validation import FloatArray

ACTIVATIONS: dict[type[Layer], str] = {
    kind: kind.__name__.lower() for kind in (ReLU, ELU, Tanh, Sigmoid, Softplus)
}


class LinearMap(NamedTuple):
    """The tasks of a linear map's three products, each of (resources, operands, result, geometry).

    The geometry of a convolution is its stride and padding.
    """

    forward: Callable[..., list[Task]]
    weight_gradient: Callable[..., list[Task]]
    input_gradient: Callable[..., list[Task]]


LINEAR: dict[type[Layer], LinearMap] = {
    Dense: LinearMap(matmul_tasks, matmul_transposed_left_tasks, matmul_transposed_right_tasks),
    Conv2D: LinearMap(
        convolution_forward_tasks,
        convolution_weight_gradient_tasks,
        convolution_input_gradient_tasks,
    ),
    # The same three with the two ends exchanged: see layers/transposed_convolution.py.
    ConvTranspose2D: LinearMap(
        convolution_input_gradient_tasks,
        lambda r, x, dy, *rest, **how: convolution_weight_gradient_tasks(r, dy, x, *rest, **how),
        convolution_forward_tasks,
    ),
}
OF_IMAGES = LINEAR[Dense]._replace(
    forward=zero_skipping.matmul_tasks, weight_gradient=zero_skipping.matmul_transposed_left_tasks
)
"""The products of a first layer. Most pixels of a digit are 0; further in, few numbers are."""
IDENTITY = {"activation": "identity", "alpha": 1.0}
KNOWN: tuple[type[Layer], ...] = (*ACTIVATIONS, *LINEAR, BatchNorm, Flatten, Reshape)
"""The layers that plans are made of. A class derived from one of them has passes of its own."""


Back = tuple[list[Task], FloatArray | None]
"""The tasks of a backward pass, and the array where they leave ∂loss/∂x."""


class Rotation(Arena):
    """Memory of two arrays that take turns: each is written over by the next but one.

    A gradient is needed until the next one is there, and so is an output where no backward pass
    will ask for it.
    """

    def empty(self, shape: Sequence[int], dtype: Any) -> FloatArray:
        """Return an uninitialised array of this shape."""
        if self._next == 2:
            self.rewind()
        return super().empty(shape, dtype)


class Places(NamedTuple):
    """What plans are made with, and where their arrays come from."""

    resources: Resources
    edges: Arena  # what goes in and out of a plan
    outputs: Arena  # of the stages inside
    gradients: Arena
    is_first: bool = False  # whether the stage is the first of its plan that computes


class Stage:
    """One layer, or neighbours that share their passes, for one array as input."""

    forward: list[Task]  # from the array x to the array y
    y: FloatArray

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        self.layers, self.x, self.training, self.places = layers, x, training, places

    def backward(self, dy: FloatArray, source: Arena | None, accumulate: bool) -> Back:
        """Return the tasks that take ∂loss/∂y to the parameters' gradients and ∂loss/∂x.

        ∂loss/∂x is an array from ``source``, or is left out where that is ``None``. What is summed
        for parameters is added to their gradients; without ``accumulate``, that of a linear map's
        weight is overwritten.
        """
        raise NotImplementedError


class Shape(Stage):
    """``Flatten`` or ``Reshape``: another view of the same memory."""

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        super().__init__(layers, x, training, places)
        self.forward, self.y = [], layers[0].view(x)

    def backward(self, dy: FloatArray, source: Arena | None, accumulate: bool) -> Back:
        """Return the same gradient in the shape of ``x``."""
        return [], dy.reshape(self.x.shape)


class Activation(Stage):
    """An activation by itself."""

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        super().__init__(layers, x, training, places)
        self.kind = _kind(layers[0])
        self.y = places.outputs.empty(x.shape, x.dtype)
        self.forward = activation_tasks(places.resources, x, self.y, **self.kind)

    def backward(self, dy: FloatArray, source: Arena | None, accumulate: bool) -> Back:
        """Return the tasks of dy · f′(y)."""
        if source is None:
            return [], None
        dx = source.empty(dy.shape, dy.dtype)
        resources = self.places.resources
        return activation_backward_tasks(resources, dy, self.y, dx, **self.kind), dx


class Linear(Stage):
    """A linear map with a bias, and perhaps an activation."""

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        super().__init__(layers, x, training, places)
        layer = layers[0]
        y_shape = layer.output_shape(x)  # which checks its parameters
        self.w, self.bias = (layer.parameters[name] for name in ("weight", "bias"))
        self.kind = _kind(layers[1]) if layers[1:] else IDENTITY
        self.y = places.outputs.empty(y_shape, x.dtype)
        self.forward = self._map(self.y)
        self.forward += bias_activation_tasks(
            places.resources, self.y, self.bias.value, **self.kind
        )

    def backward(self, dy: FloatArray, source: Arena | None, accumulate: bool) -> Back:
        """Return the tasks through the activation, summing for the bias on the way, and the map."""
        d = dy if self.kind == IDENTITY else self.places.gradients.empty(dy.shape, dy.dtype)
        tasks = activation_backward_bias_tasks(
            self.places.resources, dy, self.y, d, self.bias.grad, **self.kind
        )
        return self._map_backward(tasks, d, source, accumulate)

    def _map(self, y: FloatArray) -> list[Task]:
        products, geometry = self._products()
        return products.forward(self.places.resources, self.x, self.w.value, y, *geometry)

    def _map_backward(
        self, tasks: list[Task], d: FloatArray, source: Arena | None, accumulate: bool
    ) -> Back:
        """Add the tasks from the gradient ``d`` at the map's output to its weight and input."""
        (products, geometry), resources = self._products(), self.places.resources
        operands = (self.x, d, self.w.grad)
        tasks += products.weight_gradient(resources, *operands, *geometry, accumulate=accumulate)
        if source is None:
            return tasks, None
        dx = source.empty(self.x.shape, d.dtype)
        return tasks + products.input_gradient(resources, d, self.w.value, dx, *geometry), dx

    def _products(self) -> tuple[LinearMap, tuple[int, ...]]:
        """Return the map's products, and the geometry that they are called with."""
        layer = self.layers[0]
        if isinstance(layer, Dense):
            return OF_IMAGES if self.places.is_first else LINEAR[Dense], ()
        return LINEAR[type(layer)], (layer.stride, padding_of(layer) or 0)


class Normalised(Linear):
    """A batch norm, perhaps after a linear map, perhaps before an activation.

    The map's bias is never added: where it moves h it moves μ as well, and h + b − (μ + b) = h − μ.
    With the batch's own moments its gradient is 0 but for rounding.
    """

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        Stage.__init__(self, layers, x, training, places)
        self.mapped = type(layers[0]) in LINEAR
        norm = self.norm = layers[1 if self.mapped else 0]
        self.kind = _kind(layers[-1]) if layers[-1] is not norm else IDENTITY
        self.h, self.forward, self.bias = x, [], None
        if self.mapped:
            h_shape = layers[0].output_shape(x)
            self.w, self.bias = (layers[0].parameters[name] for name in ("weight", "bias"))
            self.h = places.outputs.empty(h_shape, x.dtype)
            self.forward += self._map(self.h)
        self.training = norm.check_input(self.h, training)
        self.moments = np.empty((2, norm.channels), x.dtype)  # mean and inverse_std
        scale, shift = (norm.parameters[name] for name in ("scale", "shift"))
        running = (norm.buffers[name] for name in ("running_mean", "running_variance"))
        bias = None if self.bias is None else self.bias.value
        self.y = places.outputs.empty(self.h.shape, x.dtype)
        self.forward += batch_norm_forward_tasks(
            places.resources,
            *(self.h, bias, scale.value, shift.value),
            *(*running, *self.moments, self.y),
            training=self.training,
            momentum=norm.momentum,
            epsilon=norm.epsilon,
            **self.kind,
        )

    def backward(self, dy: FloatArray, source: Arena | None, accumulate: bool) -> Back:
        """Return the tasks through activation and norm, and then through the map."""
        mean, inverse_std = self.moments
        scale, shift = (self.norm.parameters[name] for name in ("scale", "shift"))
        # The gradient at the norm's input is computed in any case.
        place = self.places.gradients if self.mapped or source is None else source
        d = place.empty(dy.shape, dy.dtype)
        bias_grad = None if self.bias is None else self.bias.grad
        tasks = batch_norm_backward_tasks(
            self.places.resources,
            *(dy, self.h, self.y, mean, inverse_std),
            *(scale.value, scale.grad, shift.grad, bias_grad, d),
            training=self.training,
            **self.kind,
        )
        if not self.mapped:
            return tasks, d
        return self._map_backward(tasks, d, source, accumulate)


def padding_of(layer: Any) -> int | None:
    """Return the padding of a convolution on all sides, or ``None`` if there is no such one."""
    return fixed_padding(layer.padding, layer.kernel_size, layer.stride)


def _kind(layer: Any) -> dict[str, Any]:
    """Return what the kernels call an activation, and its constant."""
    return {"activation": ACTIVATIONS[type(layer)], "alpha": getattr(layer, "alpha", 1.0)}


def grouped(layers: Sequence[Layer]) -> list[tuple[type[Stage], list[Layer]]]:
    """Return the stages that layers come to, each with its layers."""
    groups: list[tuple[type[Stage], list[Layer]]] = []
    for layer in layers:
        kind = type(layer)
        before = groups[-1][1] if groups else []
        last = type(before[-1]) if before else None
        if kind is BatchNorm and last in LINEAR:
            groups[-1] = (Normalised, [*before, layer])
        elif kind in ACTIVATIONS and (last in LINEAR or last is BatchNorm):
            before.append(layer)
        elif kind in ACTIVATIONS:
            groups.append((Activation, [layer]))
        elif kind in LINEAR:
            groups.append((Linear, [layer]))
        else:
            groups.append((Normalised if kind is BatchNorm else Shape, [layer]))
    return groups
