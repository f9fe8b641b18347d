"""Layers that only change the shape of what passes through."""

from math import prod

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError
from scratchvae.held import Setting
from scratchvae.layers.base import Layer
from scratchvae.validation import FloatArray, check_array, check_floats, check_sizes, remembered


class _NewShape(Layer):
    """A layer that gives each example the shape that its ``view`` says."""

    def view(self, x: FloatArray) -> FloatArray:
        raise NotImplementedError

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return ``x`` with each example in the new shape."""
        y = self.view(x)
        self.x_shape, self.y_shape, self.x_dtype = x.shape, y.shape, x.dtype
        return y

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` in the shape of the input: each number of y is a number of x."""
        shape = remembered(self, "x_shape")
        check_array(dy, f"{type(self).__name__}: dy", self.y_shape, self.x_dtype)
        return dy.reshape(shape)


class Flatten(_NewShape):
    """Make each example a vector: (N, …) to (N, product of …)."""

    def view(self, x: FloatArray) -> FloatArray:
        """Return ``x`` with each example as one vector."""
        check_floats(x, "x")
        if x.ndim < 1:
            raise InputError("Flatten expects a batch of examples, not a single number")
        return x.reshape(x.shape[0], prod(x.shape[1:]))


class Reshape(_NewShape):
    """Give each example the shape ``shape``: (N, …) to (N, *shape).

    Parameters
    ----------
    shape
        An example's new shape, for instance (28, 28, 1).
    dtype
        As for every ``Layer``.
    """

    shape = Setting(check_sizes)

    def __init__(self, shape: tuple[int, ...], *, dtype: DTypeLike = np.float32) -> None:
        super().__init__(dtype=dtype)
        self.shape = shape

    def view(self, x: FloatArray) -> FloatArray:
        """Return ``x`` with each example in the new shape."""
        check_floats(x, "x")
        if x.ndim < 1 or prod(x.shape[1:]) != prod(self.shape):
            raise InputError(
                f"Reshape to {self.shape} expects {prod(self.shape)} numbers per example, "
                f"not x of shape {x.shape}"
            )
        return x.reshape(x.shape[0], *self.shape)

    def __repr__(self) -> str:
        return f"Reshape({self.shape})"
