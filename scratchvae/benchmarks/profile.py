"""Where the time of a training step goes: the share of each kernel, and what is left for Python."""

import time
from collections import defaultdict
from typing import Any

from scratchvae.benchmarks.timing import Effort, Work

REST = "Python, NumPy and small copies"


def profile_step(step: Work, effort: Effort) -> list[dict[str, Any]]:
    """Run a step repeatedly, and return how its time divides among the kernels.

    Parameters
    ----------
    step
        The work; it has run before, so that nothing is compiled now.
    effort
        The step runs at least ``rounds`` times, and for at least ``rounds`` times ``seconds``.

    Returns
    -------
    A list of ``kernel`` (file and name), ``calls`` and ``ms`` (per step) and ``share`` (of the
    step), the longest first; the last is the time outside of kernels. Shares add up to 1.
    """
    from scratchvae.kernels.machine.tasks import observing

    calls: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)

    def note(kernel: Any, taken: float) -> None:
        function = getattr(kernel, "py_func", kernel)
        name = f"{function.__module__.rpartition('.')[2]}.{function.__name__.lstrip('_')}"
        calls[name] += 1
        seconds[name] += taken

    steps, start = 0, time.perf_counter()
    with observing(note):
        while steps < effort.rounds or time.perf_counter() - start < effort.rounds * effort.seconds:
            step()
            steps += 1
    total = time.perf_counter() - start
    longest = sorted(seconds, key=seconds.__getitem__, reverse=True)
    rest = total - sum(seconds.values())
    taken = [*((name, calls[name], seconds[name]) for name in longest), (REST, 0, rest)]
    return [
        {"kernel": name, "calls": count / steps, "ms": 1e3 * each / steps, "share": each / total}
        for name, count, each in taken
    ]
