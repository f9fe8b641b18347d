"""What lesson 2 adds to the reader's own program: chains of layers, a loss, slopes to check by."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise
from scratchvae.course.exercises.lesson_02.layers import draw_pair
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import Sequential, slopes, squared_error
from scratchvae.validation import FloatArray


class _Affine:
    """A layer that does not commute with another of its kind, so that their order shows."""

    def __init__(self, factor: FloatArray, shift: FloatArray) -> None:
        self.parameters = {"factor": factor, "shift": shift}
        self.gradients: dict[str, FloatArray] = {}

    def forward(self, x: FloatArray) -> FloatArray:
        self.x = x
        return x * self.parameters["factor"] + self.parameters["shift"]

    def backward(self, dy: FloatArray) -> FloatArray:
        self.gradients = {"factor": (dy * self.x).sum(axis=0), "shift": dy.sum(axis=0)}
        return dy * self.parameters["factor"] + self.parameters["shift"]


def _used_sequential(kind: Any) -> Callable[..., Any]:
    def run(x: FloatArray, dy: FloatArray, factors: FloatArray, shifts: FloatArray) -> Any:
        layers = [_Affine(a, b) for a, b in zip(factors, shifts, strict=True)]
        network = kind(*layers)
        if (y := network.forward(x)) is None:
            return None
        if (dx := network.backward(dy)) is None:
            return None
        if [*getattr(network, "layers", ())] != layers:
            raise UnusableError("layers", "keep the layers as self.layers, in their order")
        named = {"parameters": network.parameters, "gradients": network.gradients}
        return y, dx, *(None if its is None else _in_order(its, of) for of, its in named.items())

    return run


def _in_order(arrays: Any, what: str) -> FloatArray:
    """Return the arrays in a row, by the names that they should have."""
    names = [f"{place}.{name}" for place in range(3) for name in ("factor", "shift")]
    if not isinstance(arrays, dict):
        raise UnusableError("names", f"{what} must be a dict, not {type(arrays).__name__}")
    if missing := [name for name in names if name not in arrays]:
        raise UnusableError(
            "names",
            f'{what} lacks "{missing[0]}": with three layers that have a "factor" and a "shift" '
            f"each, the names go from 0.factor to 2.shift, and yours are "
            f"{', '.join(map(str, arrays)) or 'none'}",
        )
    return np.concatenate([arrays[name] for name in names])


class _ForwardsBothWays(Sequential):
    def backward(self, dy: FloatArray) -> FloatArray:
        for layer in self.layers:
            dy = layer.backward(dy)
        return dy


def _draw_chain(random: np.random.Generator) -> tuple[FloatArray, ...]:
    count, features = unequal_sizes(random, 2)
    x, dy = random.standard_normal((2, count, features))
    factors, shifts = random.uniform(0.5, 2, (2, 3, features))
    return x, dy, factors, shifts


SEQUENTIAL = Exercise(
    name="sequential",
    piece="Sequential",
    answer=Sequential,
    use=_used_sequential,
    draw=_draw_chain,
    mistakes={"back means the last layer first: go through them in reverse": _ForwardsBothWays},
    hints=(
        "Each layer's output is the next one's input; backwards, each layer's dx is the dy of the "
        "one before it.",
        "for layer in reversed(self.layers): dy = layer.backward(dy)",
        'parameters and gradients are dictionaries with names like "0.weight": the place of the '
        "layer, a dot, and its own name.",
    ),
    returns=("y", "dx", "the parameters", "the gradients"),
)


SQUARED_ERROR = Exercise(
    name="squared-error",
    piece="squared_error",
    answer=squared_error,
    draw=draw_pair,
    mistakes={
        "the sum over outputs is right, but over examples the loss is a mean: divide by N": (
            lambda y, t: (0.5 * ((y - t) ** 2).sum(), y - t)
        ),
        "you took the mean over outputs as well; the sum over them belongs to each example": (
            lambda y, t: (0.5 * ((y - t) ** 2).mean(), (y - t) / y.size)
        ),
        "the half is missing: the loss is half the squared error": (
            lambda y, t: (((y - t) ** 2).sum() / len(y), 2 * (y - t) / len(y))
        ),
        "the loss is right, and its gradient lacks the 1/N": (
            lambda y, t: (0.5 * ((y - t) ** 2).sum() / len(y), y - t)
        ),
        "that is the length of the differences; the squared length is asked for, without a root": (
            lambda y, t: (0.5 * np.linalg.norm(y - t) / len(y), (y - t) / len(y))
        ),
        "dy has the wrong sign: it points to where the loss rises": (
            lambda y, t: (0.5 * ((y - t) ** 2).sum() / len(y), (t - y) / len(y))
        ),
    },
    hints=("Both halves of (2.10), in this order.", "len(y) is N."),
    returns=("loss", "dy"),
)


def _used_slopes(function: Any) -> Callable[..., Any]:
    def run(array: FloatArray, weights: FloatArray, step: float) -> Any:
        moved = array.copy()

        def loss() -> float:
            return float((weights * moved**3).sum())  # a cube shows a one-sided difference

        found = function(loss, moved, step)
        function(loss, moved.copy())  # the step has a usual value
        if found is None:
            return None
        _check_slice(function, array, found)
        return found, moved

    return run


def _check_slice(function: Any, array: FloatArray, found: Any) -> None:
    """Refuse slopes that move a copy where the array is part of another, as in lesson 12."""
    part = np.concatenate([array, array], axis=-1)[..., : array.shape[-1]]
    moved = function(lambda: float((part**2).sum()), part)
    if np.any(found) and not np.any(moved):
        raise UnusableError(
            "copy",
            "where the array is a slice of another, reshape and ravel give a copy, and moving that "
            "changes nothing: go through np.ndindex(array.shape)",
        )


def _one_sided(loss: Callable[[], float], array: FloatArray, step: float = 1e-5) -> FloatArray:
    found, before = np.empty_like(array), loss()
    for place in np.ndindex(array.shape):
        start = array[place]
        array[place] = start + step
        found[place] = (loss() - before) / step
        array[place] = start
    return found


def _not_put_back(loss: Callable[[], float], array: FloatArray, step: float = 1e-5) -> FloatArray:
    found = np.empty_like(array)
    for place in np.ndindex(array.shape):
        array[place] += step
        right = loss()
        array[place] -= 2 * step
        found[place] = (right - loss()) / (2 * step)
    return found


SLOPES = Exercise(
    name="slopes",
    piece="slopes",
    answer=slopes,
    use=_used_slopes,
    draw=lambda random: (*draw_pair(random), float(random.uniform(0.01, 0.05))),
    mistakes={
        "that is the one-sided difference; the central one, (2.12), is far more accurate": (
            _one_sided
        ),
        "the array is not as it was before: put each entry back": _not_put_back,
        "the two points are 2h apart, so divide by 2h": lambda loss, array, step=1e-5: (
            2 * slopes(loss, array, step)
        ),
    },
    hints=(
        "np.ndindex(array.shape) goes through all places of an array of any shape.",
        "Remember the entry, set it to start + step, call loss(), set it to start − step, call "
        "loss() again, put it back.",
    ),
    returns=("the slopes", "the array after the call"),
)
