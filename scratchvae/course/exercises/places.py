"""Where a result is wrong: for some arguments, at one end of an axis, or at which entry first."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scratchvae.course.exercises.trials import Finding, Trial, agrees


def by_sign(trials: Sequence[Trial], tolerance: float) -> Finding | None:
    """Whether it is wrong only where some argument is negative, positive, or large."""
    for name, value in trials[0].arguments.items():
        if callable(value) or not all(
            np.shape(t.arguments[name]) == t.expected.shape and t.expected.size for t in trials
        ):
            continue
        entries = np.concatenate([np.ravel(t.arguments[name]).astype(float) for t in trials])
        wrong = np.concatenate([~agrees(t.given, t.expected, tolerance).ravel() for t in trials])
        if wrong.all():
            continue
        for sizes in (np.abs(entries), entries):
            least = sizes[wrong].min()
            if least > sizes[~wrong].max() > 0:
                sentence = f"it is wrong only where {name} is large ({least:.3g} or more)"
                return Finding("region", sentence)
        for region, what in ((entries < 0, "negative"), (entries > 0, "positive")):
            if (wrong <= region).all() and wrong[region].mean() > 0.5:
                return Finding("region", f"it is right except where {name} is {what}")
    return None


def by_place(trials: Sequence[Trial], tolerance: float) -> Finding | None:
    """Whether it is wrong, or right, only in the first or last place along an axis."""
    wrong = [~agrees(trial.given, trial.expected, tolerance) for trial in trials]
    for axis in range(wrong[0].ndim):
        if any(mask.shape[axis] < 2 for mask in wrong):
            continue
        for place, what in ((0, "first"), (-1, "last")):
            rest = [np.delete(mask, place, axis) for mask in wrong]
            there = [mask.take(place, axis) for mask in wrong]
            if not any(mask.any() for mask in rest):
                return Finding("place", f"it is wrong only in the {what} place along axis {axis}")
            if not any(mask.any() for mask in there) and all(mask.any() for mask in rest):
                return Finding("place", f"only the {what} place along axis {axis} is right")
    return None


def first_difference(trials: Sequence[Trial], tolerance: float) -> Finding:
    """Say what the first entry that differs is, and what it should be."""
    for trial in trials:
        wrong = ~agrees(trial.given, trial.expected, tolerance)
        if wrong.any():
            where = first_index(wrong)
            share = (
                "" if wrong.size == 1 else f"{int(wrong.sum())} of {wrong.size} entries differ: "
            )
            return Finding(
                "values",
                f"{share}yours is {trial.given[where]:.6g}{at_index(where)} where "
                f"{trial.expected[where]:.6g} is right",
            )
    return Finding("values", "it differs from the right one")


def first_index(mask: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return the index of the first entry that is true."""
    return tuple(int(i) for i in np.argwhere(mask)[0])


def at_index(where: tuple[int, ...]) -> str:
    """Return an index in words; nothing where the result is a single number."""
    return f" at [{', '.join(map(str, where))}]" if where else ""
