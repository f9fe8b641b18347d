"""Other points to check a gradient at than the one that was given: where mistakes are not hidden.

A dense layer's backward pass may forget its weights while they are zero, and its input while that
is zero; ones hide a missing factor. So arrays that are the same number everywhere are moved. And a
network just made is not what it is after some training, when its biases are no longer zero and some
of its units are saturated or dead: CS231n calls the steps until then a burn-in.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

import numpy as np

from scratchvae.checks.gradients.target import Target
from scratchvae.errors import InputError
from scratchvae.validation import FloatArray

# How far flat arrays are moved, and a step of training, relative to the arrays' own size: at least
# the one that weights usually come to have.
_SPREAD, _LEARNING_RATE, _TRAINED = 0.1, 0.05, 0.1


def size_of(array: FloatArray) -> float:
    """Return the root mean square of an array; 1 for zeros."""
    return float(np.sqrt(np.mean(array**2))) or 1.0


def other_points(
    target: Target, start: Mapping[str, FloatArray], burn_in: int, rng: np.random.Generator
) -> Iterator[tuple[str, Callable[[], bool], bool]]:
    """Yield where else to check, in words, what goes there from ``start``, and how to check.

    What goes there returns whether there is anything to check. The last is whether to check entry
    by entry: after a check that has, a few directions are enough to see that something was hidden.
    """
    flat = [name for name in target.arrays if name in start and _is_flat(start[name])]
    if flat:
        words = f"with {' and '.join(flat)} moved, where every entry is the same"
        yield words, lambda: _spread(target, flat, rng), False
    if burn_in:
        words = f"after {burn_in} training {'step' if burn_in == 1 else 'steps'}"
        yield words, lambda: _train(target, burn_in, rng), True


def _is_flat(array: FloatArray) -> bool:
    one_number: bool = (array == array.flat[0]).all() and (array.size > 1 or not array.any())
    return one_number


def _spread(target: Target, names: Collection[str], rng: np.random.Generator) -> bool:
    """Move every entry of these arrays by an amount of its own."""
    for name in names:
        array = target.arrays[name]
        array += _SPREAD * size_of(array) * rng.standard_normal(array.shape)
    try:
        return bool(np.isfinite(target.forward()).all())
    except InputError:  # a function that takes zeros only is not to blame for that
        return False


def _train(target: Target, steps: int, rng: np.random.Generator) -> bool:
    """Take gradient steps: a loss falls, any other output approaches random numbers.

    Parameters move, or where nothing is learned the inputs. All steps are of one size relative to
    the array, since the learning rate that suits a stranger's layer is not known.
    """
    learned = [name for name in target.arrays if name in target.parameters] or [*target.arrays]
    wanted: FloatArray | None = None
    for _ in range(steps):
        y = target.forward()
        if wanted is None:
            wanted = rng.standard_normal(y.shape)
        gradients = target.differentiate(y - wanted if y.ndim else np.ones(()))
        target.keep_buffers()
        for name in learned:
            array, gradient = target.arrays[name], gradients[name]
            size = float(np.sqrt(np.mean(gradient**2)))
            if np.isfinite(size) and size > 0:
                array -= _LEARNING_RATE * max(size_of(array), _TRAINED) / size * gradient
    return True
