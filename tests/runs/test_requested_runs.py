"""Which run is begun or resumed: the one that was requested, in a folder that is free."""

import os

import pytest
from helpers import refused
from small_runs import names_in
from trained_runs import begin, finish, stop_before_anything_is_saved

from scratchvae.json_files import read_json
from scratchvae.runs import Run
from scratchvae.runs.folders import check_unused

pytestmark = pytest.mark.usefixtures("ctrl_c")


def test_begin_refuses_a_folder_with_a_run_in_it(finished, tmp_path):
    with refused("already a run", str(finished), "`Run.resume`", "another `folder`"):
        begin(finished)
    orphan = tmp_path / "orphan"
    orphan.mkdir()
    (orphan / "metrics.csv").write_text("")
    with refused("lost its config.json", "another `folder`"):
        begin(orphan)


def test_of_two_runs_begun_in_one_folder_the_second_to_train_is_refused(finished, tmp_path):
    first, second = begin(tmp_path / "run"), begin(tmp_path / "run", seed=1)
    assert names_in(tmp_path) == set()  # nothing is written before a run is trained
    finish(first)
    with refused("already a run"):
        finish(second)
    again = (tmp_path / "run" / "checkpoint.npz").read_bytes()
    assert again == (finished / "checkpoint.npz").read_bytes()


def test_begin_takes_the_name_of_auto_data_from_what_it_is_trained_on(tmp_path):
    run = Run.begin("pytorch-example", tmp_path / "run", settings={"epochs": 1})
    assert run.config["data"] == "auto"
    finish(run)
    assert read_json(tmp_path / "run" / "config.json")["data"] == "mnist"


def test_train_refuses_another_data_set(tmp_path):
    run = Run.begin("pytorch-example", tmp_path / "run", data="fashion-mnist")
    with refused("has data 'fashion-mnist', not 'mnist'"):
        finish(run)
    assert names_in(tmp_path) == set()


REQUESTED = {"recipe": "pytorch-example", "data": "mnist", "latent_dim": 2, "seed": 0}
OTHERS = [
    ({"recipe": "zhao-mlp"}, "recipe 'pytorch-example', not 'zhao-mlp'"),
    ({"data": "synthetic"}, "data 'mnist', not 'synthetic'"),
    ({"latent_dim": 3}, "latent_dim 2, not 3"),
    ({"seed": 1}, "seed 0, not 1"),
    ({"options": {"beta": 0.5}}, "beta 1.0, not 0.5"),
    ({"settings": {"batch_size": 8}}, "batch_size 16, not 8"),
]


@pytest.mark.parametrize(("change", "words"), OTHERS, ids=[words for _, words in OTHERS])
def test_resume_and_begin_or_resume_refuse_another_run_in_the_same_words(finished, change, words):
    with refused(f"the run in {str(finished)!r} has {words}", "another `folder`", "remove"):
        Run.resume(finished, **change)
    choices = REQUESTED | {"settings": {"batch_size": 16, "epochs": 3}} | change
    with refused(f"the run in {str(finished)!r} has {words}", "another `folder`", "remove"):
        Run.begin_or_resume(choices.pop("recipe"), finished, **choices)


def test_resume_asks_only_after_what_is_requested_and_extends(finished):
    assert Run.resume(finished).complete
    options, settings = {"beta": 1.0, "samples": None}, {"batch_size": 16, "epochs": 5}
    run = Run.resume(finished, **REQUESTED, options=options, settings=settings)
    assert (run.trainer.epoch, run.trainer.settings.epochs) == (3, 5)
    assert Run.resume(finished, data="auto", seed=None).complete
    with refused("already trained 3 epochs", "more than the 2 requested"):
        Run.resume(finished, settings={"epochs": 2})


def test_begin_or_resume_gives_the_run_that_begin_gives(finished, tmp_path, monkeypatch):
    choices = dict(REQUESTED)
    recipe = choices.pop("recipe")
    for epochs in (1, 3):
        settings = {"epochs": epochs, "batch_size": 16}
        finish(Run.begin_or_resume(recipe, tmp_path / "run", **choices, settings=settings))
    expected = (finished / "checkpoint.npz").read_bytes()
    assert (tmp_path / "run" / "checkpoint.npz").read_bytes() == expected
    # Of a run that was not trained yet the settings are those requested now.
    stop_before_anything_is_saved(monkeypatch, tmp_path / "other")
    settings = {"epochs": 1, "batch_size": 32}
    finish(Run.begin_or_resume(recipe, tmp_path / "other", **choices, settings=settings))
    assert read_json(tmp_path / "other" / "config.json")["settings"]["batch_size"] == 32


def test_begin_or_resume_does_not_stretch_a_cosine_schedule(tmp_path):
    def run(epochs):
        settings = {"epochs": epochs, "batch_size": 16, "schedule": "cosine"}
        return Run.begin_or_resume(
            "pytorch-example", tmp_path / "run", data="mnist", latent_dim=2, settings=settings
        )

    finish(run(1))
    assert run(1).complete
    with refused("cosine schedule that ends with epoch 1, not 2"):
        run(2)


def test_check_unused_refuses_files_and_read_only_folders(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with refused("is a file", "another `folder`"):
            check_unused(folder)
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    with refused("'", "is a link to something that does not exist", "another `folder`"):
        check_unused(tmp_path / "dangling" / "new")
    for missing, words in ((os.W_OK, "is read-only"), (os.X_OK, "may not be entered")):
        monkeypatch.setattr("os.access", lambda path, mode, missing=missing: mode != missing)
        with refused(words, "another `folder`"):
            check_unused(tmp_path / "new")


def test_begin_without_a_folder_counts_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("zhao-mlp", "zhao-mlp-2", "zhao-mlp-3"):
        folder = Run.begin("zhao-mlp").folder
        assert folder.as_posix() == f"runs/{name}"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text("")
