"""A stopwatch for a machine whose speed changes while one measures.

Other programs, heat and the clock make one loop run at half its speed a minute later. So pieces of
work that are to be compared take turns, round after round, and what is compared is the median over
rounds of the ratio within a round.
"""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import NamedTuple

from scratchvae.checks.arguments import check_function
from scratchvae.errors import InputError
from scratchvae.validation import check_count

Work = Callable[[], object]


class Times(NamedTuple):
    """Seconds per run of each piece of work, a number a round."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """Return the median time of a piece of work, in seconds."""
        return median(self.seconds[name])

    def ratio(self, name: str, other: str) -> float:
        """Return how many times as long one takes as the other: the median over the rounds."""
        pairs = zip(self.seconds[name], self.seconds[other], strict=True)
        return median(mine / its for mine, its in pairs)


def take_turns(works: Mapping[str, Work], *, rounds: int = 5, seconds: float = 0.02) -> Times:
    """Time pieces of work in turn, each for about so many seconds a round.

    Each runs once before, so that nothing is compiled within a round.
    """
    check_count(rounds, "rounds")
    if not works:
        raise InputError("works must have at least one piece of work, not none: name one")
    for name, work in works.items():
        check_function(work, name, "of nothing")
        work()
    repeats = {name: max(1, round(seconds / _time(work, 1))) for name, work in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            times[name].append(_time(work, repeats[name]))
    return Times(times)


def _time(work: Work, repeats: int) -> float:
    """Return the seconds of one run, from so many runs; never 0, where the clock is coarse."""
    begun = time.perf_counter()
    for _ in range(repeats):
        work()
    return max(time.perf_counter() - begun, 1e-9) / repeats
