"""Exponential back-off from threads while other processes hold the cores.

A kernel that is shared among threads ends when the slowest of them does. If another process has its
core, a thread waits milliseconds for its turn, and a training step has a dozen kernels: with one
core taken, two threads can be ten times slower than one. So after a call that had to wait, kernels
run on one thread for a while, and for twice as long after the next. The bits do not depend on it.

A number of threads that was asked for is kept to, and ``SCRATCHVAE_BACKOFF=0`` switches this off.
"""

from functools import cache

from scratchvae.validation import chosen_by_variable

_SHORTEST, _LONGEST = 50_000_000, 3_000_000_000  # nanoseconds
_FACTOR, _PATIENCE = 4, 2_000_000  # a call waited if it took 4 times its estimate, and 2 ms more


class Backoff:
    """Until when kernels run on one thread."""

    def __init__(self) -> None:
        self.until = 0  # in nanoseconds, by the clock whose times ``note`` is given
        self._delay = _SHORTEST

    def note(self, start: int, end: int, estimate: float) -> None:
        """Take note of a call on several threads, which takes ``estimate`` ns on one."""
        if end - start > longest(estimate):
            self.until = end + self._delay
            self._delay = min(2 * self._delay, _LONGEST)
        else:
            self._delay = max(self._delay - self._delay // 64, _SHORTEST)


def longest(estimate: float) -> float:
    """Return how many nanoseconds a call may take on several threads before it must have waited."""
    return _FACTOR * estimate + _PATIENCE


@cache
def backs_off() -> bool:
    """Return whether kernels may back off at all: unless ``SCRATCHVAE_BACKOFF=0``.

    An `InputError` is raised if the variable is neither 0 nor 1.
    """
    return chosen_by_variable("SCRATCHVAE_BACKOFF") == "1"
