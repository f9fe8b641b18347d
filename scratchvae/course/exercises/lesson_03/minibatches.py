"""The exercises of lesson 3 on mini-batches, the training loop and overfitting."""

from collections.abc import Callable
from typing import Any

import numpy as np

from scratchvae.course.exercises.draws import unequal_sizes
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.exercises.running import UnusableError
from scratchvae.course.program import (
    Dense,
    Momentum,
    Sequential,
    Tanh,
    batches,
    squared_error,
    train_network,
)
from scratchvae.validation import FloatArray


def gradient_variance(gradients: FloatArray, size: int) -> float:
    """Return the variance of the mean of ``size`` of N numbers, drawn without repetition: eq. 3.2.

    A mean of them is unbiased: eq. 3.1.
    """
    count = len(gradients)
    return float(gradients.var() / size * (count - size) / (count - 1))


def stationary_variance(rate: float, curvature: float, noise: float) -> float:
    """Return the variance that noisy descent on ½ λ θ² settles at: eq. 3.5.

    ``noise`` is the variance of each step's gradient.
    """
    return rate * noise / (curvature * (2 - rate * curvature))


def _used_batches(function: Any) -> Callable[..., Any]:
    def run(count: int, size: int, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        yielded = function(count, size, rng)
        if yielded is None:
            return None
        first = [np.asarray(batch) for batch in yielded]
        second = [np.asarray(batch) for batch in function(count, size, rng)]
        together, again = np.concatenate(first), np.concatenate(second)
        if len(np.unique(together)) < len(together):
            raise UnusableError(
                "repetition",
                "some numbers come twice in an epoch: shuffle all of them once, and cut that order",
            )
        mixed = not np.array_equal(together, np.arange(count))
        if mixed and np.array_equal(together, again):
            raise UnusableError(
                "order", "a second epoch has the same order: take it from rng, anew in every call"
            )
        sizes = [len(batch) for batch in first]
        if len(together) == count and {*sizes[:-1]} != {size}:
            raise UnusableError(
                "sizes",
                f"with count = {count} and size = {size} the batches have the sizes {sizes}: each "
                f"has {size} numbers, but for the last",
            )
        return np.array(sizes), np.sort(together), float(mixed)

    return run


def _in_order(count: int, size: int, rng: np.random.Generator) -> Any:
    for start in range(0, count, size):
        yield np.arange(start, min(start + size, count))


def _without_the_rest(count: int, size: int, rng: np.random.Generator) -> Any:
    yield from (batch for batch in batches(count, size, rng) if len(batch) == size)


def _draw_counts(random: np.random.Generator) -> tuple[int, int, int]:
    size = int(random.integers(4, 9))
    return 5 * size + int(random.integers(1, size)), size, int(random.integers(1000))


BATCHES = Exercise(
    name="batches",
    piece="batches",
    answer=batches,
    use=_used_batches,
    draw=_draw_counts,
    mistakes={
        "the order is not random": _in_order,
        "the last, smaller batch is missing": _without_the_rest,
    },
    hints=(
        "rng.permutation(count) gives all numbers from 0 to count − 1 in random order.",
        "for start in range(0, count, size): yield order[start : start + size]",
    ),
    returns=("the sizes of the batches", "all numbers, sorted", "order"),
)

ERROR_OF_A_BATCH = Question(
    name="error-of-a-batch",
    kind="predict",
    answer=None,
    within=0.1,
    mistakes={
        "that is the ratio of the sizes; the error falls with its root": 16.0,
        "that is the other way round: the smaller batch has the larger error": 0.25,
    },
    hints=(
        "By (3.2) the variance is s²/B for batches that are small beside the data.",
        "The standard error is the root of that.",
    ),
)


def _used_loop(function: Any) -> Callable[..., Any]:
    def run(x: FloatArray, target: FloatArray, weight: FloatArray, size: int) -> Any:
        network = Sequential(
            Dense(x.shape[1], 4, np.random.default_rng(1)),
            Tanh(),
            Dense(4, 1, np.random.default_rng(2)),
        )
        network.layers[0].parameters["weight"][...] = weight
        history = function(
            network,
            squared_error,
            Momentum(network.parameters, 0.1, 0.5),
            x,
            target,
            epochs=3,
            size=size,
            rng=np.random.default_rng(3),
        )
        return None if history is None else (np.array(history), network.forward(x))

    return run


def _shuffled_apart(
    network: Any, loss: Any, optimiser: Any, x: FloatArray, target: FloatArray, **rest: Any
) -> list[float]:
    history = []
    for _ in range(rest["epochs"]):
        total = 0.0
        pairs = zip(
            batches(len(x), rest["size"], rest["rng"]),
            batches(len(x), rest["size"], rest["rng"]),
            strict=True,
        )
        for chosen, others in pairs:
            value, dy = loss(network.forward(x[chosen]), target[others])
            network.backward(dy)
            optimiser.step(network.gradients)
            total += value * len(chosen)
        history.append(total / len(x))
    return history


def _mean_of_batches(
    network: Any, loss: Any, optimiser: Any, x: FloatArray, target: FloatArray, **rest: Any
) -> list[float]:
    history = []
    for _ in range(rest["epochs"]):
        values = []
        for chosen in batches(len(x), rest["size"], rest["rng"]):
            value, dy = loss(network.forward(x[chosen]), target[chosen])
            network.backward(dy)
            optimiser.step(network.gradients)
            values.append(value)
        history.append(float(np.mean(values)))
    return history


def _all_at_once(
    network: Any, loss: Any, optimiser: Any, x: FloatArray, target: FloatArray, **rest: Any
) -> list[float]:
    rest["size"] = len(x)
    return train_network(network, loss, optimiser, x, target, **rest)


def _once_an_epoch(
    network: Any, loss: Any, optimiser: Any, x: FloatArray, target: FloatArray, **rest: Any
) -> list[float]:
    history = []
    for _ in range(rest["epochs"]):
        total = 0.0
        for chosen in batches(len(x), rest["size"], rest["rng"]):
            value, dy = loss(network.forward(x[chosen]), target[chosen])
            network.backward(dy)
            total += value * len(chosen)
        optimiser.step(network.gradients)
        history.append(total / len(x))
    return history


def _last_batches(
    network: Any, loss: Any, optimiser: Any, x: FloatArray, target: FloatArray, **rest: Any
) -> list[float]:
    history = []
    for _ in range(rest["epochs"]):
        value = 0.0
        for chosen in batches(len(x), rest["size"], rest["rng"]):
            value, dy = loss(network.forward(x[chosen]), target[chosen])
            network.backward(dy)
            optimiser.step(network.gradients)
        history.append(value)
    return history


def _at_the_end(
    network: Any, loss: Any, optimiser: Any, x: FloatArray, target: FloatArray, **rest: Any
) -> list[float]:
    history = []
    for _ in range(rest["epochs"]):
        train_network(network, loss, optimiser, x, target, **{**rest, "epochs": 1})
        history.append(float(loss(network.forward(x), target)[0]))
    return history


def _without_steps(
    network: Any, loss: Any, optimiser: Any, x: FloatArray, target: FloatArray, **rest: Any
) -> list[float]:
    return [float(loss(network.forward(x), target)[0]) for _ in range(rest["epochs"])]


def _draw_data(random: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray, int]:
    features, size = unequal_sizes(random, 2)
    count = 3 * size + 2
    x, target = random.standard_normal((count, features)), random.standard_normal((count, 1))
    return x, target, random.standard_normal((features, 4)), size


SHUFFLED_APART = Exercise(
    name="find-the-bug-in-the-loop",
    answer=train_network,
    use=_used_loop,
    draw=_draw_data,
    planted=_shuffled_apart,
    mistakes={"the network never changes: the optimiser's step is missing": _without_steps},
    hints=(
        "The loss falls to the variance of the targets and no further, whatever the network. What "
        "would a network learn that saw the right inputs with the wrong answers?",
        "Follow one example through a batch: which input, and which target?",
        "x and target must be cut with the same numbers.",
    ),
    returns=("the history", "the network's outputs"),
)

TRAIN_NETWORK = Exercise(
    name="train-network",
    piece="train_network",
    answer=train_network,
    use=_used_loop,
    draw=_draw_data,
    mistakes={
        "inputs and targets are shuffled apart: take both with the same numbers": _shuffled_apart,
        "the last batch is smaller, so an epoch's mean must weigh each batch with its number of "
        "examples": _mean_of_batches,
        "that is the loss of each epoch's last batch; the mean over all examples is asked for": (
            _last_batches
        ),
        "that is the loss at the end of each epoch; the mean of the losses on the way is asked "
        "for": _at_the_end,
        "the step belongs into the inner loop: one for each batch, not one for each epoch": (
            _once_an_epoch
        ),
        "the loss takes the network's output first, and then the target": (
            lambda network, loss, *rest, **settings: train_network(
                network, lambda y, target: loss(target, y), *rest, **settings
            )
        ),
        "all examples are in one batch: take those of batches(len(x), size, rng)": _all_at_once,
        "the network never changes: the optimiser's step is missing": _without_steps,
    },
    hints=(
        "Two loops: epochs, and in each the batches of batches(len(x), size, rng).",
        "In the inner one: forward, loss, backward, step.",
        "Add up value * len(chosen), and divide by len(x) at the end of the epoch.",
    ),
    returns=("the history", "the network's outputs"),
)

RISING_CURVE = Question(
    name="why-does-it-rise",
    kind="explain",
    answer="C",
    mistakes={
        "a rate that is too large makes the training loss rise or jump, and here it falls": "A",
        "noise moves both curves up and down; it does not part them": "B",
        "the same network fits the training images ever better, so it is not too small": "D",
    },
    hints=(
        "What does the training loss do meanwhile?",
        "Which images has the network seen a hundred times?",
    ),
)
