"""The exercises of lesson 2 on computational graphs: what automatic differentiation does.

Dimensions: N examples, I features.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.validation import FloatArray

Tape = Sequence[tuple[str, tuple[str, ...], Callable[[FloatArray], tuple[FloatArray, ...]]]]
Gradients = dict[str, FloatArray]


def backpropagate(tape: Tape, gradients: Mapping[str, FloatArray]) -> Gradients:
    """Return the gradients of all arrays of a computation: eq. 2.15 for each step, last one first.

    Each step of the tape has the name of its output, those of its inputs, and a function that takes
    the output's gradient to the inputs'. Where an array is an input of several steps, what comes
    back is added: eq. 2.3.
    """
    found = dict(gradients)
    for output, inputs, vjp in reversed(tape):
        for name, gradient in zip(inputs, vjp(found[output]), strict=True):
            found[name] = found[name] + gradient if name in found else gradient
    return found


def skip_tape(x: FloatArray, weight: FloatArray, bias: FloatArray) -> Tape:
    """Return the steps of y = x + tanh(x W + b), with x (N, I), W (I, I) and b (I,)."""
    h = np.tanh(x @ weight + bias)
    return [
        ("product", ("x", "W"), lambda d: (d @ weight.T, x.T @ d)),
        ("sum", ("product", "b"), lambda d: (d, d.sum(axis=0))),
        ("h", ("sum",), lambda d: (d * (1 - h**2),)),
        ("y", ("x", "h"), lambda d: (d, d)),
    ]


def _used(function: Any) -> Callable[..., Any]:
    def run(x: FloatArray, weight: FloatArray, bias: FloatArray, dy: FloatArray) -> Any:
        found = function(skip_tape(x, weight, bias), {"y": dy})
        return None if found is None else tuple(found.get(name) for name in ("x", "W", "b"))

    return run


def _last_counts(tape: Tape, gradients: Mapping[str, FloatArray]) -> Gradients:
    found = dict(gradients)
    for output, inputs, vjp in reversed(tape):
        found.update(zip(inputs, vjp(found[output]), strict=True))
    return found


def _first_counts(tape: Tape, gradients: Mapping[str, FloatArray]) -> Gradients:
    found = dict(gradients)
    for output, inputs, vjp in reversed(tape):
        for name, gradient in zip(inputs, vjp(found[output]), strict=True):
            found.setdefault(name, gradient)
    return found


def _draw_skip(random: np.random.Generator) -> tuple[FloatArray, ...]:
    count, features = unequal_sizes(random, 2)
    x, dy = random.standard_normal((2, count, features))
    weight = random.standard_normal((features, features))
    return x, weight, random.standard_normal(features), dy


BACKPROPAGATE = Exercise(
    name="backpropagate",
    answer=backpropagate,
    use=_used,
    draw=_draw_skip,
    mistakes={
        "two steps have x as an input: add what comes back, do not replace it": _last_counts,
        "two steps have x as an input: add what comes back second to what came back first": (
            _first_counts
        ),
    },
    hints=(
        "Go through reversed(tape): when a step's turn comes, everything computed from its output "
        "has already sent its gradient back.",
        "vjp(gradients[output]) is a tuple with a gradient for each name in inputs.",
        "gradients[name] = gradients[name] + gradient if the name is there already, else gradient.",
    ),
    returns=("the gradient of x", "that of W", "that of b"),
)

ENTRIES_OF_A_JACOBIAN = Question(
    name="entries-of-a-jacobian",
    kind="predict",
    answer=100 * 300 * 784 * 300,
    mistakes={
        "that is the number of weights; there is a row of that many for each output": 784 * 300,
        "that is the number of outputs; there is a column of that many for each weight": 100 * 300,
        "that is for a single example; the batch has 100": 300 * 784 * 300,
        "those are the entries that are not 0; the zeros are entries too": 100 * 300 * 784,
    },
    hints=(
        "It has a row for each number that the layer puts out for the batch, and a column for each "
        "weight.",
        "100 · 300 rows and 784 · 300 columns.",
    ),
)
