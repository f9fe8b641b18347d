"""Mutants of optimisers. Each still trains, only worse."""

import numpy as np

from scratchvae.checks.mutants.base import STEPS, Check, Mutant
from scratchvae.checks.optimisers import (
    MakeOptimiser,
    check_adam,
    check_sgd,
    usual_adam,
    usual_sgd,
)
from scratchvae.layers import Parameter
from scratchvae.training.optimisers import SGD, Adam, Optimiser


class _PlainAdam(Adam):
    """The right one, one line of NumPy for each line of the formula."""

    def step(self) -> None:
        self.steps += 1
        for name, parameter in self.parameters.items():
            m, v = self.state[f"first/{name}"], self.state[f"second/{name}"]
            m += (1 - self.beta_1) * (parameter.grad - m)
            v += (1 - self.beta_2) * (parameter.grad**2 - v)
            self.move(parameter, m, v)

    def move(self, parameter: Parameter, m: np.ndarray, v: np.ndarray) -> None:
        m_hat, v_hat = m / (1 - self.beta_1**self.steps), v / (1 - self.beta_2**self.steps)
        parameter.value -= self.learning_rate * m_hat / (np.sqrt(v_hat) + self.epsilon)


class AdamWithoutCorrection(_PlainAdam):
    def move(self, parameter: Parameter, m: np.ndarray, v: np.ndarray) -> None:
        parameter.value -= self.learning_rate * m / (np.sqrt(v) + self.epsilon)


class AdamEpsilonInside(_PlainAdam):
    def move(self, parameter: Parameter, m: np.ndarray, v: np.ndarray) -> None:
        m_hat, v_hat = m / (1 - self.beta_1**self.steps), v / (1 - self.beta_2**self.steps)
        parameter.value -= self.learning_rate * m_hat / np.sqrt(v_hat + self.epsilon)


class AdamCountsParameters(_PlainAdam):
    def move(self, parameter: Parameter, m: np.ndarray, v: np.ndarray) -> None:
        super().move(parameter, m, v)
        self.steps += 1


class AdamWithoutRoot(_PlainAdam):
    def move(self, parameter: Parameter, m: np.ndarray, v: np.ndarray) -> None:
        m_hat, v_hat = m / (1 - self.beta_1**self.steps), v / (1 - self.beta_2**self.steps)
        parameter.value -= self.learning_rate * m_hat / (v_hat + self.epsilon)


class SgdUphill(SGD):
    def step(self) -> None:
        for parameter in self.parameters.values():
            parameter.grad *= -1
        super().step()


class SgdSharedVelocity(SGD):
    def step(self) -> None:
        shared = next(iter(self.state.values()))
        for parameter in self.parameters.values():
            shared *= self.momentum
            shared += parameter.grad
            parameter.value -= self.learning_rate * shared


class SgdRateInVelocity(SGD):
    def step(self) -> None:
        for name, parameter in self.parameters.items():
            velocity = self.state[f"velocity/{name}"]
            velocity += (1 - self.momentum) * (parameter.grad - velocity)
            parameter.value -= self.learning_rate * velocity


def _adam(optimiser: type[Adam]) -> Check:
    def make(parameters: dict[str, Parameter]) -> Optimiser:
        usual = usual_adam({})
        assert isinstance(usual, Adam)
        return optimiser(parameters, usual.learning_rate, usual.beta_1, usual.beta_2, usual.epsilon)

    return _check_adam(make)


def _check_adam(make: MakeOptimiser) -> Check:
    return lambda seed: check_adam(make, seed=seed)


def _sgd(optimiser: type[SGD]) -> Check:
    def make(parameters: dict[str, Parameter]) -> Optimiser:
        usual = usual_sgd({})
        assert isinstance(usual, SGD)
        return optimiser(parameters, usual.learning_rate, usual.momentum)

    return lambda seed: check_sgd(make, seed=seed)


OPTIMISER_MUTANTS = (
    Mutant(
        "Adam: no bias correction",
        "the first steps are far too small or too large",
        "reading no further than the moving averages",
        STEPS,
        _adam(AdamWithoutCorrection),
        _adam(Adam),
    ),
    Mutant(
        "Adam: ε inside the root",
        "√(v + ε) instead of √v + ε",
        "copying RMSprop or Adagrad",
        STEPS,
        _adam(AdamEpsilonInside),
        _adam(_PlainAdam),
    ),
    Mutant(
        "Adam: one step counted per parameter",
        "t grows by the number of parameters at every step",
        "putting t += 1 inside the loop",
        STEPS,
        _adam(AdamCountsParameters),
        _adam(Adam),
    ),
    Mutant(
        "Adam: without the root",
        "m / (v + ε) instead of m / (√v + ε)",
        "a slip of the pen",
        STEPS,
        _adam(AdamWithoutRoot),
        _adam(Adam),
    ),
    Mutant(
        "SGD: uphill",
        "value + rate · velocity",
        "having a bound to maximise and a loss to minimise",
        STEPS,
        _sgd(SgdUphill),
        _sgd(SGD),
    ),
    Mutant(
        "SGD: one velocity for all parameters",
        "each parameter is moved by the others' gradients too",
        "making the velocity once, outside the loop",
        STEPS,
        _sgd(SgdSharedVelocity),
        _sgd(SGD),
    ),
    Mutant(
        "SGD: gradient weighted by 1 − momentum",
        "ten times slower than the rate says at momentum 0.9",
        "mixing up momentum and a moving average",
        STEPS,
        _sgd(SgdRateInVelocity),
        _sgd(SGD),
    ),
)
