import json
import math

import numpy as np
import pytest
from helpers import refused
from small_runs import RUN_FILES, interrupt_in_step, names_in, small_dataset

from scratchvae.files import read_json, write_json
from scratchvae.runs.folders import check_unused, unused_folder
from scratchvae.models import build
from scratchvae.runs.run import PICTURES, Run
from scratchvae.training import Interrupted

pytestmark = pytest.mark.usefixtures("ctrl_c")

DATA = small_dataset()
COLUMNS = (
    "epoch,train_loss,train_reconstruction,train_kl,test_loss,test_reconstruction,test_kl,seconds"
)
STEPS = 4  # an epoch


def begin(folder, recipe="pytorch-example", epochs=3, seed=0, latent_dim=2, **changes):
    model = build(recipe, latent_dim=latent_dim, seed=seed)
    settings = model.settings.changed(epochs=epochs, batch_size=16, **changes)
    return Run.create(folder, model, "mnist", settings, seed)


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


def test_a_run_leaves_its_configuration_its_record_and_its_checkpoint(finished):
    assert names_in(finished) == {"config.json", "metrics.csv", "checkpoint.npz"}
    config = read_json(finished / "config.json")
    assert config["recipe"] == "pytorch-example"
    assert config["data"] == "mnist"
    assert (config["latent_dim"], config["seed"]) == (2, 0)
    assert config["settings"]["epochs"] == 3
    assert config["settings"]["batch_size"] == 16
    assert [row[0] for row in table(finished)] == [1, 2, 3]


def test_the_loss_is_the_sum_of_its_parts(finished):
    for _, *losses in table(finished):
        for loss, reconstruction, kl in (losses[:3], losses[3:]):
            assert loss == pytest.approx(reconstruction + kl, abs=2e-4)


def test_the_same_seed_gives_the_same_bytes(finished, tmp_path):
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


def test_a_run_is_not_shortened(finished):
    run = Run.open(finished)
    with refused("has done 3 epochs", "--epochs 2", "larger"):
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


def test_a_run_without_a_checkpoint_begins_at_the_beginning(finished, tmp_path):
    folder = tmp_path / "run"
    begin(folder)
    with refused("there is no checkpoint"):
        Run.open(folder)
    run = Run.open(folder, need_checkpoint=False)
    finish(run)
    assert (folder / "checkpoint.npz").read_bytes() == (finished / "checkpoint.npz").read_bytes()


@pytest.mark.parametrize(
    "lost", [None, "", "epoch,train_loss\n1,2\n", COLUMNS + "\n1,2,x,4,5,6,7,8\n", "\0\n\xff"]
)
def test_a_lost_or_damaged_record_begins_anew(copied, lost):
    if lost is None:
        (copied / "metrics.csv").unlink()
    else:
        (copied / "metrics.csv").write_text(lost, encoding="latin-1")
    run = Run.open(copied)
    run.extend(4)
    finish(run)
    assert [row[0] for row in table(copied)] == [4]


@pytest.mark.parametrize("damage", ["2,1,x,4,5,6,7,8", "2,1", '2,"1', "\xff\0", ""])
def test_a_damaged_row_costs_no_other(copied, damage):
    path = copied / "metrics.csv"
    expected = table(copied)
    rows = path.read_text().splitlines()
    rows[2] = damage
    path.write_text("\n".join(rows) + "\n", encoding="latin-1")
    run = Run.open(copied)
    assert [row.epoch for row in run.history] == [1, 3]
    run.save()
    assert table(copied) == [expected[0], expected[2]]


def test_rows_that_the_checkpoint_has_not_reached_are_left_out(copied):
    path = copied / "metrics.csv"
    expected = table(copied)
    path.write_text(
        path.read_text() + "4,9,9,9,9,9,9,1.0\n3" + path.read_text()[-60:].split("\n3")[-1]
    )
    run = Run.open(copied)
    assert [row.epoch for row in run.history] == [1, 2, 3]
    run.save()
    assert table(copied) == expected


def test_evaluation_in_another_process_of_a_run_agrees_with_its_last_row(finished):
    figures = Run.open(finished).evaluate(DATA)
    for name, value in zip(("loss", "reconstruction", "kl"), table(finished)[-1][4:], strict=True):
        assert figures[name] == pytest.approx(value, abs=1e-4)
    assert figures["elbo"] == pytest.approx(-figures["loss"], rel=1e-5)  # β = 1, nothing left out
    assert Run.open(finished).evaluate(DATA) == figures


def test_an_estimate_that_is_not_offered_is_refused_before_anything_is_measured(
    tmp_path, monkeypatch
):
    run = begin(tmp_path / "run", "hierarchical-vae")
    monkeypatch.setattr(type(run.model), "evaluate", None)
    with refused("HierarchicalVAE", "one layer of latents"):
        run.evaluate(DATA, importance_samples=5)


