"""Checkpoints come back to the bit, and damaged or foreign ones are refused."""

import io
import json
import math
import os
import zipfile
from contextlib import nullcontext

import numpy as np
import pytest
from helpers import PIXELS, pixels, refused, small_parts, small_vae
from small_runs import names_in

from scratchvae.errors import InputError
from scratchvae.layers import BatchNorm, Sequential
from scratchvae.models import Autoencoder
from scratchvae.probability import GaussianLikelihood
from scratchvae.training import Trainer, load_checkpoint, save_checkpoint
from scratchvae.training import checkpoint as checkpoint_module
from scratchvae.training.protocol import LossMean

CONFIG = {"recipe": "small", "latent_dim": 2, "beta": 1.0}


def trained(steps=3, seed=0, **changes):
    """Return a trainer after a few steps, in the middle of its second epoch."""
    trainer = Trainer(small_vae(seed=seed), seed=seed, **changes)
    for step in range(steps):
        trainer.running.add(trainer.step(pixels(4, 3, 5, 1, seed=step)), 4)
    trainer.epoch, trainer.batch, trainer.running_seconds = 1, steps, 0.25 * steps
    return trainer


def contents(trainer):
    """Return all numbers that a checkpoint is to bring back."""
    arrays = {name: p.value.copy() for name, p in trainer.model.parameters.items()}
    arrays |= {name: value.copy() for name, value in trainer.optimiser.state.items()}
    progress = (trainer.epoch, trainer.batch, trainer.optimiser.steps)
    running = (trainer.running.images, *trainer.running.sums, trainer.running_seconds)
    return arrays, (*progress, *running)


def same(first, second):
    arrays, others = first[0], second[0]
    return first[1] == second[1] and all((arrays[name] == others[name]).all() for name in arrays)


