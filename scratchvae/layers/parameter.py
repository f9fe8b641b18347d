"""What is learned: an array and the gradient of the loss with respect to it."""

from collections.abc import Mapping
from math import prod
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError
from scratchvae.randomness import generator
from scratchvae.validation import FloatArray, check_flag, check_floats

_MOST_WEIGHTS = 1 << 25  # a quarter of a gigabyte while they are drawn


class Parameter:
    """An array that is learned, and ∂loss/∂value beside it.

    Attributes
    ----------
    value
        The numbers themselves, in C order and writable (what is given otherwise is copied). Only
        an optimiser changes them. Assigning a value of another shape or type resets the gradient
        to zeros.
    grad
        ∂loss/∂value, of the same shape and type. ``backward`` adds to it.
    trainable
        Whether an optimiser changes the value; see ``Layer.freeze``. The gradient is computed in
        any case.
    """

    value: FloatArray
    grad: FloatArray
    trainable: bool = True

    def __init__(self, value: FloatArray) -> None:
        self.value = value  # which makes a gradient of zeros, too

    def zero_grad(self) -> None:
        """Fill the gradient with zeros, as one does before each backward pass."""
        self.grad.fill(0)

    def __setattr__(self, name: str, array: Any) -> None:
        if name == "trainable":
            vars(self)[name] = check_flag(array, name)
            return
        if isinstance(array, np.floating):  # what NumPy makes of sums of arrays of no axes
            array = np.asarray(array)
        check_floats(array, f"a parameter's {name}")
        if name == "value":
            array = np.require(array, requirements=["C", "W"])
            before = self.__dict__.get("value")
            if before is None or (before.shape, before.dtype) != (array.shape, array.dtype):
                self.grad = np.zeros_like(array)
        super().__setattr__(name, array)

    def __repr__(self) -> str:
        frozen = "" if self.trainable else ", frozen"
        return f"Parameter(shape={self.value.shape}, dtype={self.value.dtype}{frozen})"


def each_once(parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return ``parameters`` without those that are there under another name before."""
    first: dict[int, str] = {}
    for name, parameter in parameters.items():
        first.setdefault(id(parameter), name)
    return {name: parameters[name] for name in first.values()}


def check_apart(parameters: Mapping[str, Parameter]) -> None:
    """Raise ``InputError`` if two parameters have one array for their values.

    Each would be moved by its own part of the gradient, where the sum of both counts.
    """
    names: dict[int, str] = {}
    for name, parameter in each_once(parameters).items():
        other = names.setdefault(parameter.value.__array_interface__["data"][0], name)
        if other != name and parameter.value.size:
            raise InputError(
                f"{other} and {name} have one array for their values: to have them learn as one, "
                "put the same Parameter in both places"
            )


def kept(owner: Any) -> dict[str, Any]:
    """Return the attributes of a layer or model for a pickle, which takes no read-only mapping."""
    attributes = list(vars(owner).items())  # another thread may add to them
    return {k: dict(v) if isinstance(v, MappingProxyType) else v for k, v in attributes}


def draw_parameters(
    shape: tuple[int, ...], biases: int, rng: np.random.Generator | int | None, dtype: DTypeLike
) -> dict[str, Parameter]:
    """Draw a weight of this shape and a bias uniformly from ±1/√(product of all axes but the last).

    They are drawn in float64 and rounded: a seed gives the same network in both dtypes. More
    numbers than fit into a usual memory are an ``InputError``.
    """
    if prod(shape) > _MOST_WEIGHTS:
        raise InputError(
            f"a weight of shape {shape} would hold {prod(shape):,} numbers, and a layer may have "
            f"{_MOST_WEIGHTS:,}: give smaller sizes"
        )
    rng, bound = generator(rng), 1 / np.sqrt(prod(shape[:-1]))
    weight = rng.uniform(-bound, bound, shape)
    bias = rng.uniform(-bound, bound, biases)
    return {"weight": Parameter(weight.astype(dtype)), "bias": Parameter(bias.astype(dtype))}
