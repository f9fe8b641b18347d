"""How a network is trained: what the lesson on training writes.

Dimensions: N examples, B of them in a batch.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchvae.course.program.layers import Arrays
from scratchvae.validation import FloatArray


def batches(count: int, size: int, rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Yield 0, …, count − 1 in random order, ``size`` at a time; the last batch may be smaller.

    The mean gradient of a batch is unbiased: eq. 3.1.
    """
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


class Momentum:
    """Gradient descent with a velocity: v ← μ v + g, then θ ← θ − η v, eq. 3.6.

    Without momentum, μ = 0, it is eq. 2.11. Under a gradient that stays the same, steps become
    1/(1 − μ) times as long: eq. 3.7.
    """

    def __init__(self, parameters: Arrays, rate: float, momentum: float = 0.0) -> None:
        self.parameters, self.rate, self.momentum = parameters, rate, momentum
        self.velocity = {name: np.zeros_like(value) for name, value in parameters.items()}

    def step(self, gradients: Arrays) -> None:
        """Change every parameter once, in place."""
        for name, value in self.parameters.items():
            velocity = self.velocity[name]
            velocity *= self.momentum
            velocity += gradients[name]
            value -= self.rate * velocity


class Adam:
    """Adam: each step divided by the recent size of its own gradient: eq. 3.8.

    What its means are divided by is the total weight of eq. 3.9.
    """

    def __init__(
        self,
        parameters: Arrays,
        rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters, self.rate = parameters, rate
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon
        self.steps = 0
        self.first = {name: np.zeros_like(value) for name, value in parameters.items()}
        self.second = {name: np.zeros_like(value) for name, value in parameters.items()}

    def step(self, gradients: Arrays) -> None:
        """Change every parameter once, in place."""
        self.steps += 1
        for name, value in self.parameters.items():
            first, second, gradient = self.first[name], self.second[name], gradients[name]
            first += (1 - self.beta_1) * (gradient - first)
            second += (1 - self.beta_2) * (gradient**2 - second)
            mean = first / (1 - self.beta_1**self.steps)
            square = second / (1 - self.beta_2**self.steps)
            value -= self.rate * mean / (np.sqrt(square) + self.epsilon)


def cosine(progress: float) -> float:
    """Return the share of the learning rate at ``progress``, which falls from 1 to 0: eq. 3.10."""
    return float(0.5 * (1 + np.cos(np.pi * progress)))


def train_network(
    network: Any,
    loss: Any,
    optimiser: Any,
    x: FloatArray,
    target: FloatArray,
    *,
    epochs: int,
    size: int,
    rng: np.random.Generator,
) -> list[float]:
    """Return the mean loss of each epoch; ``loss(y, target)`` gives a number and its gradient."""
    history = []
    for _ in range(epochs):
        total = 0.0
        for chosen in batches(len(x), size, rng):
            value, dy = loss(network.forward(x[chosen]), target[chosen])
            network.backward(dy)
            optimiser.step(network.gradients)
            total += value * len(chosen)
        history.append(total / len(x))
    return history
