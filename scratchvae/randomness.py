"""Random numbers that depend only on a seed and what they are for.

Each use has a stream of its own, numbered by epoch and batch where it has these. So a run that was
interrupted continues with the numbers it would have drawn, without a generator to save, and a
change in one use (a second picture, say) leaves the others as they were.
"""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError, shown
from scratchvae.validation import FloatArray, check_count, check_is, check_seed

# The order is part of the meaning of a seed: add new uses at the end.
_USES = ("initialise", "shuffle", "pixels", "noise", "evaluate", "draw", "dropout")


def stream(seed: int, use: str, *numbers: int) -> np.random.Generator:
    """Return the generator for one use.

    Parameters
    ----------
    seed
        The seed of the whole run, a whole number of at least 0.
    use
        What the numbers are for: ``initialise``, ``shuffle``, ``pixels``, ``noise``, ``evaluate``,
        ``draw`` or ``dropout``.
    numbers
        The epoch and the batch, where the use has them, or how often it was drawn before.
    """
    return np.random.default_rng([check_seed(seed), _USES.index(use), *numbers])


def standard_normal(
    rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike
) -> FloatArray:
    """Return draws from N(0, 1); ``InputError`` unless ``rng`` is a generator, ``shape`` counts."""
    check_generator(rng)
    sizes = tuple(check_count(size, "count", 0) for size in shape)
    draws: FloatArray = rng.standard_normal(sizes, dtype=dtype)  # type: ignore[arg-type]
    return draws


def seed_of_round(seed: int, number: int) -> int:
    """Return the seed of a round of training that goes on: its own, but for round 0."""
    if number == 0:
        return seed
    return int(np.random.SeedSequence([check_seed(seed), number]).generate_state(1)[0])


def check_generator(rng: np.random.Generator) -> None:
    """Raise ``InputError`` unless ``rng`` is a NumPy generator."""
    check_is(rng, "rng", np.random.Generator, "np.random.default_rng(0)")


def generator(rng: np.random.Generator | int | None) -> np.random.Generator:
    """Return the generator that ``rng`` is, or one of that seed; ``None``: a new one each time."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    try:
        return np.random.default_rng(check_seed(rng))
    except InputError:
        raise InputError(
            f"rng must be a NumPy Generator, a seed or None, not {shown(rng)}: make one with "
            "np.random.default_rng(0)"
        ) from None


class StreamsInTurn:
    """The streams of one use, which are asked for by one number after the other.

    Sixteen are made at once: most of what one takes is to fetch the code that makes it, which the
    rest of a training step drives out of the caches.
    """

    def __init__(self, use: str) -> None:
        self._use = use
        self._ready: dict[tuple[int, int], np.random.Generator] = {}

    def __reduce__(self) -> tuple[type["StreamsInTurn"], tuple[str]]:
        """Return what a copy or a pickle keeps: the streams can be made anew."""
        return StreamsInTurn, (self._use,)

    def take(self, seed: int, number: int) -> np.random.Generator:
        """Return ``stream(seed, use, number)``."""
        if (seed, number) not in self._ready:
            self._ready = {
                (seed, n): stream(seed, self._use, n) for n in range(number, number + 16)
            }
        return self._ready.pop((seed, number))
