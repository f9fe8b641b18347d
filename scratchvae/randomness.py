"""Random numbers that depend only on a seed and what they are for.

Each use has a stream of its own, numbered by epoch and batch where it has these. So a run that was
interrupted continues with the numbers it would have drawn, without a generator to save, and a
change in one use (a second picture, say) leaves the others as they were.
"""

import numpy as np

from scratchvae.validation import check_count

# The order is part of the meaning of a seed: add new uses at the end.
_USES = ("initialise", "shuffle", "pixels", "noise", "evaluate", "draw")


def stream(seed: int, use: str, *numbers: int) -> np.random.Generator:
    """Return the generator for one use.

    Parameters
    ----------
    seed
        The seed of the whole run, a whole number of at least 0.
    use
        What the numbers are for: ``initialise``, ``shuffle``, ``pixels``, ``noise``, ``evaluate``
        or ``draw``.
    numbers
        The epoch and the batch, where the use has them.
    """
    return np.random.default_rng([check_count(seed, "seed", 0), _USES.index(use), *numbers])
