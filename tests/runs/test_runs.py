"""A run: begun, interrupted, resumed to the same bytes, extended, failed."""

import os

import numpy as np
import pytest
from helpers import refused
from small_runs import interrupt_in_step, names_in
from trained_runs import begin, finish, stop_before_anything_is_saved, table

from scratchvae.json_files import read_json, write_json
from scratchvae.runs import Run
from scratchvae.training import Interrupted

pytestmark = pytest.mark.usefixtures("ctrl_c")


STEPS = 4  # an epoch


def test_train_leaves_config_metrics_and_checkpoint(finished):
    assert names_in(finished) == {"config.json", "metrics.csv", "checkpoint.npz"}
    config = read_json(finished / "config.json")
    assert config["recipe"] == "pytorch-example"
    assert config["data"] == "mnist"
    assert (config["latent_dim"], config["seed"]) == (2, 0)
    assert config["settings"]["epochs"] == 3
    assert config["settings"]["batch_size"] == 16
    assert [row[0] for row in table(finished)] == [1, 2, 3]


def test_metrics_have_a_loss_that_is_the_sum_of_its_terms(finished):
    for _, *losses in table(finished):
        for loss, reconstruction, kl in (losses[:3], losses[3:]):
            assert loss == pytest.approx(reconstruction + kl, abs=2e-4)


def test_train_with_the_same_seed_gives_the_same_bytes(finished, tmp_path):
    finish(begin(tmp_path / "again"))
    finish(begin(tmp_path / "other", seed=1))
    bytes_of = [
        (folder / "checkpoint.npz").read_bytes()
        for folder in (finished, tmp_path / "again", tmp_path / "other")
    ]
    assert bytes_of[0] == bytes_of[1] != bytes_of[2]
    assert table(finished) == table(tmp_path / "again")


@pytest.mark.parametrize("step", [1, 6, 8, 12])
def test_a_resumed_run_gives_the_same_bytes(finished, tmp_path, monkeypatch, step):
    folder = tmp_path / "interrupted"
    interrupt_in_step(monkeypatch, step)
    with pytest.raises(Interrupted):
        finish(begin(folder))
    monkeypatch.undo()
    assert [row[0] for row in table(folder)] == list(range(1, step // STEPS + 1))
    finish(Run.open(folder))
    assert (folder / "checkpoint.npz").read_bytes() == (finished / "checkpoint.npz").read_bytes()
    assert table(folder) == table(finished)
    assert names_in(folder) == {"config.json", "metrics.csv", "checkpoint.npz"}


@pytest.mark.parametrize("recipe", ["kingma-welling", "linear-autoencoder"])
def test_binarised_pixels_and_schedules_resume_to_the_same_bytes(tmp_path, monkeypatch, recipe):
    finish(begin(tmp_path / "through", recipe))
    interrupt_in_step(monkeypatch, 6)
    with pytest.raises(Interrupted):
        finish(begin(tmp_path / "resumed", recipe))
    monkeypatch.undo()
    finish(Run.open(tmp_path / "resumed"))
    first, second = (
        (tmp_path / name / "checkpoint.npz").read_bytes() for name in ("through", "resumed")
    )
    assert first == second


def test_an_extended_run_gives_the_same_bytes(finished, tmp_path):
    folder = tmp_path / "extended"
    finish(begin(folder, epochs=1))
    run = Run.open(folder)
    assert run.complete
    run.extend(3)
    assert not run.complete
    finish(run)
    assert (folder / "checkpoint.npz").read_bytes() == (finished / "checkpoint.npz").read_bytes()
    assert (folder / "config.json").read_bytes() == (finished / "config.json").read_bytes()
    assert table(folder) == table(finished)


def test_extend_does_not_shorten_a_run(finished):
    run = Run.open(finished)
    with refused("already trained 3 epochs, more than the 2 requested", "give 3 or more"):
        run.extend(2)
    run.extend(3)
    assert run.complete


def test_a_second_ctrl_c_keeps_the_last_checkpoint(finished, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    interrupt_in_step(monkeypatch, 6, times=2)
    with pytest.raises(KeyboardInterrupt) as stop:
        finish(begin(folder))
    assert not isinstance(stop.value, Interrupted)
    monkeypatch.undo()
    run = Run.open(folder)
    assert (run.trainer.epoch, run.trainer.batch) == (1, 0)
    finish(run)
    assert (folder / "checkpoint.npz").read_bytes() == (finished / "checkpoint.npz").read_bytes()


def test_a_run_without_a_checkpoint_begins_at_the_beginning(finished, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    stop_before_anything_is_saved(monkeypatch, folder)
    with refused("there is no checkpoint"):
        Run.open(folder)
    run = Run.open(folder, need_checkpoint=False)
    finish(run)
    assert (folder / "checkpoint.npz").read_bytes() == (finished / "checkpoint.npz").read_bytes()


def test_train_that_fails_in_the_first_epoch_leaves_nothing(tmp_path):
    (tmp_path / "there").mkdir()
    for folder, left in ((tmp_path / "new" / "er", False), (tmp_path / "there", True)):
        with refused("the loss became"):
            finish(begin(folder, learning_rate=1e30))
        assert folder.exists() == left
    assert names_in(tmp_path) == {"there"}
    assert names_in(tmp_path / "there") == set()


def test_train_that_fails_later_leaves_what_was_saved(copied, monkeypatch):
    before = (copied / "checkpoint.npz").read_bytes()
    run = Run.open(copied)
    run.extend(5)

    replace = os.replace

    def full(source, target):
        if target.name == "checkpoint.npz":
            raise OSError(28, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with refused("checkpoint.npz", "No space left"):
        finish(run)
    monkeypatch.undo()
    assert names_in(copied) == {"config.json", "metrics.csv", "checkpoint.npz"}
    assert (copied / "checkpoint.npz").read_bytes() == before
    again = Run.open(copied)
    assert [row.epoch for row in again.history] == [1, 2, 3]
    finish(again)
    assert [row[0] for row in table(copied)] == [1, 2, 3, 4, 5]


def test_a_run_that_diverges_keeps_the_checkpoint_of_its_last_finite_epoch(copied, monkeypatch):
    before = (copied / "checkpoint.npz").read_bytes()
    run = Run.open(copied)
    run.extend(5)
    run.trainer.settings = run.trainer.settings.changed(learning_rate=1e30)
    # It would refuse that rate.
    monkeypatch.setattr("scratchvae.runs.kept_run.check_settings", lambda *arguments: None)
    with refused("the loss became", "in step 14, first in", "learning rate below 1e+30"):
        finish(run)
    assert (copied / "checkpoint.npz").read_bytes() == before
    again = Run.open(copied)
    assert again.trainer.epoch == 3
    assert all(np.isfinite(array).all() for array in again.model.state().values())


def test_train_that_fails_after_open_leaves_the_run(copied):
    (copied / "checkpoint.npz").unlink()
    config = read_json(copied / "config.json")
    config["settings"]["learning_rate"] = 1e30
    write_json(copied / "config.json", config)
    with refused("the loss became"):
        finish(Run.open(copied, need_checkpoint=False))
    assert (copied / "config.json").exists()
