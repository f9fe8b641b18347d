"""A network as frameworks with channels first have it: its layers, and the arrays in them.

Images are (N, H, W, C) here and (N, C, H, W) in PyTorch and ONNX. A convolution's weight changes
its axes, and no more. A dense layer beside an image has its inputs or outputs in the image's
order: they are put in the order of the other, once, so that a plain row of layers gives the same
numbers. Where there is no dense layer to take the order, the network is refused.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.engine.twins import twin
from scratchvae.errors import InputError
from scratchvae.layers import (
    ELU,
    AveragePool2D,
    BatchNorm,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LayerNorm,
    LogSoftplus,
    MaskedDense,
    MaxPool2D,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from scratchvae.validation import FloatArray

Arrays = dict[str, NDArray[Any]]
Order = NDArray[np.intp]

_ELEMENTWISE = (ReLU, ELU, Tanh, Sigmoid, Softplus, LogSoftplus, Dropout)
_PER_FEATURE = (*_ELEMENTWISE, BatchNorm, LayerNorm)  # which an order passes through
_DENSE = (Dense, MaskedDense)
_KNOWN = (*_PER_FEATURE, *_DENSE, Conv2D, ConvTranspose2D, MaxPool2D, AveragePool2D)


@dataclass
class Step:
    """A layer, and what an example of it looks like: (H, W, C), or (F,).

    Attributes
    ----------
    arrays
        What the layer has, by PyTorch's names and in its layouts.
    """

    layer: Any
    shape_in: tuple[int, ...]
    shape_out: tuple[int, ...]
    arrays: Arrays = field(default_factory=dict)


def translated(network: Layer, shape: tuple[int, ...], name: str) -> list[Step]:
    """Return the layers of a network for examples of a shape, nested ones in one row.

    Raises
    ------
    InputError
        If a layer has no counterpart, or there is no order of its numbers that one could give it.
    """
    steps = steps_of(network, shape)
    for place, step in enumerate(steps):
        shaping = type(step.layer) in (Flatten, Reshape) and _is_known_shaping(step)
        if not shaping and type(step.layer) not in _KNOWN:
            raise _no_counterpart(step, f"{name}.{place}")
    orders = _orders(steps, name)
    for place, step in enumerate(steps):
        if step.layer.parameters:
            step.arrays = _arrays(step, orders[place], orders[place + 1], f"{name}.{place}")
    return steps


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape (C, H, W) of an image (H, W, C); that of a vector is as it is."""
    return (*shape[-1:], *shape[:-1])


def steps_of(network: Layer, shape: tuple[int, ...]) -> list[Step]:
    """Return the layers of a network for examples of a shape, nested ones in one row.

    The steps have no arrays yet.
    """
    steps: list[Step] = []

    def follow(layer: Layer, x: FloatArray) -> FloatArray:
        if type(layer) is Sequential:
            for inner in layer.layers:
                x = follow(inner, x)
            return x
        y = layer.forward(x)
        steps.append(Step(layer, x.shape[1:], y.shape[1:]))
        return y

    follow(twin(network), np.zeros((1, *shape), network.dtype))
    return steps


def _is_known_shaping(step: Step) -> bool:
    """Tell whether a step makes a vector of an image or of a vector, or an image of a vector."""
    return {len(step.shape_in), len(step.shape_out)} in ({1}, {1, 3})


def _orders(steps: list[Step], name: str) -> list[Order | None]:
    """Return, for what goes into each layer, where its numbers are in ours; None if at their place.

    The last entry is that of what comes out.
    """
    orders: list[Order | None] = [None]
    for place, step in enumerate(steps):
        if isinstance(step.layer, Flatten | Reshape) and len(step.shape_in) == 3:
            orders.append(_order_of(step.shape_in))
        elif isinstance(step.layer, Flatten | Reshape) and len(step.shape_out) == 3:
            _ask_for(_order_of(step.shape_out), steps, orders, f"{name}.{place}")
            orders.append(None)
        elif type(step.layer) in (*_PER_FEATURE, Flatten, Reshape) and len(step.shape_in) == 1:
            orders.append(orders[place])
        else:
            orders.append(None)
    if orders[-1] is not None:
        raise InputError(
            f"{name} ends with the numbers of an image, channels last, which a row of layers with "
            "channels first cannot give",
            'end it with a Dense layer, or export its arrays: model.export("numpy", path)',
        )
    return orders


