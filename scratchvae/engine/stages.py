"""Stages: one layer, or neighbours that share their passes over memory, as lists of tasks.

The longest stage is

    x → linear map → batch norm → activation → y        (of the last two, either or none)

A bias by itself costs two passes over memory, one to add it and one to sum its gradient. Here
whatever comes last in the stage does both within its own passes.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple, Protocol

import numpy as np

from scratchvae.kernels.convolution import (
    convolution_forward_tasks,
    convolution_input_gradient_tasks,
    convolution_weight_gradient_tasks,
)
from scratchvae.kernels.machine.memory import aligned
from scratchvae.kernels.machine.tasks import Resources, Task
from scratchvae.kernels.matrix_product import (
    matmul_tasks,
    matmul_transposed_left_tasks,
    matmul_transposed_right_tasks,
)
from scratchvae.kernels.passes import (
    activation_backward_bias_tasks,
    activation_backward_tasks,
    activation_tasks,
    batch_norm_backward_tasks,
    batch_norm_forward_tasks,
    bias_activation_tasks,
)
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
from scratchvae.validation import FloatArray

ACTIVATIONS: dict[type[Layer], str] = {
    ReLU: "relu",
    ELU: "elu",
    Tanh: "tanh",
    Sigmoid: "sigmoid",
    Softplus: "softplus",
}


class LinearMap(NamedTuple):
    """The tasks of a linear map's three products, each of (resources, layer, operands, result)."""

    forward: Callable[..., list[Task]]
    weight_gradient: Callable[..., list[Task]]
    input_gradient: Callable[..., list[Task]]


def _strides(layer: Any) -> tuple[int, int]:
    return layer.stride, layer.padding


LINEAR: dict[type[Layer], LinearMap] = {
    Dense: LinearMap(
        lambda r, layer, x, w, y: matmul_tasks(r, x, w, y),
        lambda r, layer, x, dy, dw: matmul_transposed_left_tasks(r, x, dy, dw, accumulate=True),
        lambda r, layer, dy, w, dx: matmul_transposed_right_tasks(r, dy, w, dx),
    ),
    Conv2D: LinearMap(
        lambda r, layer, x, w, y: convolution_forward_tasks(r, x, w, y, *_strides(layer)),
        lambda r, layer, x, dy, dw: convolution_weight_gradient_tasks(
            r, x, dy, dw, *_strides(layer), accumulate=True
        ),
        lambda r, layer, dy, w, dx: convolution_input_gradient_tasks(
            r, dy, w, dx, *_strides(layer)
        ),
    ),
    # The same three with the two ends exchanged: see layers/transposed_convolution.py.
    ConvTranspose2D: LinearMap(
        lambda r, layer, x, w, y: convolution_input_gradient_tasks(r, x, w, y, *_strides(layer)),
        lambda r, layer, x, dy, dw: convolution_weight_gradient_tasks(
            r, dy, x, dw, *_strides(layer), accumulate=True
        ),
        lambda r, layer, dy, w, dx: convolution_forward_tasks(r, dy, w, dx, *_strides(layer)),
    ),
}
KNOWN: tuple[type[Layer], ...] = (*ACTIVATIONS, *LINEAR, BatchNorm, Flatten, Reshape)
"""The layers that plans are made of. A class derived from one of them has passes of its own."""


class Source(Protocol):
    """Where arrays come from."""

    def empty(self, shape: Sequence[int], dtype: Any) -> FloatArray:
        """Return an array to be written to."""


class Rotation:
    """Memory that takes turns: an array is written over when ``count`` more have been asked for.

    A gradient is needed until the next one is there, and so is an output where no backward pass
    will ask for it.
    """

    def __init__(self, count: int = 3) -> None:
        self._memory: list[FloatArray] = [np.empty(0)] * count
        self._next = 0

    def empty(self, shape: Sequence[int], dtype: Any) -> FloatArray:
        """Return an array of this shape."""
        size, place = prod(shape), self._next
        self._next = (place + 1) % len(self._memory)
        memory = self._memory[place]
        if memory.size < size or memory.dtype != dtype:
            memory = self._memory[place] = aligned(size, dtype)
        return memory[:size].reshape(shape)


class Places(NamedTuple):
    """What plans are made with, and where their arrays come from."""

    resources: Resources
    edges: Source  # what goes in and out of a plan
    outputs: Source  # of the stages inside
    gradients: Source


class Stage:
    """One layer, or neighbours that share their passes, for one array as input.

    Attributes
    ----------
    forward
        The tasks that take the array ``x`` to the array ``y``.
    """

    forward: list[Task]
    y: FloatArray

    def backward(
        self, dy: FloatArray, source: Source | None
    ) -> tuple[list[Task], FloatArray | None]:
        """Return the tasks that take ∂loss/∂y to the parameters' gradients and ∂loss/∂x.

        ∂loss/∂x is an array from ``source``, or is left out where that is ``None``.
        """
        raise NotImplementedError


class _Shape(Stage):
    """``Flatten`` or ``Reshape``: another view of the same memory."""

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        self.forward = []
        self._x = x
        self.y = layers[0].view(x)

    def backward(
        self, dy: FloatArray, source: Source | None
    ) -> tuple[list[Task], FloatArray | None]:
        return [], dy.reshape(self._x.shape)


