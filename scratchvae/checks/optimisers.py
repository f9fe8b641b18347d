"""Checks of optimisers against their formulas, written out in plain Python.

An optimiser has no gradient to check and no distribution, and training forgives nearly everything:
a wrong one is only slower. So its steps are compared with those of the paper's algorithm, number by
number. The gradients are given, not computed, and tiny for one parameter, which is where a wrong ε
or a wrong bias correction shows.
"""

from collections.abc import Callable

import numpy as np

from scratchvae.checks.arguments import check_function
from scratchvae.checks.distributions import DistributionReport, DistributionRow
from scratchvae.layers import Parameter
from scratchvae.training.optimisers import SGD, Adam, Optimiser
from scratchvae.validation import FloatArray, check_count

_RATE, _MOMENTUM, _BETA_1, _BETA_2, _EPSILON = 0.01, 0.9, 0.9, 0.999, 1e-4
_STEPS = 12
# The sizes of the gradients of the three parameters. The last is of the order of ε.
_SIZES = {"first": 1.0, "second": 10.0, "tiny": 1e-4}

MakeOptimiser = Callable[[dict[str, Parameter]], Optimiser]


def usual_adam(parameters: dict[str, Parameter]) -> Optimiser:
    """Return the package's Adam with the settings that ``check_adam`` expects."""
    return Adam(parameters, _RATE, _BETA_1, _BETA_2, _EPSILON)


def usual_sgd(parameters: dict[str, Parameter]) -> Optimiser:
    """Return the package's SGD with the settings that ``check_sgd`` expects."""
    return SGD(parameters, _RATE, _MOMENTUM)


def check_adam(make: MakeOptimiser = usual_adam, *, seed: int = 0) -> DistributionReport:
    """Compare an Adam (rate 0.01, β 0.9 and 0.999, ε 1e-4) with algorithm 1 of Kingma and Ba."""

    def written_out(gradients: FloatArray) -> list[float]:
        value, m, v, values = 1.0, 0.0, 0.0, []
        for t, g in enumerate(gradients.tolist(), start=1):
            m = _BETA_1 * m + (1 - _BETA_1) * g
            v = _BETA_2 * v + (1 - _BETA_2) * g**2
            m_hat, v_hat = m / (1 - _BETA_1**t), v / (1 - _BETA_2**t)
            value -= _RATE * m_hat / (v_hat**0.5 + _EPSILON)
            values.append(value)
        return values

    return _check("Adam", make, written_out, seed)


def check_sgd(make: MakeOptimiser = usual_sgd, *, seed: int = 0) -> DistributionReport:
    """Compare an SGD (rate 0.01, momentum 0.9) with v ← 0.9 v + g, value ← value − 0.01 v."""

    def written_out(gradients: FloatArray) -> list[float]:
        value, velocity, values = 1.0, 0.0, []
        for g in gradients.tolist():
            velocity = _MOMENTUM * velocity + g
            value -= _RATE * velocity
            values.append(value)
        return values

    return _check("SGD", make, written_out, seed)


def _check(
    title: str, make: MakeOptimiser, written_out: Callable[[FloatArray], list[float]], seed: int
) -> DistributionReport:
    check_function(make, "make", "from parameters by name to an optimiser of them")
    rng = np.random.default_rng(check_count(seed, "seed", 0))
    parameters = {name: Parameter(np.ones(1)) for name in _SIZES}
    optimiser = make(parameters)
    check_function(getattr(optimiser, "step", None), "the step of what make returns", "of nothing")
    gradients = {name: size * rng.standard_normal(_STEPS) for name, size in _SIZES.items()}
    found: dict[str, list[float]] = {name: [] for name in _SIZES}
    for step in range(_STEPS):
        for name, parameter in parameters.items():
            parameter.grad[...] = gradients[name][step]
        optimiser.step()
        for name, parameter in parameters.items():
            found[name].append(float(parameter.value[0]))
    rows = []
    for name, values in found.items():
        expected = written_out(gradients[name])
        for step in (1, 2, _STEPS):
            wanted, got = expected[step - 1], values[step - 1]
            # In units of a millionth of the distance from the start.
            distance = max(abs(wanted - 1), 1e-12)
            millionths = abs(got - wanted) / distance / 1e-6
            millionths = millionths if np.isfinite(millionths) else np.inf
            rows.append(DistributionRow(f"{name}, after step {step}", wanted, got, millionths))
    return DistributionReport(f"{title}: its steps against the formula", rows)