def _ask_for(
    order: Order | None, steps: list[Step], orders: list[Order | None], where: str
) -> None:
    """Have the dense layer before the last entry give its outputs in an order."""
    place = len(orders) - 1
    if _same(orders[place], order):
        return
    while place:
        orders[place] = order
        layer = steps[place - 1].layer
        if isinstance(layer, _DENSE):
            return
        if (
            type(layer) not in (*_PER_FEATURE, Reshape, Flatten)
            or len(steps[place - 1].shape_in) > 1
        ):
            break
        place -= 1
    raise InputError(
        f"{where} makes an image, channels last, of numbers that no Dense layer gives, which a row "
        "of layers with channels first cannot",
        'put a Dense layer before it, or export its arrays: model.export("numpy", path)',
    )


def image_order(shape: tuple[int, ...]) -> Order:
    """Return the index in a flat (H, W, C) image of each number of a flat (C, H, W) one."""
    return np.moveaxis(np.arange(np.prod(shape)).reshape(shape), -1, 0).ravel()


def _order_of(shape: tuple[int, ...]) -> Order | None:
    """Return the order of an image, if it is another one than ours."""
    order = image_order(shape)
    return None if (np.diff(order) == 1).all() else order


def _same(first: Order | None, second: Order | None) -> bool:
    return first is second or (
        first is not None and second is not None and np.array_equal(first, second)
    )


def _arrays(step: Step, before: Order | None, after: Order | None, where: str) -> Arrays:
    """Return what a layer has learned and kept, by PyTorch's names and in its layouts."""
    layer: Any = step.layer
    arrays = {name: parameter.value for name, parameter in layer.parameters.items()}
    if isinstance(layer, _DENSE):
        weight = arrays["weight"] * (layer.mask if isinstance(layer, MaskedDense) else True)
        weight = weight if before is None else weight[before]
        weight = weight if after is None else weight[:, after]
        bias = arrays["bias"] if after is None else arrays["bias"][after]
        return _contiguous(weight=weight.T, bias=bias)
    if isinstance(layer, Conv2D | ConvTranspose2D):
        # A transposed one has the weight of its convolution, in all frameworks.
        return _contiguous(weight=arrays["weight"].transpose(3, 2, 0, 1), bias=arrays["bias"])

    def put(array: NDArray[Any]) -> NDArray[Any]:
        if array.ndim == 3:
            return array.transpose(2, 0, 1)
        return array if before is None else array[before]

    learned = {"weight": put(arrays["scale"]), "bias": put(arrays["shift"])}
    if isinstance(layer, LayerNorm):
        if layer.shape != step.shape_in:
            raise _no_counterpart(step, where)
        return _contiguous(**learned)
    kept = {"running_mean": "running_mean", "running_var": "running_variance"}
    statistics = {name: put(layer.buffers[ours]) for name, ours in kept.items()}
    return _contiguous(**learned, **statistics, num_batches_tracked=np.array(0))


def _contiguous(**arrays: NDArray[Any]) -> Arrays:
    return {name: np.array(array, order="C") for name, array in arrays.items()}


def _no_counterpart(step: Step, where: str) -> InputError:
    return InputError(
        f"{where}, {step.layer!r} on examples of shape {step.shape_in}, has no counterpart in a "
        "framework with channels first".replace("\n", " "),
        'export its arrays: model.export("numpy", path)',
    )
