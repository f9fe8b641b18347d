"""Tasks: calls of compiled kernels as data, to be run once or, in a plan, again and again.

Every fast kernel is made in two steps. ``…_tasks`` looks at shapes and types, finds memory and
decides how the work is cut up, and returns what is then to be called; `run` calls it. A kernel by
itself does one after the other. A plan keeps the tasks, since with arrays that stay where they are
only their contents change from one training step to the next.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from scratchvae.kernels.machine.chunks import Kernel
from scratchvae.kernels.machine.memory import Memory, thread_memory
from scratchvae.kernels.machine.threads import get_threads, run_parts


class Task(NamedTuple):
    """One call of a compiled kernel: ``kernel(chunk, chunks, *arguments)`` for each chunk of it."""

    kernel: Kernel
    nanoseconds: float  # about how long all of it takes on one thread
    arguments: tuple[Any, ...]


class Resources(NamedTuple):
    """What tasks are made for: a number of threads, and memory to work in."""

    threads: int
    memory: Memory


def present_resources() -> Resources:
    """Return the number of threads that is set, and the present Python thread's memory."""
    return Resources(get_threads(), thread_memory())


def run(tasks: Iterable[Task], threads: int) -> None:
    """Run tasks one after the other, each on up to ``threads`` threads where that pays."""
    for task in tasks:
        run_parts(task.kernel, task.nanoseconds, *task.arguments, threads=threads)
