"""A folder belongs to one process while a run is trained in it, and to nobody afterwards."""

import errno
import os
import threading
from contextlib import ExitStack

import pytest
from helpers import refused
from killed_runs import start, train
from small_runs import names_in, small_dataset

from scratchvae.errors import InputError
from scratchvae.runs import Run

DATA = small_dataset()


def begin(folder, **settings):
    settings = {"epochs": 1, "batch_size": 16, **settings}
    return Run.begin("pytorch-example", folder, data="mnist", latent_dim=2, settings=settings)


def finish(run):
    run.train(DATA, lambda line: None, progress=False)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_of_two_runs_that_take_one_folder_at_one_moment_one_gets_it(tmp_path):
    got, refusals, ready, done = [], [], threading.Barrier(2), threading.Barrier(2)

    def take(run):
        with ExitStack() as stack:
            ready.wait()
            try:
                stack.enter_context(run.held())
                got.append(run)
            except InputError as error:
                refusals.append(str(error))
            done.wait()

    for place in range(20):
        folder = tmp_path / str(place)
        threads = [threading.Thread(target=take, args=(begin(folder),)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(got), len(refusals)) == (place + 1, place + 1)
        assert "another process is training the run in" in refusals[-1]
        assert not list(tmp_path.rglob("*.*"))  # nothing was written, and the lock is gone


def test_runs_without_a_folder_get_one_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    runs = [Run.begin("zhao-mlp", data="mnist") for _ in range(3)]
    assert {run.folder.name for run in runs} == {"zhao-mlp"}
    with runs[0].held(), runs[1].held(), runs[2].held():
        names = {run.folder.name for run in runs}
    assert names == {"zhao-mlp", "zhao-mlp-2", "zhao-mlp-3"}
    assert names_in(tmp_path) == set()


def test_a_run_that_another_process_trains_can_be_looked_at_and_not_trained(tmp_path):
    folder, epochs = tmp_path / "run", 500
    process = start(folder, epochs)
    try:
        while not (folder / "checkpoint.npz").exists():
            assert process.poll() is None
        run = Run.open(folder)
        assert run.evaluate(DATA)["loss"] > 0
        with refused("another process is training the run in", "wait for its end"):
            finish(run)
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    left = names_in(folder)
    assert ".lock" in left
    train(folder, Run.open(folder).trainer.epoch + 1)  # the lock has ended with its process
    assert names_in(folder) == {"config.json", "metrics.csv", "checkpoint.npz"}


def test_a_file_system_without_locks_is_no_obstacle_and_is_named(tmp_path, monkeypatch, capsys):
    fcntl = pytest.importorskip("fcntl")

    def without(file, operation):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", without)
    finish(begin(tmp_path / "run"))
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{str(tmp_path / 'run')!r} has no locks" in line
    assert names_in(tmp_path / "run") == {"config.json", "metrics.csv", "checkpoint.npz"}


def test_a_run_that_was_trained_further_elsewhere_is_not_wound_back(tmp_path):
    finish(begin(tmp_path / "run"))
    first, second = (Run.open(tmp_path / "run") for _ in range(2))
    first.extend(3)
    finish(first)
    before = contents(tmp_path / "run")
    second.extend(2)
    with refused("was trained further since it was opened", "open it again"):
        finish(second)
    assert contents(tmp_path / "run") == before
    first.extend(4)  # its own checkpoint is no surprise to a run
    finish(first)


@pytest.mark.parametrize("name", ["samples.png", "loss.png"])
def test_a_file_that_is_not_a_runs_is_not_written_over(tmp_path, name):
    (tmp_path / name).write_text("my own")
    with refused(repr(str(tmp_path / name)), "move it away", "another `folder`"):
        begin(tmp_path)
    late = begin(tmp_path / "late")
    (tmp_path / "late").mkdir()
    (tmp_path / "late" / name).write_text("my own")
    with refused("may be written over"):
        finish(late)
    assert contents(tmp_path / "late") == {name: b"my own"}


def test_a_picture_that_a_run_does_not_draw_may_be_there(tmp_path):
    (tmp_path / "cat.png").write_text("my own")
    finish(begin(tmp_path))
    assert (tmp_path / "cat.png").read_text() == "my own"


def test_training_that_could_not_be_saved_is_refused_before_its_first_step(tmp_path, monkeypatch):
    def full(file):
        raise OSError(28, "No space left on device")

    finish(begin(tmp_path / "old"))
    before = contents(tmp_path / "old")
    monkeypatch.setattr(os, "fsync", full)
    new, old = begin(tmp_path / "new"), Run.open(tmp_path / "old")
    old.extend(2)
    for run, steps in ((new, 0), (old, 4)):
        with refused("cannot write", "checkpoint.npz", "No space left"):
            finish(run)
        assert run.trainer.optimiser.steps == steps
    assert names_in(tmp_path) == {"old"}
    assert contents(tmp_path / "old") == before


def test_a_complete_run_needs_no_room_for_a_checkpoint(tmp_path, monkeypatch):
    finish(begin(tmp_path / "run"))
    sizes = []
    monkeypatch.setattr(
        "scratchvae.runs.kept_run.check_space", lambda folder, size: sizes.append(size)
    )
    run = Run.open(tmp_path / "run")
    finish(run)
    assert sizes == []
    run.extend(2)
    finish(run)
    (size,) = sizes
    assert 0 <= size - (tmp_path / "run" / "checkpoint.npz").stat().st_size < 20_000


def test_what_a_killed_process_left_unfinished_is_removed(tmp_path):
    finish(begin(tmp_path / "run"))
    whole = names_in(tmp_path / "run")
    for name in ("checkpoint.npz", "metrics.csv", "config.json", "samples.png"):
        (tmp_path / "run" / f".{name}.0123abcd").write_text("half of i")
    run = Run.open(tmp_path / "run")
    run.extend(2)
    finish(run)
    assert names_in(tmp_path / "run") == whole
