"""From lists of choices to trainings."""

import numpy as np
import pytest

from scratchvae.errors import InputError
from scratchvae.sweeps.grid import make_grid, read_seeds


def names(choices, seeds=(0,)):
    return [training.name for training, _ in make_grid("zhao-mlp", choices, seeds, "mnist")]


def test_each_value_meets_each_other_with_every_seed():
    assert names({"latent_dim": [1, 2], "beta": [1.0, 4.0], "epochs": 3}, (0, 7)) == [
        f"latent_dim={latents},beta={beta},seed={seed}"
        for latents in (1, 2)
        for beta in (1.0, 4.0)
        for seed in (0, 7)
    ]


def test_each_choice_goes_where_it_belongs():
    ((training, values),) = make_grid(
        "zhao-mlp", {"latent_dim": 3, "hidden": 5, "batch_size": np.int64(16)}, [4], "synthetic"
    )
    assert (training.recipe, training.latent_dim, training.seed) == ("zhao-mlp", 3, 4)
    assert (training.options, training.settings) == ({"hidden": 5}, {"batch_size": 16})
    assert type(training.settings["batch_size"]) is int
    assert training.data == "synthetic"
    assert values == {"seed": 4}


def test_a_name_has_only_characters_that_every_system_allows():
    (first, _) = names({"schedule": ["con/st:ant", "cosine"]})
    assert first == "schedule=con%2Fst%3Aant,seed=0"


@pytest.mark.parametrize(
    ("choices", "problem"),
    [
        ({"hiden": 3}, "did you mean 'hidden'"),
        ({"beta": []}, "has none"),
        ({"beta": [1, 2, 1]}, "twice the same"),
    ],
)
def test_what_makes_no_grid_is_refused(choices, problem):
    with pytest.raises(InputError, match=problem):
        names(choices)


def test_seeds_are_a_number_of_them_or_a_list():
    assert read_seeds(3) == [0, 1, 2]
    assert read_seeds([5, np.int64(2)]) == [5, 2]


@pytest.mark.parametrize("seeds", [0, True, -1, [], [1, 1], [-1], [1.5], "3", None])
def test_other_seeds_are_refused(seeds):
    with pytest.raises(InputError, match="seeds must be"):
        read_seeds(seeds)
