"""Adam's step on all parameters as one list of tasks."""

from operator import is_
from typing import Any

import numpy as np

from scratchvae.kernels.machine.memory import Memory
from scratchvae.kernels.machine.tasks import Program, Resources, Task
from scratchvae.kernels.machine.threads import get_threads
from scratchvae.kernels.passes.adam import ADAM_FACTORS, adam_factors, adam_tasks
from scratchvae.validation import FloatArray


class AdamPlan:
    """The tasks of an optimiser's step, made anew where its arrays are others than before."""

    def __init__(self) -> None:
        self._arrays: list[FloatArray] = []
        self._program: Program | None = None
        self._factors: dict[np.dtype[Any], FloatArray] = {}
        self._threads = 0

    def step(self, optimiser: Any) -> None:
        """Do what ``optimiser.step()`` does, for an ``Adam``."""
        arrays: list[FloatArray] = []
        for name, parameter in optimiser.parameters.items():
            arrays += (parameter.value, parameter.grad)
            arrays += (optimiser.state[f"first/{name}"], optimiser.state[f"second/{name}"])
        threads = get_threads()
        same = len(arrays) == len(self._arrays) and threads == self._threads
        if not (same and all(map(is_, arrays, self._arrays))):
            self._make(arrays, threads)
        if self._program is None:
            optimiser.step()
            return
        optimiser.steps += 1
        settings = (optimiser.learning_rate, optimiser.beta_1, optimiser.beta_2, optimiser.epsilon)
        for factors in self._factors.values():
            adam_factors(factors, optimiser.steps, *settings)
        self._program.run()

    def _make(self, arrays: list[FloatArray], threads: int) -> None:
        self._arrays, self._threads, self._program = arrays, threads, None
        for place, array in enumerate(arrays):
            value = arrays[place - place % 4]
            alike = (array.shape, array.dtype) == (value.shape, value.dtype)
            if not (alike and array.flags.c_contiguous and array.flags.writeable):
                return  # the optimiser itself takes it, or refuses it in one line
        resources, tasks = Resources(threads, Memory()), list[Task]()
        for place in range(0, len(arrays), 4):
            value, grad, first, second = arrays[place : place + 4]
            factors = self._factors.setdefault(value.dtype, np.empty(ADAM_FACTORS, value.dtype))
            tasks += adam_tasks(resources, value, grad, first, second, factors)
        self._program = Program(tasks, threads)
