"""A run: begun, interrupted, resumed to the same bytes, extended, evaluated, drawn."""

import json
import math
import os

import numpy as np
import pytest
from helpers import latents_of, refused
from small_runs import RUN_FILES, interrupt_in_step, names_in, small_dataset

from scratchvae.files import read_json, write_json
from scratchvae.models import RECIPES
from scratchvae.runs import PICTURES, Run
from scratchvae.runs.folders import check_unused
from scratchvae.training import Interrupted

pytestmark = pytest.mark.usefixtures("ctrl_c")

DATA = small_dataset()
COLUMNS = (
    "epoch,train_loss,train_reconstruction,train_kl,test_loss,test_reconstruction,test_kl,seconds"
)
STEPS = 4  # an epoch


def begin(folder, recipe="pytorch-example", epochs=3, seed=0, latent_dim=2, **changes):
    settings = {"epochs": epochs, "batch_size": 16, **changes}
    return Run.begin(
        recipe,
        folder,
        data="mnist",
        latent_dim=latents_of(recipe, latent_dim),
        seed=seed,
        settings=settings,
    )


def stop_before_anything_is_saved(monkeypatch, folder):
    """Begin a run and leave it with nothing but its configuration."""
    interrupt_in_step(monkeypatch, 1, times=2)
    with pytest.raises(KeyboardInterrupt):
        finish(begin(folder))
    monkeypatch.undo()
    assert names_in(folder) == {"config.json"}


def finish(run):
    lines = []
    run.train(DATA, lines.append, progress=False)
    return lines


def table(folder):
    """Return the rows of metrics.csv as numbers, without the seconds."""
    header, *rows = (folder / "metrics.csv").read_text().splitlines()
    assert header == COLUMNS
    return [[float(cell) for cell in row.split(",")[:-1]] for row in rows]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "finished"
    finish(begin(folder))
    return folder


@pytest.fixture
def copied(finished, tmp_path):
    """Return a copy of the finished run's folder, to be damaged."""
    folder = tmp_path / "copied"
    folder.mkdir()
    for path in finished.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


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


@pytest.mark.parametrize(
    "lost", [None, "", "epoch,train_loss\n1,2\n", COLUMNS + "\n1,2,x,4,5,6,7,8\n", "\0\n\xff"]
)
def test_open_begins_a_new_record_if_metrics_are_lost_or_damaged(copied, lost):
    if lost is None:
        (copied / "metrics.csv").unlink()
    else:
        (copied / "metrics.csv").write_text(lost, encoding="latin-1")
    run = Run.open(copied)
    run.extend(4)
    finish(run)
    assert [row[0] for row in table(copied)] == [4]


@pytest.mark.parametrize("damage", ["2,1,x,4,5,6,7,8", "2,1", '2,"1', "\xff\0", ""])
def test_open_leaves_out_only_the_damaged_row_of_metrics(copied, damage):
    path = copied / "metrics.csv"
    expected = table(copied)
    rows = path.read_text().splitlines()
    rows[2] = damage
    path.write_text("\n".join(rows) + "\n", encoding="latin-1")
    run = Run.open(copied)
    assert [row.epoch for row in run.history] == [1, 3]
    run.save()
    assert table(copied) == [expected[0], expected[2]]


def test_open_leaves_out_rows_that_the_checkpoint_has_not_reached(copied):
    path = copied / "metrics.csv"
    expected = table(copied)
    path.write_text(
        path.read_text() + "4,9,9,9,9,9,9,1.0\n3" + path.read_text()[-60:].split("\n3")[-1]
    )
    run = Run.open(copied)
    assert [row.epoch for row in run.history] == [1, 2, 3]
    run.save()
    assert table(copied) == expected


def test_evaluate_agrees_with_the_last_row_of_metrics(finished):
    figures = Run.open(finished).evaluate(DATA)
    for name, value in zip(("loss", "reconstruction", "kl"), table(finished)[-1][4:], strict=True):
        assert figures[name] == pytest.approx(value, abs=1e-4)
    assert figures["elbo"] == pytest.approx(-figures["loss"], rel=1e-5)  # β = 1, nothing left out
    assert Run.open(finished).evaluate(DATA) == figures


def test_evaluate_refuses_an_estimate_that_does_not_exist_before_measuring(tmp_path, monkeypatch):
    run = begin(tmp_path / "run", "hierarchical-vae")
    monkeypatch.setattr(type(run.model), "evaluate", None)
    with refused("HierarchicalVAE", "one layer of latents"):
        run.evaluate(DATA, importance_samples=5)


