"""From lists of choices to the trainings of a grid."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any
from urllib.parse import quote

import numpy as np

from scratchvae.errors import InputError, shown
from scratchvae.runs.choices import sort_choices
from scratchvae.sweeps.training import Training


def make_grid(
    recipe: str, choices: Mapping[str, Any], seeds: Iterable[int], data: str
) -> list[tuple[Training, dict[str, Any]]]:
    """Return every training of a grid, each with the values that it has of what varies.

    Parameters
    ----------
    recipe
        What is trained.
    choices
        ``latent_dim``, options of the recipe and settings, by name: a value, or a sequence of
        values to try. Each is tried with each of the others.
    seeds
        The seeds of each combination.
    data
        The data set.

    Raises
    ------
    InputError
        If there is no such recipe, option or setting, or a list is empty or has a value twice.
    """
    sort_choices(recipe, choices)  # which refuses unknown names
    lists = {name: _values(name, given) for name, given in choices.items()}
    varied = [name for name, values in lists.items() if len(values) > 1]
    grid = []
    for values in product(*lists.values()):
        chosen = dict(zip(lists, values, strict=True))
        for seed in seeds:
            shown_values = {name: chosen[name] for name in varied} | {"seed": seed}
            training = Training(
                name=",".join(f"{name}={_in_name(v)}" for name, v in shown_values.items()),
                recipe=recipe,
                **sort_choices(recipe, chosen),
                data=data,
                seed=seed,
            )
            grid.append((training, shown_values))
    return grid


def read_seeds(seeds: int | Sequence[int]) -> list[int]:
    """Return the seeds that are meant: 0, 1, … for a number of them, or the ones listed."""
    listed: Any = list(range(int(seeds))) if isinstance(seeds, (int, np.integer)) else seeds
    sound = isinstance(listed, Sequence) and all(
        isinstance(seed, (int, np.integer)) and not isinstance(seed, bool) and seed >= 0
        for seed in listed
    )
    if isinstance(seeds, bool) or not sound or not listed or len(set(listed)) < len(listed):
        raise InputError(
            f"seeds must be how many there are, at least 1, or a list of different ones, not "
            f"{shown(seeds)}"
        )
    return [int(seed) for seed in listed]


def _values(name: str, given: Any) -> list[Any]:
    """Return the values to try of one choice."""
    several = isinstance(given, (Sequence, np.ndarray)) and not isinstance(given, str)
    values = list(given) if several else [given]
    values = [value.item() if isinstance(value, np.generic) else value for value in values]
    if not values or len(set(map(repr, values))) < len(values):
        came = "twice the same" if values else "none"
        raise InputError(f"{name} must have one value or several different ones, and has {came}")
    return values


def _in_name(value: Any) -> str:
    """Return a value as the name of a folder has it, in characters that every system allows."""
    return quote(str(value), safe="+")