class _Activation(Stage):
    """An activation by itself."""

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        self._resources = places.resources
        self._kind = _kind(layers[0])
        self.y = places.outputs.empty(x.shape, x.dtype)
        self.forward = activation_tasks(self._resources, x, self.y, *self._kind)

    def backward(
        self, dy: FloatArray, source: Source | None
    ) -> tuple[list[Task], FloatArray | None]:
        if source is None:
            return [], None
        dx = source.empty(dy.shape, dy.dtype)
        return activation_backward_tasks(self._resources, dy, self.y, dx, *self._kind), dx


class _Normalised(Stage):
    """Perhaps a linear map, perhaps a batch norm, perhaps an activation: at least one of each two.

    A bias before a batch norm is never added: where it moves x it moves μ as well, and
    x + b − (μ + b) = x − μ. With the batch's own moments its gradient is 0 but for rounding.
    """

    def __init__(self, layers: list[Any], x: FloatArray, training: bool, places: Places) -> None:
        self._places, self._x, self._training = places, x, training
        rest = list(layers)
        self._linear = rest.pop(0) if type(rest[0]) in LINEAR else None
        self._norm = rest.pop(0) if rest and type(rest[0]) is BatchNorm else None
        self._kind = _kind(rest[0]) if rest else ("identity", 1.0)
        resources, self.forward, self._bias = places.resources, [], None
        if self._linear is not None:
            w, self._bias = self._linear.parameters.values()
            y = places.outputs.empty(self._linear.output_shape(x), x.dtype)
            self.forward += LINEAR[type(self._linear)].forward(
                resources, self._linear, x, w.value, y
            )
            x = y
        if self._norm is None:
            assert self._bias is not None
            self.y = x
            self.forward += bias_activation_tasks(resources, x, self._bias.value, *self._kind)
        else:
            self._norm.check_input(x, training)
            self._h, self.y = x, places.outputs.empty(x.shape, x.dtype)
            self._mean, self._inverse_std = np.empty((2, x.shape[-1]), x.dtype)
            scale, shift = self._norm.parameters.values()
            running_mean, running_variance = self._norm.buffers.values()
            self.forward += batch_norm_forward_tasks(
                resources,
                x,
                None if self._bias is None else self._bias.value,
                scale.value,
                shift.value,
                running_mean,
                running_variance,
                self._mean,
                self._inverse_std,
                self.y,
                training=training,
                momentum=self._norm.momentum,
                epsilon=self._norm.epsilon,
                activation=self._kind[0],
                alpha=self._kind[1],
            )

    def backward(
        self, dy: FloatArray, source: Source | None
    ) -> tuple[list[Task], FloatArray | None]:
        resources, gradients = self._places.resources, self._places.gradients
        bias_grad = None if self._bias is None else self._bias.grad
        if self._norm is not None:
            last = self._linear is None and source is not None
            d = (source if last else gradients).empty(dy.shape, dy.dtype)  # type: ignore[union-attr]
            scale, shift = self._norm.parameters.values()
            tasks = batch_norm_backward_tasks(
                resources,
                dy,
                self._h,
                self.y,
                self._mean,
                self._inverse_std,
                scale.value,
                scale.grad,
                shift.grad,
                bias_grad,
                d,
                training=self._training,
                activation=self._kind[0],
                alpha=self._kind[1],
            )
        else:
            assert bias_grad is not None
            identity = self._kind[0] == "identity"
            d = dy if identity else gradients.empty(dy.shape, dy.dtype)
            tasks = activation_backward_bias_tasks(resources, dy, self.y, d, bias_grad, *self._kind)
        if self._linear is None:
            return tasks, d
        products, w = LINEAR[type(self._linear)], self._linear.parameters["weight"]
        tasks += products.weight_gradient(resources, self._linear, self._x, d, w.grad)
        if source is None:
            return tasks, None
        dx = source.empty(self._x.shape, dy.dtype)
        return tasks + products.input_gradient(resources, self._linear, d, w.value, dx), dx


def _kind(layer: Any) -> tuple[str, float]:
    """Return what the kernels call an activation, and its constant."""
    return ACTIVATIONS[type(layer)], getattr(layer, "alpha", 1.0)


def grouped(layers: Sequence[Layer]) -> list[tuple[type[Stage], list[Layer]]]:
    """Return the stages that layers come to, each with its layers."""
    groups: list[tuple[type[Stage], list[Layer]]] = []
    for layer in layers:
        stage, before = groups[-1] if groups else (Stage, [])
        last = type(before[-1]) if stage is _Normalised else None
        if type(layer) in LINEAR:
            groups.append((_Normalised, [layer]))
        elif type(layer) is BatchNorm:
            if last in LINEAR:
                before.append(layer)
            else:
                groups.append((_Normalised, [layer]))
        elif type(layer) in ACTIVATIONS:
            if last in LINEAR or last is BatchNorm:
                before.append(layer)
            else:
                groups.append((_Activation, [layer]))
        else:
            groups.append((_Shape, [layer]))
    return groups
