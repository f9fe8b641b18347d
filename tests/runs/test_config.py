"""config.json: what is written can be read again, and what describes no run is refused."""

import json
import os

import numpy as np
import pytest
from helpers import refused
from small_runs import names_in

from scratchvae.json_files import read_json, write_json
from scratchvae.layers import Dense, Flatten, Sequential
from scratchvae.models import build
from scratchvae.runs.config import check_same, complete_config, read_config, write_config


def completed(**choices):
    return complete_config("pytorch-example", data="mnist", latent_dim=2, **choices)


@pytest.fixture
def path(tmp_path):
    write_config(tmp_path / "config.json", *completed())
    return tmp_path / "config.json"


def test_a_configuration_comes_back_with_its_model(path):
    config, model = completed()
    for name in (path, str(path)):
        again, built = read_config(name)
        assert again == config
        assert built.settings == model.settings
        for array, other in zip(built.state().values(), model.state().values(), strict=True):
            np.testing.assert_array_equal(array, other)


def test_numpys_numbers_are_kept_as_numbers(tmp_path):
    options, settings = (
        {"beta": np.float32(0.5)},
        {"epochs": np.int64(2), "momentum": np.float64(0)},
    )
    config, model = completed(seed=np.uint8(3), options=options, settings=settings)
    write_config(tmp_path / "config.json", config, model)
    again, _ = read_config(tmp_path / "config.json")
    assert (again["seed"], again["options"]["beta"], again["settings"]["epochs"]) == (3, 0.5, 2)
    check_same("the run", again, {"seed": np.int8(3), "settings": again["settings"]}, "")


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"options": {"dtype": "float64"}}, "no option 'dtype'"),
        ({"options": {"seed": 1}}, "no option 'seed'"),
        ({"options": {"latent_dim": 1}}, "no option 'latent_dim'"),
        ({"seed": 10**5000}, "not int (at '.seed')"),
    ],
)
def test_choices_that_would_not_come_back_are_refused_at_the_beginning(choices, words):
    with refused(words):
        completed(**choices)


@pytest.mark.parametrize("data", ["", 5, ["mnist"]])
def test_data_without_a_name_are_refused(data):
    with refused("the name of a data set"):
        complete_config("pytorch-example", data=data)


def other_dtype(model):
    return build("pytorch-example", latent_dim=2, dtype=np.float64)


def other_recipe(model):
    return build("zhao-mlp", latent_dim=2)


def other_encoder(model):
    model.encoder = Sequential(Flatten(), Dense(784, 4, rng=0))
    return model


@pytest.mark.parametrize("change", [other_dtype, other_recipe, other_encoder])
def test_a_model_that_its_recipe_does_not_build_is_refused(path, change):
    config, model = completed()
    before = path.read_bytes()
    with refused("a run keeps a model by its recipe", "'pytorch-example'", "`fit`"):
        write_config(path, config, change(model))
    assert path.read_bytes() == before
    assert names_in(path.parent) == {"config.json"}


@pytest.mark.parametrize(
    "change",
    [
        {"data": "auto"},
        {"data": None},
        {"options": {"beta": "high"}},
        {"settings": {"epochs": -1}},
        {"recipe": "none"},
    ],
)
def test_a_configuration_that_would_not_be_read_is_not_written(path, change):
    config, model = completed()
    before = path.read_bytes()
    with refused("could not be opened again"):
        write_config(path, config | change, model)
    assert path.read_bytes() == before


def test_data_of_ones_own_have_their_name(path):
    config, model = completed()
    write_config(path, config | {"data": "my drawings"}, model)
    assert read_config(path)[0]["data"] == "my drawings"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latent_dim": 10**9}, "would hold"),
        ({"latent_dim": 10**400}, "at most 2,147,483,647"),
        ({"seed": 1e400}, "seed"),
        ({"options": {"dtype": "float64"}}, "no option 'dtype'"),
        ({"options": [["beta", 1]]}, "is not the configuration"),
        ({"options": {"beta": "\n"}}, "beta"),
        ({"settings": {"epochs": [1]}}, "epochs"),
        ({"version": "9.9", "recipe": "new"}, "of version '9.9' of scratchvae"),
    ],
    ids=str,
)
def test_what_describes_no_run_is_refused_at_once(path, change, words):
    path.write_text(json.dumps(read_json(path) | change))
    with refused("config.json", "is not the configuration of a run", words):
        read_config(path)


def test_a_configuration_of_a_megabyte_is_not_read(path):
    write_json(path, read_json(path) | {"note": "x" * 2**20})
    with refused("cannot read", "1,048,576 are the most"):
        read_config(path)


def test_a_pipe_in_the_place_of_a_configuration_is_refused_at_once(path):
    path.unlink()
    os.mkfifo(path)
    with refused("cannot read", "not a regular file"):
        read_config(path)
