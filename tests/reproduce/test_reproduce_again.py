"""A run that is there is used only if training it to its end makes it the requested one."""

import json

import numpy as np
import pytest
from small_runs import interrupt_in_step, small_dataset, write_data_folder

from scratchvae import cli, reproduce
from scratchvae.reproduce.experiments import Experiment, Source

pytestmark = pytest.mark.usefixtures("ctrl_c")

STEPS = 4  # an epoch


@pytest.fixture
def one_run(monkeypatch, data_dir, tmp_path):
    """Return a function that reproduces one run of some settings: exit code, and its folder."""

    def one_run(*words, recipe="zhao-mlp", **settings):
        settings = {"batch_size": 16, "epochs": 3, **settings}
        experiment = Experiment("first", recipe, 2, settings=settings)
        made = Source("A source", [experiment], lambda results: [], lambda results: [])
        monkeypatch.setattr(reproduce, "SOURCES", {"zhao": made})
        where = ["--out", str(tmp_path), "--data-dir", str(data_dir)]
        return cli.main(["reproduce", "zhao", *where, *words]), tmp_path / "runs" / "first"

    return one_run


def refusal(capsys):
    error = capsys.readouterr().err
    assert error.startswith("scratchvae: error: ")
    assert error.count("\n") == 1
    return error


def test_reproduce_refuses_a_run_of_other_settings(one_run, capsys):
    _, folder = one_run()
    before = (folder / "config.json").read_bytes()
    capsys.readouterr()
    assert one_run(learning_rate=0.125)[0] == 2
    error = refusal(capsys)
    for words in (str(folder), "has learning_rate 0.0025, not 0.125", "--out", "remove this one"):
        assert words in error
    assert (folder / "config.json").read_bytes() == before
    assert one_run()[0] == 0


def test_reproduce_refuses_a_run_that_differs_in_a_default_option(one_run, capsys):
    _, folder = one_run()
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"beta": 1.0', '"beta": 2.0'))
    (folder / "checkpoint.npz").unlink()
    assert one_run()[0] == 2
    assert "has beta 2.0, not 1.0" in capsys.readouterr().err


def test_reproduce_does_not_extend_a_run_with_a_shortened_warm_up(one_run, capsys):
    kind = {"recipe": "hierarchical-vae", "warm_up": 1.0}
    one_run("--epochs", "1", **kind)
    assert one_run(**kind)[0] == 2
    assert "has warm_up 0.3333333333333333, not 1.0" in refusal(capsys)


def test_reproduce_does_not_extend_a_cosine_schedule(one_run, capsys):
    kind = {"schedule": "cosine"}
    one_run("--epochs", "1", **kind)
    assert one_run("--epochs", "1", **kind)[0] == 0
    assert one_run(**kind)[0] == 2
    assert "has a cosine schedule that ends with epoch 1, not 3" in refusal(capsys)


def test_reproduce_refuses_a_run_of_more_epochs(one_run, capsys):
    _, folder = one_run()
    assert one_run("--epochs", "2")[0] == 2
    error = refusal(capsys)
    assert "has already trained 3 epochs, more than the 2 requested" in error
    assert str(folder) in error
    assert not (folder.parents[1] / "report.md").read_text().count("2 epochs each")


def test_reproduce_refuses_a_run_stopped_in_an_epoch_too_many(one_run, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 2 * STEPS + 1)
        assert one_run()[0] == 130
    capsys.readouterr()
    assert one_run("--epochs", "2")[0] == 2
    assert "already trained 2 epochs and started another, more than the 2" in refusal(capsys)
    assert one_run()[0] == 0


@pytest.mark.parametrize("changes", [{"schedule": "cosine"}, {"learning_rate": 0.125}])
def test_reproduce_trains_a_run_that_was_not_begun_as_requested_now(one_run, changes):
    _, folder = one_run(**changes)
    whole = (folder / "checkpoint.npz").read_bytes()
    (folder / "checkpoint.npz").unlink()
    config = json.loads((folder / "config.json").read_text())
    config["settings"] |= {"learning_rate": 1.0, "epochs": 9}
    (folder / "config.json").write_text(json.dumps(config))
    assert one_run(**changes)[0] == 0
    assert (folder / "checkpoint.npz").read_bytes() == whole
    assert json.loads((folder / "config.json").read_text())["settings"]["epochs"] == 3


def test_reproduce_uses_a_run_that_is_older_than_a_setting(one_run, capsys):
    _, folder = one_run()
    config = json.loads((folder / "config.json").read_text())
    for name in ("free_bits", "free_bits_epochs"):
        del config["settings"][name]
    (folder / "config.json").write_text(json.dumps(config))
    with np.load(folder / "checkpoint.npz") as file:
        arrays = {name: file[name] for name in file.files}
    identity = json.loads(str(arrays["config"]))
    for name in ("free_bits", "free_bits_epochs"):
        del identity[name]
    arrays["config"] = np.array(json.dumps(identity))
    np.savez(folder / "checkpoint.npz", **arrays)
    capsys.readouterr()
    assert one_run()[0] == 0
    assert "trained before" in capsys.readouterr().out
    assert one_run("--epochs", "4")[0] == 0


@pytest.mark.parametrize("left", [None, 1, 3])
def test_reproduce_refuses_a_run_whose_metrics_are_lost(one_run, capsys, left):
    _, folder = one_run()
    path = folder / "metrics.csv"
    rows = path.read_text().splitlines(keepends=True)
    if left is None:
        path.unlink()
    else:
        path.write_text("".join(rows[:left]))
    capsys.readouterr()
    assert one_run()[0] == 2
    error = refusal(capsys)
    whole = left - 1 if left else 0
    for words in (str(folder), f"trained 3 epochs, but its metrics.csv has only {whole} of"):
        assert words in error
    assert "remove that folder" in error


def test_reproduce_refuses_runs_of_other_images(one_run, capsys, tmp_path):
    one_run()
    (tmp_path / "others").mkdir()
    others = write_data_folder(tmp_path / "others", small_dataset(seed=1))
    capsys.readouterr()
    assert one_run("--data-dir", str(others))[0] == 2
    assert "is trained on 64 + 32 images of mnist, and these are others" in refusal(capsys)
    assert one_run()[0] == 0


@pytest.mark.parametrize("name", ["report.md", "report.json", "figures/picture.png"])
def test_reproduce_does_not_write_over_a_report_of_ones_own(one_run, capsys, tmp_path, name):
    (tmp_path / "figures").mkdir()
    (tmp_path / name).write_text("my own")
    capsys.readouterr()
    assert one_run()[0] == 2
    assert f"{name}' is there already" in refusal(capsys)
    assert (tmp_path / name).read_text() == "my own"
    assert not (tmp_path / "runs").exists()
    (tmp_path / name).unlink()
    assert one_run()[0] == 0
    assert one_run()[0] == 0  # and a report of its own it writes again
