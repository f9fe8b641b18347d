"""Optimisers: the only code that changes a parameter's value.

Each is a few array operations per parameter, done in place.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from scratchvae import kernels
from scratchvae.errors import InputError
from scratchvae.held import Setting
from scratchvae.layers import Parameter
from scratchvae.layers.parameter import check_apart, each_once
from scratchvae.training.callables import check_callable
from scratchvae.validation import (
    FloatArray,
    check_in_place,
    check_is,
    check_positive,
    check_share_kept,
)


class Optimiser(Protocol):
    """What the trainer needs of an optimiser."""

    parameters: dict[str, Parameter]
    learning_rate: float
    steps: int
    """How many steps have been taken."""
    state: dict[str, FloatArray]
    """All that is remembered from step to step, by name, for a checkpoint."""

    def step(self) -> None:
        """Change every parameter once that is not frozen, by its present gradient."""


_NEEDED = ("parameters", "learning_rate", "steps", "state", "step")


class SGD:
    """Stochastic gradient descent with momentum.

    A parameter under several names, of layers that share it, takes one step at a time.

    ``velocity ← momentum · velocity + grad``, then ``value ← value − learning_rate · velocity``
    (without momentum, eq. 2.11 of the lessons).

    Parameters
    ----------
    parameters
        What to change, by name.
    learning_rate, momentum
        As in the formula; momentum 0 is plain gradient descent.
    """

    learning_rate = Setting(check_positive)
    momentum = Setting(check_share_kept)

    def __init__(
        self, parameters: Mapping[str, Parameter], learning_rate: float, momentum: float = 0.0
    ) -> None:
        self.parameters = dict(_checked(parameters))
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.steps = 0
        learned = each_once(self.parameters)
        self.state = {f"velocity/{name}": np.zeros_like(p.value) for name, p in learned.items()}

    def step(self) -> None:
        """Change every parameter once that is not frozen, by its present gradient."""
        _check_gradients(self.parameters, self.state)
        self.steps += 1
        for name, parameter in _moving(self.parameters):
            velocity = self.state[f"velocity/{name}"]
            velocity *= self.momentum
            velocity += parameter.grad
            parameter.value -= self.learning_rate * velocity


class Adam:
    """Adam: a step per parameter scaled by the recent size of its gradient.

    With t the number of the step, m and v running means of the gradient and of its square:

        m ← β₁ m + (1 − β₁) grad        v ← β₂ v + (1 − β₂) grad²
        value ← value − learning_rate · m / (1 − β₁ᵗ) / (√(v / (1 − β₂ᵗ)) + ε)

    The divisions by 1 − βᵗ undo the bias towards the zeros that m and v begin with.
    Source: Kingma and Ba (2014), algorithm 1; eq. 3.8 of the lessons.

    A parameter under several names, of layers that share it, takes one step at a time; two
    parameters with one array for their values are an ``InputError``.

    Parameters
    ----------
    parameters
        What to change, by name.
    learning_rate, beta_1, beta_2, epsilon
        As in the formula.
    """

    learning_rate = Setting(check_positive)
    beta_1 = Setting(check_share_kept)
    beta_2 = Setting(check_share_kept)
    epsilon = Setting(check_positive)

    def __init__(
        self,
        parameters: Mapping[str, Parameter],
        learning_rate: float = 1e-3,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters = dict(_checked(parameters))
        self.learning_rate = learning_rate
        self.beta_1, self.beta_2 = beta_1, beta_2
        self.epsilon = epsilon
        self.steps = 0
        check_apart(self.parameters)
        self.state = {
            f"{moment}/{name}": np.zeros_like(p.value)
            for moment in ("first", "second")
            for name, p in each_once(self.parameters).items()
        }

    def step(self) -> None:
        """Change every parameter once that is not frozen, by its present gradient."""
        _check_gradients(self.parameters, self.state)
        self.steps += 1
        for name, parameter in _moving(self.parameters):
            kernels.adam_step(
                parameter.value,
                parameter.grad,
                self.state[f"first/{name}"],
                self.state[f"second/{name}"],
                step=self.steps,
                learning_rate=self.learning_rate,
                beta_1=self.beta_1,
                beta_2=self.beta_2,
                epsilon=self.epsilon,
            )


def made_by(
    make: Callable[..., Any], parameters: Mapping[str, Parameter], learning_rate: float
) -> Optimiser:
    """Return the optimiser that a user's class or function makes; ``InputError`` if it is none."""
    check_callable(make, "optimiser", "the parameters", "the learning rate")
    made = make(parameters, learning_rate)
    missing = [name for name in _NEEDED if not hasattr(made, name)]
    if missing or not isinstance(made.state, dict) or made.parameters != parameters:
        problem = f"has no {missing[0]}" if missing else "does not hold the model's parameters"
        raise InputError(
            f"what `optimiser` makes {problem}: derive a class from scratchvae.training.Adam or SGD"
        )
    optimiser: Optimiser = made
    return optimiser


def _checked(parameters: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    """Return ``parameters``; ``InputError`` unless they are some by name."""
    check_is(parameters, "parameters", Mapping, "network.parameters")
    for name, parameter in parameters.items():
        check_is(parameter, f"parameters[{name!r}]", Parameter)
    return parameters


def _moving(parameters: Mapping[str, Parameter]) -> list[tuple[str, Parameter]]:
    """Return the parameters that are not frozen, each once; the state of others stays."""
    return [(name, each) for name, each in each_once(parameters).items() if each.trainable]


def _check_gradients(parameters: Mapping[str, Parameter], state: Mapping[str, FloatArray]) -> None:
    """Raise an `InputError` where a gradient or moment does not fit: before any value changes."""
    for name, p in parameters.items():
        check_in_place(p.value, f"the value of {name}")
        if (p.grad.shape, p.grad.dtype) != (p.value.shape, p.value.dtype):
            raise InputError(
                f"the gradient of {name} must have its value's shape and type, {p.value.shape} "
                f"{p.value.dtype}, not {p.grad.shape} {p.grad.dtype}: assign one that fits"
            )
    for name, moment in state.items():
        value = parameters[name.partition("/")[2]].value
        if (moment.shape, moment.dtype) != (value.shape, value.dtype):
            raise InputError(
                f"{name} is of shape {moment.shape} {moment.dtype}, and the value now "
                f"{value.shape} {value.dtype}: make a new optimiser for it"
            )
