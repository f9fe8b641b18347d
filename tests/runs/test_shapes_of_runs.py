"""Runs on images of other shapes than MNIST's: they take the shape from the data."""

import json

import numpy as np
import pytest
from helpers import assert_same, refused

from scratchvae.data import Dataset
from scratchvae.json_files import read_json
from scratchvae.runs import Run


def dataset(shape, classes=3, name="mine", count=24):
    images = np.random.default_rng(0).integers(0, 256, (count + 8, *shape), dtype=np.uint8)
    labels = np.arange(count + 8) % classes
    return Dataset(name, images[:count], labels[:count], images[count:], labels[count:], "made")


def trained(folder, recipe, data, **choices):
    run = Run.begin(recipe, folder, data=data, settings={"epochs": 1, "batch_size": 8}, **choices)
    run.train(data, report=lambda line: None, progress=False)
    return run


@pytest.mark.parametrize("shape", [(32, 32, 3), (9, 14, 1), (30,)], ids=str)
def test_a_run_takes_the_shape_from_its_data_and_opens_again(tmp_path, shape):
    data = dataset(shape)
    run = trained(tmp_path / "run", "zhao-mlp", data)
    assert read_json(tmp_path / "run" / "config.json")["image_shape"] == list(shape)
    again = Run.open(tmp_path / "run")
    assert again.model.image_shape == shape
    assert_same(again.model.state(), run.model.state())
    assert np.isfinite(again.evaluate(data)["loss"])
    assert run.load_data() is data


def test_a_conditional_model_takes_the_classes_from_its_data(tmp_path):
    data = dataset((6, 5, 1), classes=13)
    run = trained(tmp_path / "run", "conditional-vae", data)
    assert run.model.classes == 13
    assert Run.open(tmp_path / "run").model.classes == 13


def test_a_configuration_of_the_usual_shape_has_no_word_of_it(tmp_path):
    trained(tmp_path / "run", "zhao-mlp", dataset((28, 28, 1)))
    config = read_json(tmp_path / "run" / "config.json")
    assert "image_shape" not in config
    small = trained(tmp_path / "small", "diffusion", dataset((28, 28, 1)))
    assert small.model.image_shape == (8, 8, 1)


def test_a_run_whose_configuration_knows_no_classes_opens(tmp_path):
    trained(tmp_path / "run", "conditional-vae", dataset((28, 28, 1), classes=10))
    path = tmp_path / "run" / "config.json"
    config = read_json(path)
    del config["options"]["classes"]
    path.write_text(json.dumps(config))
    (tmp_path / "run" / "checkpoint.npz").unlink()
    assert Run.open(tmp_path / "run", need_checkpoint=False).model.classes == 10


def test_a_run_of_another_shape_is_not_continued(tmp_path):
    data = dataset((6, 5, 1))
    trained(tmp_path / "run", "zhao-mlp", data)
    choices = {"settings": {"epochs": 1, "batch_size": 8}}
    assert Run.begin_or_resume("zhao-mlp", tmp_path / "run", data=data, **choices).complete
    with refused("has image_shape [6, 5, 1], not [5, 6, 1]"):
        Run.begin_or_resume(
            "zhao-mlp", tmp_path / "run", data="mine", image_shape=(5, 6, 1), **choices
        )
    with refused("trained on 24 + 8 images", "and these are others"):
        Run.resume(tmp_path / "run", data=dataset((5, 6, 1), classes=2))


def test_damaged_shapes_are_refused_in_one_line(tmp_path):
    trained(tmp_path / "run", "zhao-mlp", dataset((6, 5, 1)))
    path = tmp_path / "run" / "config.json"
    for shape in ([6, 0, 1], "6x5", [6, 6, 1]):
        path.write_text(json.dumps(read_json(path) | {"image_shape": shape}))
        with refused("config.json" if shape != [6, 6, 1] else "checkpoint.npz"):
            Run.open(tmp_path / "run")
