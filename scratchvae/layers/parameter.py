"""What is learned: an array and the gradient of the loss with respect to it."""

from typing import Any

import numpy as np

from scratchvae.validation import FloatArray, check_array


class Parameter:
    """An array that is learned, and ∂loss/∂value beside it.

    Attributes
    ----------
    value
        The numbers themselves, in C order and writable (what is given otherwise is copied). Only
        an optimiser changes them. Assigning a value of another shape or type begins anew with a
        gradient of zeros.
    grad
        ∂loss/∂value, of the same shape and type. ``backward`` adds to it.

    Raises
    ------
    InputError
        If a gradient of another shape or type than the value's is assigned.
    """

    value: FloatArray
    grad: FloatArray

    def __init__(self, value: FloatArray) -> None:
        self.value = value

    def zero_grad(self) -> None:
        """Fill the gradient with zeros, as one does before each backward pass."""
        self.grad.fill(0)

    def __setattr__(self, name: str, array: Any) -> None:
        array = np.require(array, requirements=["C", "W"])
        if name == "grad":
            check_array(array, "grad", self.value.shape, self.value.dtype, "assign the value first")
        else:
            before = self.__dict__.get("value")
            if before is None or (before.shape, before.dtype) != (array.shape, array.dtype):
                super().__setattr__("grad", np.zeros_like(array))
        super().__setattr__(name, array)

    def __repr__(self) -> str:
        return f"Parameter(shape={self.value.shape}, dtype={self.value.dtype})"
