"""Where the time of a training step goes: the share of each kernel, and what is left for Python."""

import time
from collections import defaultdict
from typing import Any

from scratchvae.benchmarks.timing import Effort, Work

REST = "Python, NumPy and small copies"


def profile_step(step: Work, effort: Effort) -> list[dict[str, Any]]:
    """Run a step repeatedly, and return how its time divides among the kernels.

    The step has run before, so that nothing is compiled now. It runs at least ``effort.rounds``
    times, and for at least ``rounds`` times ``seconds``.

    Returns
    -------
    A list of ``kernel`` (file and name), ``calls`` and ``ms`` (per step) and ``share`` (of the
    step), the longest first; the last is the time outside of kernels. Shares add up to 1.
    """
    from scratchvae.kernels.machine.tasks import observing

    seen: list[tuple[Any, Any]] = []

    steps, start = 0, time.perf_counter()
    with observing(lambda *ran: seen.append(ran)):
        while steps < effort.rounds or time.perf_counter() - start < effort.rounds * effort.seconds:
            step()
            steps += 1
    total = time.perf_counter() - start
    times: dict[str, list[float]] = defaultdict(list)
    for tasks, seconds in seen:
        for task, each in zip(tasks, seconds, strict=True):
            times[_name(task.kernel)].append(each)
    taken = [(sum(each), len(each), name) for name, each in times.items()]
    rest = total - sum(seconds for seconds, _, _ in taken)
    return [
        {"kernel": name, "calls": calls / steps, "ms": 1e3 * each / steps, "share": each / total}
        for each, calls, name in [*sorted(taken, reverse=True), (rest, 0, REST)]
    ]


def _name(kernel: Any) -> str:
    function = getattr(kernel, "py_func", kernel)
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__.lstrip('_')}"
