"""The arguments of a framework's function: arrays to move, and everything else as it is.

Arguments may be dicts, lists and tuples of arrays, one inside another. An array inside is named by
the way to it, as in ``params['encoder']['w']``.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scratchvae.checks.gradients.input import argument_names, check_array
from scratchvae.checks.gradients.target import Target
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray


class Moved(NamedTuple):
    """An array that the check moves."""

    array: FloatArray

    @classmethod
    def copy_of(cls, array: NDArray[Any], name: str) -> "Moved":
        """Return a copy in float64 of an array of floats of any width."""
        return cls(check_array(np.array(array, np.float64, order="C"), name))


class FrameworkTarget(Target):
    """What targets of all frameworks share.

    Parameters
    ----------
    title
        What the report calls it.
    leaves
        What the arguments hold, each with its name, in the order in which they are put together
        again: arrays to be checked as ``Moved``; everything else is passed on.
    owner
        An object with ``parameters``, if there are any.
    """

    def __init__(self, title: str, leaves: Sequence[tuple[str, Any]], owner: Any = None) -> None:
        self.leaves = list(leaves)
        self.inputs = {name: leaf.array for name, leaf in leaves if isinstance(leaf, Moved)}
        super().__init__(title, self.inputs, owner)
        if not self.arrays:
            raise InputError(
                f"gradcheck found no array of floats among the arguments of {title}: give it one"
            )

    @staticmethod
    def of_another_batch(array: FloatArray) -> FloatArray:
        """Return an array a little smaller and in another order."""
        return np.array(0.9 * array[::-1]) if array.ndim else np.array(0.9 * array)


def is_pair(inputs: Sequence[Any]) -> bool:
    """Whether a backward pass comes first, so that a function is not all that is given."""
    return bool(inputs) and callable(inputs[0])


def named_leaves(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    leaves_of: Callable[[Any], Sequence[tuple[str, Any]]],
    skipped: int = 0,
) -> list[tuple[int, str, Any]]:
    """Return what the arguments hold: the place of the argument, a leaf's name, and the leaf.

    ``leaves_of`` an argument are pairs of a way and a leaf; ``skipped`` are how many arguments of
    the function come first and are not given, as ``ctx`` is.
    """
    names = argument_names(function, len(arguments) + skipped)[skipped:]
    return [
        (place, name + way, leaf)
        for place, (name, argument) in enumerate(zip(names, arguments, strict=True))
        for way, leaf in leaves_of(argument)
    ]
