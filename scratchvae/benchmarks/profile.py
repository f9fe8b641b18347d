"""Where the time of a training step goes: the share of each kernel, and what is left for Python."""

import time
from collections import defaultdict
from typing import Any

from scratchvae.benchmarks.timing import Effort, Work
from scratchvae.kernels.machine.chunks import Kernel
from scratchvae.kernels.machine.tasks import observing

REST = "Python, NumPy and small copies"


def profile_step(step: Work, effort: Effort) -> list[dict[str, Any]]:
    """Run a step again and again, and tell what each kernel takes of its time.

    Parameters
    ----------
    step
        The work; it has run before, so that nothing is compiled now.
    effort
        It runs ``rounds`` times, and for ``seconds`` times as many seconds, at least.

    Returns
    -------
    A list of ``kernel`` (file and name), ``calls`` and ``ms`` (per step) and ``share`` (of the
    step), the longest first; the last is what is no shared kernel's. Shares add up to 1.
    """
    calls: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)

    def note(kernel: Kernel, taken: float) -> None:
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
