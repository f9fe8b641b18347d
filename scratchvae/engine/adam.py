"""Adam's step on all parameters as one list of tasks."""

from operator import attrgetter, is_
from typing import Any

import numpy as np

from scratchvae.engine.facts import Facts
from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Program, Resources, Task
from scratchvae.kernels.machine.threads import get_threads
from scratchvae.kernels.passes.adam import ADAM_FACTORS, adam_factors, adam_tasks
from scratchvae.layers.parameter import check_apart, each_once
from scratchvae.validation import FloatArray

_IS_WRITEABLE = attrgetter("flags.writeable")  # somebody may freeze an array by that


class AdamPlan:
    """The tasks of an optimiser's step, made anew where its arrays are others than before."""

    def __init__(self) -> None:
        self._facts: Facts | None = None  # of the parameters
        self._state: dict[str, FloatArray] = {}
        self._moments: list[FloatArray] = []
        self._values: list[FloatArray] = []
        self._program: Program | None = None
        self._factors: dict[np.dtype[Any], FloatArray] = {}
        self._threads = 0

    def step(self, optimiser: Any, same: bool) -> None:
        """Do what ``optimiser.step()`` does, for an ``Adam``.

        ``same`` says that its parameters are known to have the arrays that they had before.
        """
        threads, state = get_threads(), optimiser.state
        same_moments = state is self._state and len(state) == len(self._moments)
        if not (
            self._facts is not None
            and threads == self._threads
            and same_moments
            and all(map(is_, state.values(), self._moments))
            and all(map(_IS_WRITEABLE, self._values))
            and (same or self._facts.hold())
        ):
            self._make(optimiser, threads)
        if self._program is None:
            optimiser.step()
            return
        optimiser.steps += 1
        settings = (optimiser.learning_rate, optimiser.beta_1, optimiser.beta_2, optimiser.epsilon)
        for factors in self._factors.values():
            adam_factors(factors, optimiser.steps, *settings)
        self._program.run()

    def _make(self, optimiser: Any, threads: int) -> None:
        facts, self._facts, self._program, self._threads = Facts(), None, None, threads
        self._values = []
        facts.add(vars(optimiser), "parameters")
        facts.add_all(optimiser.parameters)
        self._state, self._moments = optimiser.state, list(optimiser.state.values())
        resources, tasks = Resources(threads, Memory()), list[Task]()
        check_apart(optimiser.parameters)
        for name, parameter in each_once(optimiser.parameters).items():
            facts.add(vars(parameter), "value", "grad", "trainable")
            if not parameter.trainable:
                continue
            value, grad = parameter.value, parameter.grad
            self._values.append(value)
            first, second = optimiser.state[f"first/{name}"], optimiser.state[f"second/{name}"]
            arrays = value, grad, first, second
            for array in arrays:
                alike = (array.shape, array.dtype) == (value.shape, value.dtype)
                if not (alike and array.flags.c_contiguous and array.flags.writeable):
                    return  # the optimiser itself takes it, or refuses it in one line
            factors = self._factors.setdefault(value.dtype, np.empty(ADAM_FACTORS, value.dtype))
            tasks += adam_tasks(resources, *arrays, factors)
        self._facts, self._program = facts, Program(tasks, threads)
