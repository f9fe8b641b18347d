"""Which of a run's choices a name is."""

import pytest
from helpers import refused

from scratchvae.runs.choices import sort_choices


def test_each_name_goes_where_it_belongs():
    choices = {"latent_dim": 3, "hidden": 5, "epochs": 2, "beta": 4.0}
    assert sort_choices("zhao-mlp", choices) == {
        "latent_dim": 3,
        "options": {"hidden": 5, "beta": 4.0},
        "settings": {"epochs": 2},
    }


def test_a_name_of_both_is_the_setting_unless_the_option_is_meant():
    for name, kind in (("free_bits", "settings"), ("options.free_bits", "options")):
        sorted_choices = sort_choices("hierarchical-vae", {name: 0.5})
        assert sorted_choices[kind] == {"free_bits": 0.5}


@pytest.mark.parametrize("name", ["hiden", "options.hiden", "codes", "recipe"])
def test_a_name_that_the_recipe_lacks_is_refused(name):
    with refused("zhao-mlp has no option", repr(name)):
        sort_choices("zhao-mlp", {name: 1})
