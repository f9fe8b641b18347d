"""What could not be loaded again is not saved: not as a checkpoint, and not over the last one."""

import numpy as np
import pytest
from helpers import refused, small_vae
from hostile_files import CONFIG, small_trainer

from scratchvae.training import Trainer, load_checkpoint, save_checkpoint


@pytest.fixture
def path(tmp_path):
    save_checkpoint(tmp_path / "checkpoint.npz", small_trainer(), CONFIG)
    return tmp_path / "checkpoint.npz"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"beta": float("nan")}, "not nan (at '.beta')"),
        ({"options": {"sizes": np.zeros(2)}}, "not ndarray (at '.options.sizes')"),
        ({1: 2}, "not {1: 2}"),
        (["recipe"], "a dictionary"),
        ({"note": "x" * 10**7}, "(its configuration is too long)"),
    ],
    ids=["NaN", "array", "a number for a key", "list", "long"],
)
def test_a_configuration_that_would_not_load_is_not_saved(path, config, words):
    before = path.read_bytes()
    with refused(words):
        save_checkpoint(path, small_trainer(), config)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["checkpoint.npz"]


def test_a_configuration_of_numpys_numbers_and_tuples_comes_back(path):
    config = {"beta": np.float32(0.5), "sizes": (np.int64(3), 4), "binary": np.bool_(True)}
    save_checkpoint(path, small_trainer(), config)
    assert load_checkpoint(path, small_trainer(), config).config == {
        "beta": 0.5,
        "sizes": [3, 4],
        "binary": True,
    }


def spoilt(trainer):
    trainer.model.parameters["encoder.2.scale"].value[1] = np.nan


def negative(trainer):
    trainer.model.buffers["encoder.2.running_variance"][0] = -1


def astray(trainer):
    trainer.batch = trainer.optimiser.steps + 1


def endless(trainer):
    trainer.running.sums = (0.0, np.inf, 0.0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (spoilt, "encoder.2.scale"),
        (negative, "numbers below 0"),
        (astray, "progress"),
        (endless, "inf"),
    ],
)
def test_a_state_that_would_not_load_is_not_saved_over_the_last(path, change, words):
    before, trainer = path.read_bytes(), small_trainer()
    change(trainer)
    with refused(words):
        save_checkpoint(path, trainer, CONFIG)
    assert path.read_bytes() == before


@pytest.mark.parametrize("wrong", [None, "trainer", small_vae()])
def test_only_trainers_are_saved(tmp_path, wrong):
    with refused("a checkpoint is of a Trainer, not"):
        save_checkpoint(tmp_path / "checkpoint.npz", wrong, CONFIG)


def test_arrays_in_another_order_of_memory_are_saved(tmp_path):
    trainer = Trainer(small_vae())
    weight = trainer.model.parameters["encoder.1.weight"]
    trainer.optimiser.state["first/encoder.1.weight"] = np.asfortranarray(weight.value + 1)
    save_checkpoint(str(tmp_path / "checkpoint.npz"), trainer, {})
    checkpoint = load_checkpoint(tmp_path / "checkpoint.npz")
    saved = checkpoint.arrays["optimiser/first/encoder.1.weight"]
    assert saved.shape == weight.value.shape