def test_an_autoencoder_has_no_bound(tmp_path):
    run = begin(tmp_path / "run", "autoencoder", epochs=1)
    finish(run)
    figures = run.evaluate(DATA)
    assert set(figures) == {"loss", "reconstruction", "kl"}
    assert figures["kl"] == 0


@pytest.mark.parametrize(("latent_dim", "more"), [(1, set()), (2, {"manifold.png"}), (5, set())])
def test_a_run_draws_its_pictures(tmp_path, latent_dim, more):
    run = begin(tmp_path / "run", latent_dim=latent_dim, epochs=1)
    finish(run)
    drawn = {path.name for path in run.draw_all(DATA)}
    assert names_in(tmp_path / "run") == RUN_FILES | more
    assert drawn == {name for name in RUN_FILES | more if name.endswith(".png")}


def test_a_picture_of_images_needs_them(finished):
    with refused("reconstructions", "give the data set"):
        Run.open(finished).draw("reconstructions")
    assert set(PICTURES) == {"samples", "reconstructions", "latent", "manifold", "interpolation"}


def test_a_failed_first_epoch_leaves_nothing(tmp_path):
    (tmp_path / "there").mkdir()
    for folder, left in ((tmp_path / "new" / "er", False), (tmp_path / "there", True)):
        with refused("the loss became"):
            finish(begin(folder, learning_rate=1e30))
        assert folder.exists() == left
    assert names_in(tmp_path) == {"there"}
    assert names_in(tmp_path / "there") == set()


def test_a_failed_later_epoch_leaves_what_was_saved(copied, monkeypatch):
    before = (copied / "checkpoint.npz").read_bytes()
    run = Run.open(copied)
    run.extend(5)

    def full(*arguments, **arrays):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with refused("checkpoint.npz", "No space left"):
        finish(run)
    monkeypatch.undo()
    assert names_in(copied) == {"config.json", "metrics.csv", "checkpoint.npz"}
    assert (copied / "checkpoint.npz").read_bytes() == before
    again = Run.open(copied)
    assert [row.epoch for row in again.history] == [1, 2, 3]
    finish(again)
    assert [row[0] for row in table(copied)] == [1, 2, 3, 4, 5]


def test_a_failed_resumption_leaves_the_run(copied):
    (copied / "checkpoint.npz").unlink()
    config = read_json(copied / "config.json")
    config["settings"]["learning_rate"] = 1e30
    write_json(copied / "config.json", config)
    with refused("the loss became"):
        finish(Run.open(copied, need_checkpoint=False))
    assert (copied / "config.json").exists()


def test_folders_that_hold_a_run_are_refused(finished, tmp_path):
    with refused("holds a run already", "--resume", str(finished)):
        begin(finished)
    spaced = tmp_path / "a b"
    begin(spaced)
    with refused(f"--out '{spaced}'"):
        begin(spaced)
    (spaced / "config.json").rename(spaced / "metrics.csv")
    with refused("lost its config.json", "another --out"):
        begin(spaced)


def test_places_that_cannot_be_folders_are_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "a" / "b"):
        with refused("is a file", "another --out"):
            check_unused(folder)
    monkeypatch.setattr("os.access", lambda *_: False)
    with refused("is read-only", "another --out"):
        check_unused(tmp_path / "new")


def test_the_usual_folder_counts_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("zhao-mlp", "zhao-mlp-2", "zhao-mlp-3"):
        folder = unused_folder("zhao-mlp")
        assert folder.as_posix() == f"runs/{name}"
        begin(folder)


def test_folders_without_a_run_are_refused(tmp_path):
    (tmp_path / "file").write_text("")
    for name, words in (
        ("missing", "does not exist"),
        ("file", "is a file"),
        (".", "holds no run"),
    ):
        with refused("expected the folder of a run", words, "scratchvae train"):
            Run.open(tmp_path / name)


def test_a_checkpoint_of_another_recipe_is_refused(copied, tmp_path):
    finish(begin(tmp_path / "other", "kingma-welling", epochs=1))
    (copied / "checkpoint.npz").write_bytes((tmp_path / "other" / "checkpoint.npz").read_bytes())
    for need in (True, False):
        with refused("expected recipe 'pytorch-example', and it has 'kingma-welling'"):
            Run.open(copied, need_checkpoint=need)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"recipe": "nothing"}, "there is no recipe 'nothing'"),
        ({"recipe": None}, "None"),
        ({"recipe": ["zhao-mlp"]}, "list"),
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
def test_a_damaged_configuration_is_refused(copied, change, word):
    config = read_json(copied / "config.json") | change
    (copied / "config.json").write_text(json.dumps(config))
    with refused("config.json", "is not the configuration of a run", word, "damaged or foreign"):
        Run.open(copied)


@pytest.mark.parametrize("name", ["recipe", "latent_dim", "options", "data", "seed", "settings"])
def test_an_incomplete_configuration_is_refused(copied, name):
    config = read_json(copied / "config.json")
    del config[name]
    write_json(copied / "config.json", config)
    with refused("config.json", f"it has no {name}"):
        Run.open(copied)