def rewritten(path, **changes):
    """Write the checkpoint again with some of its arrays changed, or left out (None)."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "checkpoint.npz"
    save_checkpoint(path, trained(), CONFIG)
    return path


@pytest.mark.parametrize("changes", [{}, {"optimiser": "sgd", "momentum": 0.9}])
def test_restore_brings_back_every_bit(tmp_path, changes):
    saved = trained(**changes)
    save_checkpoint(tmp_path / "checkpoint.npz", saved, CONFIG)
    loaded = trained(steps=0, seed=1, **changes)
    checkpoint = load_checkpoint(tmp_path / "checkpoint.npz")
    assert checkpoint.config == CONFIG
    checkpoint.restore(loaded)
    assert same(contents(saved), contents(loaded))
    assert names_in(tmp_path) == {"checkpoint.npz"}


def test_restore_brings_back_running_statistics(tmp_path):
    def trainer(shift):
        encoder, decoder = small_parts(outputs=1)
        norm = BatchNorm(2, dtype=np.float64)
        encoder = Sequential(*encoder.layers, norm)
        model = Autoencoder(
            encoder, decoder, GaussianLikelihood(1.0), image_shape=(3, 5, 1), latent_dim=2
        )
        norm.buffers["running_mean"] += shift
        return Trainer(model)

    save_checkpoint(tmp_path / "checkpoint.npz", trainer(3.0), CONFIG)
    loaded = trainer(0.0)
    load_checkpoint(tmp_path / "checkpoint.npz").restore(loaded)
    (name,) = (name for name in loaded.model.buffers if name.endswith("running_mean"))
    np.testing.assert_array_equal(loaded.model.buffers[name], [3, 3])


def test_save_checkpoint_of_the_same_state_gives_the_same_bytes(tmp_path, path):
    again = tmp_path / "again.npz"
    save_checkpoint(again, trained(), CONFIG)
    assert path.read_bytes() == again.read_bytes()
    save_checkpoint(again, trained(steps=4), CONFIG)
    assert path.read_bytes() != again.read_bytes()


def test_a_checkpoint_holds_no_pickled_objects(path):
    with np.load(path, allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_load_checkpoint_refuses_a_missing_or_unreadable_file(tmp_path):
    with refused("there is no checkpoint", "train first"):
        load_checkpoint(tmp_path / "checkpoint.npz")
    with refused("cannot read", "Is a directory"):
        load_checkpoint(tmp_path)


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def npy():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    return file.getvalue()


def zipped():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("format.npy", "not an array")
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, I am text\n",
        b"PK\x03\x04",
        npy(),
        zipped(),
        npz(weights=np.zeros(3)),
        npz(format=np.array(1), config=np.array({"recipe": "small"}), progress=np.array("{}")),
    ],
    ids=["empty", "text", "zip magic", "npy", "other zip", "other npz", "pickled objects"],
)
def test_load_checkpoint_refuses_foreign_files(path, content):
    path.write_bytes(content)
    with refused("checkpoint.npz", "damaged or foreign", "train again"):
        load_checkpoint(path)


def test_load_checkpoint_does_not_run_a_pickled_object(path, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    rewritten(path, progress=np.array(Trap(), dtype=object))
    with refused("damaged or foreign"):
        load_checkpoint(path)
    assert not (tmp_path / "sprung").exists()


def test_load_checkpoint_refuses_every_truncation(path):
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        with refused("damaged or foreign"):
            load_checkpoint(path)


def test_damage_anywhere_in_a_checkpoint_is_refused_or_harmless(path):
    whole = path.read_bytes()
    reference = contents(trained())
    rng = np.random.default_rng(0)
    refusals = 0
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        trainer = trained(0)
        try:
            load_checkpoint(path).restore(trainer)
        except InputError:
            refusals += 1
        else:
            assert same(reference, contents(trainer))
    assert refusals > 150


WEIGHT = "parameter/encoder.1.weight"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({WEIGHT: None}, ["not nothing: it is damaged or of another model or version"]),
        ({WEIGHT: np.zeros((PIXELS, 4))}, [f"shape ({PIXELS}, 3)", f"shape ({PIXELS}, 4)"]),
        ({WEIGHT: np.zeros((PIXELS, 3), np.float32)}, ["float64", "not float32"]),
        ({WEIGHT: np.full((PIXELS, 3), np.nan)}, ["(15, 3), not NaN or infinity: it is damaged"]),
        ({"optimiser/first/encoder.1.weight": np.full((PIXELS, 3), np.inf)}, ["infinity"]),
    ],
)
def test_restore_refuses_arrays_that_do_not_fit_and_changes_nothing(path, changes, words):
    rewritten(path, **changes)
    trainer = trained(seed=5)
    before = contents(trainer)
    checkpoint = load_checkpoint(path)
    with refused("encoder.1.weight", *words):
        checkpoint.restore(trainer)
    assert same(before, contents(trainer))


PROGRESS = {
    "epoch": 1,
    "batch": 2,
    "steps": 5,
    "running_images": 8,
    "running_sums": [1.0, 2.0, 3.0],
}


@pytest.mark.parametrize(
    "changes",
    [
        {"format": np.array(0)},
        {"format": np.array(math.inf)},
        {"format": np.array("one")},
        {"config": np.array("[1, 2]")},
        {"config": np.array("{")},
        {"progress": np.array("{}")},
        {"progress": np.array(json.dumps(PROGRESS | {"epoch": "1"}))},
        {"progress": np.array(json.dumps(PROGRESS | {"batch": -1}))},
        {"progress": np.array(json.dumps(PROGRESS | {"running_sums": [1.0, 2.0]}))},
        {"progress": np.array(json.dumps(PROGRESS | {"running_sums": None}))},
        {"progress": np.array(json.dumps(PROGRESS | {"running_seconds": -1.0}))},
        {"progress": np.array(json.dumps(PROGRESS | {"running_seconds": math.nan}))},
        {"progress": np.array(json.dumps(PROGRESS | {"running_seconds": "long"}))},
        {"progress": np.array("[1, 2]")},
    ],
)
def test_load_checkpoint_refuses_damaged_texts(path, changes):
    rewritten(path, **changes)
    with refused("damaged or foreign"):
        load_checkpoint(path)


def test_a_checkpoint_from_before_the_seconds_were_kept_is_read(path):
    rewritten(path, progress=np.array(json.dumps(PROGRESS)))
    trainer = trained(steps=1)
    load_checkpoint(path).restore(trainer)
    assert (trainer.epoch, trainer.batch, trainer.optimiser.steps) == (1, 2, 5)
    assert trainer.running == LossMean(8, (1.0, 2.0, 3.0))
    assert trainer.running_seconds == 0


def test_a_checkpoint_that_was_put_together_by_hand_may_have_epochs_without_steps(path):
    for steps, refusal in ((0, False), (1, True), (2, False)):
        changes = {"epoch": 2, "batch": 0, "steps": steps}
        rewritten(path, progress=np.array(json.dumps(PROGRESS | changes)))
        with refused("progress is none that training has") if refusal else nullcontext():
            assert load_checkpoint(path).progress["epoch"] == 2


def test_a_damaged_file_of_which_nothing_is_said_is_refused_with_the_kind_of_its_error(
    path, monkeypatch
):
    def spent(file):
        raise MemoryError

    monkeypatch.setattr(checkpoint_module, "read_archive", spent)
    with refused(
        f"{str(path)!r} is no checkpoint of this version of scratchvae (MemoryError): it is "
        "damaged or foreign: restore it from a copy, or train again in another `folder`"
    ):
        load_checkpoint(path)


def test_a_checkpoint_may_take_four_megabytes_more_than_its_arrays():
    arrays = {"a": np.zeros(10), "b": np.zeros((3, 4), np.float32)}
    assert checkpoint_module._most_bytes(arrays) == 4 * 2**20 + (1024 + 80) + (1024 + 48)


def test_save_checkpoint_that_fails_keeps_the_old_one(path, monkeypatch):
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with refused("cannot write", "No space left"):
        save_checkpoint(path, trained(steps=9), CONFIG)
    assert path.read_bytes() == before
    assert names_in(path.parent) == {"checkpoint.npz"}