@pytest.mark.parametrize("recipe", [name for name in RECIPES if "fleuret" not in name])
def test_evaluate_gives_the_mean_of_the_bounds_from_one_pass(tmp_path, recipe):
    run = begin(tmp_path / "run", recipe)
    labels = DATA.test_labels if run.model.classes else None
    passes, chunks = [], run.model._forward_chunks
    run.model._forward_chunks = lambda *arguments: passes.append(1) or chunks(*arguments)
    figures = run.evaluate(DATA)
    assert passes == [1]
    if run.model.has_prior:
        bounds = run.model.elbo(DATA.test_images, labels=labels)
        assert figures["elbo"] == pytest.approx(bounds.mean(dtype=np.float64), rel=1e-6)
    else:
        assert "elbo" not in figures


def test_evaluate_of_an_autoencoder_has_no_bound(tmp_path):
    run = begin(tmp_path / "run", "autoencoder", epochs=1)
    finish(run)
    figures = run.evaluate(DATA)
    assert set(figures) == {"loss", "reconstruction", "kl"}
    assert figures["kl"] == 0


@pytest.mark.parametrize(("latent_dim", "more"), [(1, set()), (2, {"manifold.png"}), (5, set())])
def test_draw_all_draws_the_pictures_of_a_run(tmp_path, latent_dim, more):
    run = begin(tmp_path / "run", latent_dim=latent_dim, epochs=1)
    finish(run)
    drawn = {path.name for path in run.draw_all(DATA)}
    assert names_in(tmp_path / "run") == RUN_FILES | more
    assert drawn == {name for name in RUN_FILES | more if name.endswith(".png")}


def test_draw_refuses_unknown_pictures_and_missing_images(finished):
    run = Run.open(finished)
    with refused("reconstructions", "give the data set"):
        run.draw("reconstructions")
    with refused("no picture 'sample'; did you mean 'samples'?", *PICTURES):
        run.draw("sample")


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


def test_train_that_fails_after_open_leaves_the_run(copied):
    (copied / "checkpoint.npz").unlink()
    config = read_json(copied / "config.json")
    config["settings"]["learning_rate"] = 1e30
    write_json(copied / "config.json", config)
    with refused("the loss became"):
        finish(Run.open(copied, need_checkpoint=False))
    assert (copied / "config.json").exists()


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


def test_open_refuses_folders_without_a_run(tmp_path):
    (tmp_path / "file").write_text("")
    for name, words in (
        ("missing", "does not exist"),
        ("file", "is a file"),
        (".", "has no config.json in it"),
    ):
        with refused("expected the folder of a run", words):
            Run.open(tmp_path / name)


def test_open_refuses_a_checkpoint_of_another_recipe(copied, tmp_path):
    finish(begin(tmp_path / "other", "kingma-welling", epochs=1))
    (copied / "checkpoint.npz").write_bytes((tmp_path / "other" / "checkpoint.npz").read_bytes())
    for need in (True, False):
        with refused("checkpoint.npz' has recipe 'kingma-welling', not 'pytorch-example'"):
            Run.open(copied, need_checkpoint=need)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"recipe": "nothing"}, "there is no recipe 'nothing'"),
        ({"recipe": None}, "None"),
        ({"recipe": ["zhao-mlp"]}, "no recipe ['zhao-mlp']"),
        ({"latent_dim": "2"}, "latent_dim"),
        ({"latent_dim": 0}, "latent_dim"),
        ({"latent_dim": 10**30}, "is not the configuration"),
        ({"seed": -1}, "seed"),
        ({"seed": True}, "seed"),
        ({"data": "auto"}, "'auto'"),
        ({"data": {}}, "{}"),
        ({"options": {"hidden": 3, "colour": 1}}, "hidden"),
        ({"options": None}, "is not the configuration"),
        ({"options": {"beta": math.nan}}, "beta"),
        ({"settings": 3}, "is not the configuration"),
        ({"settings": {"epochs": 3, "colour": 1}}, "colour"),
        ({"settings": {"epochs": "3"}}, "epochs"),
        ({"settings": {"momentum": "x"}}, "is not the configuration"),
        ({"settings": {"learning_rate": -1}}, "learning_rate"),
    ],
)
def test_open_refuses_a_damaged_configuration(copied, change, word):
    config = read_json(copied / "config.json") | change
    (copied / "config.json").write_text(json.dumps(config))
    with refused("config.json", "is not the configuration of a run", word, "damaged or foreign"):
        Run.open(copied)


@pytest.mark.parametrize("name", ["recipe", "latent_dim", "options", "data", "seed", "settings"])
def test_open_refuses_an_incomplete_configuration(copied, name):
    config = read_json(copied / "config.json")
    del config[name]
    write_json(copied / "config.json", config)
    with refused("config.json", f"it has no {name}"):
        Run.open(copied)
