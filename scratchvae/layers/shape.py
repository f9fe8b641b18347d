"""Layers that only change the shape of what passes through."""

from math import prod

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError
from scratchvae.layers.base import Layer
from scratchvae.validation import FloatArray, check_floats


class Flatten(Layer):
    """Make each example a vector: (N, …) to (N, product of …)."""

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return ``x`` with one axis per example."""
        check_floats(x, "x")
        if x.ndim < 1:
            raise InputError("Flatten expects a batch of examples, not a single number")
        self._shape, self._dtype = x.shape, x.dtype
        return x.reshape(x.shape[0], prod(x.shape[1:]))

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` in the shape of the input."""
        shape = self._remembered("_shape")
        check_floats(dy, "dy", self._dtype)
        if dy.shape != (shape[0], prod(shape[1:])):
            raise InputError(
                f"Flatten.backward expects dy of shape {(shape[0], prod(shape[1:]))}, "
                f"not {dy.shape}"
            )
        return dy.reshape(shape)

    def __repr__(self) -> str:
        return "Flatten()"


class Reshape(Layer):
    """Give each example the shape ``shape``: (N, …) to (N, *shape).

    Parameters
    ----------
    shape
        An example's new shape, for instance (28, 28, 1).
    rng, dtype
        As for every layer; nothing is drawn.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(rng=rng, dtype=dtype)
        self.shape = tuple(shape)

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return ``x`` with each example in the new shape."""
        check_floats(x, "x")
        if x.ndim < 1 or prod(x.shape[1:]) != prod(self.shape):
            raise InputError(
                f"Reshape to {self.shape} expects {prod(self.shape)} numbers an example, "
                f"not x of shape {x.shape}"
            )
        self._input_shape, self._dtype = x.shape, x.dtype
        return x.reshape(x.shape[0], *self.shape)

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return ``dy`` in the shape of the input."""
        shape = self._remembered("_input_shape")
        check_floats(dy, "dy", self._dtype)
        if dy.shape != (shape[0], *self.shape):
            raise InputError(
                f"Reshape.backward expects dy of shape {(shape[0], *self.shape)}, not {dy.shape}"
            )
        return dy.reshape(shape)

    def __repr__(self) -> str:
        return f"Reshape({self.shape})"
