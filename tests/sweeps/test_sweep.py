"""A sweep in one process: its runs, its table, and what it goes on with."""

import csv
from importlib.util import find_spec

import numpy as np
import pytest
from small_runs import interrupt_in_step, names_in

from scratchvae import cli
from scratchvae.errors import InputError
from scratchvae.runs import Run
from scratchvae.sweeps import sweep
from scratchvae.training import Interrupted

CHOICES = {"latent_dim": [1, 2], "epochs": 2, "batch_size": 16}


@pytest.fixture
def run(data_dir, tmp_path):
    def run(choices=CHOICES, out=tmp_path / "out", **others):
        options = {"data": "mnist", "data_dir": data_dir, "workers": 1, "progress": False}
        return sweep("zhao-mlp", out, choices, report=lambda line: None, **(options | others))

    return run


def table(folder):
    with (folder / "results.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_trains_each_run_and_writes_a_table_of_all(run, tmp_path):
    rows = run(seeds=2)
    folders = [row["folder"] for row in rows]
    assert folders == [f"latent_dim={d},seed={s}" for d in (1, 2) for s in (0, 1)]
    also = {"results.parquet"} if find_spec("pyarrow") else set()
    assert names_in(tmp_path / "out") == {*folders, "results.csv", "grid.png"} | also
    written = table(tmp_path / "out")
    assert [row["folder"] for row in written] == folders
    for row, text in zip(rows, written, strict=True):
        opened = Run.open(tmp_path / "out" / row["folder"])
        assert float(text["train_loss"]) == row["train_loss"] == opened.history[-1].train.loss
        assert (row["epochs"], text["error"]) == (2, "")
        assert row["test_loss"] == pytest.approx(opened.history[-1].test.loss)
        assert row["elbo"] != -row["test_loss"]  # it has the constants that the loss leaves out
    assert (tmp_path / "out" / "grid.png").read_bytes().startswith(b"\x89PNG")


def test_the_table_is_kept_as_parquet_too_where_that_can_be_written(run, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = run(CHOICES | {"learning_rate": [1e30, 1e-3]})
    columns = parquet.read_table(tmp_path / "out" / "results.parquet").to_pydict()
    assert columns["folder"] == [row["folder"] for row in rows]
    assert columns["test_loss"] == [row.get("test_loss") for row in rows]


def test_its_runs_have_the_bytes_of_those_that_are_trained_alone(run, data_dir, tmp_path):
    run()
    words = ["--latent-dim", "2", "--epochs", "2", "--batch-size", "16", "--data", "mnist"]
    alone = ["train", "zhao-mlp", *words, "--data-dir", str(data_dir), "--out"]
    assert cli.main([*alone, str(tmp_path / "alone")]) == 0
    for name in ("checkpoint.npz", "config.json"):
        in_sweep = tmp_path / "out" / "latent_dim=2,seed=0" / name
        assert in_sweep.read_bytes() == (tmp_path / "alone" / name).read_bytes()


@pytest.mark.usefixtures("ctrl_c")
def test_a_sweep_that_was_stopped_goes_on_where_it_was(run, tmp_path, monkeypatch):
    whole = run(out=tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_in_step(patch, 3)
        with pytest.raises(Interrupted):
            run()
    assert not (tmp_path / "out" / "latent_dim=2,seed=0").exists()
    again = run()
    for row, other in zip(whole, again, strict=True):
        assert row | {"seconds": 0} == other | {"seconds": 0}
        name = f"{row['folder']}/checkpoint.npz"
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_what_was_trained_is_not_trained_again(run, monkeypatch):
    first = run()
    monkeypatch.setattr(Run, "train", None)
    for row, again in zip(first, run(), strict=True):
        assert row | {"seconds": 0} == again | {"seconds": 0}


def test_a_run_that_fails_leaves_the_others_and_says_why(run, tmp_path):
    rows = run(CHOICES | {"learning_rate": [1e30, 1e-3]})
    errors = [row.get("error", "") for row in rows]
    assert [bool(error) for error in errors] == [True, False] * 2
    assert "use a learning rate below" in errors[0]
    assert [row["error"] for row in table(tmp_path / "out")] == errors


def test_runs_of_other_choices_are_refused_before_anything_is_trained(run, tmp_path):
    run()
    before = (tmp_path / "out" / "results.csv").read_bytes()
    with pytest.raises(InputError, match="batch_size"):
        run(CHOICES | {"batch_size": 32})
    assert (tmp_path / "out" / "results.csv").read_bytes() == before


def test_a_table_of_ones_own_is_not_written_over(run, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "results.csv").write_text("mine\n1\n")
    with pytest.raises(InputError, match="no sweep has written"):
        run()
    assert names_in(tmp_path / "out") == {"results.csv"}


def test_runs_can_be_kept_at_an_address(run, tmp_path):
    fsspec = pytest.importorskip("fsspec")
    rows, there = run(), run(out="memory://kept/sweep")
    system = fsspec.filesystem("memory")
    try:
        assert [row["test_loss"] for row in there] == [row["test_loss"] for row in rows]
        name = f"{rows[1]['folder']}/checkpoint.npz"
        kept = system.cat_file(f"memory://kept/sweep/{name}")
        assert kept == (tmp_path / "out" / name).read_bytes()
        assert system.exists("memory://kept/sweep/grid.png")
        assert not [path for path in system.find("memory://kept") if path.endswith(".part")]
    finally:
        system.store.clear()


def test_a_sweep_of_images_of_ones_own_takes_their_shape(run, tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 6, 3), dtype=np.uint8)
    np.save(tmp_path / "own.npy", images)
    own = {"data": str(tmp_path / "own.npy"), "data_dir": None, "reading": {"test": 0.25}}
    rows = run(**own)
    opened = Run.open(tmp_path / "out" / rows[1]["folder"])
    assert opened.model.image_shape == (8, 6, 3)
    assert opened.config["images"]["test"] == 10
    assert all(row["test_loss"] > 0 for row in rows)


def test_the_command_takes_lists_of_values(data_dir, tmp_path, capsys):
    words = f"sweep zhao-mlp --latent-dim 1,2 --set hidden=4 --set batch-size=16 --epochs 1 \
        --workers 1 --data mnist --data-dir {data_dir} --out {tmp_path}/out"
    assert cli.main(words.split()) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("1/2 latent_dim=1,seed=0: test loss ")
    assert said[-1] == f"wrote results.csv and grid.png in {tmp_path}/out"
    assert Run.open(tmp_path / "out" / "latent_dim=2,seed=0").config["options"]["hidden"] == 4


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--beta 1,,2", "expected values with a comma between them"),
        ("--set hidden", "expected NAME=VALUE"),
        ("--set hiden=3", "did you mean 'hidden'"),
        ("--beta x", "beta"),
        ("--seeds 0", "at least 1"),
        ("--threads 1", "leave out --threads"),
        ("--workers 2 --scheduler tcp://127.0.0.1:1", "leave out --workers"),
    ],
)
def test_wrong_words_are_refused_in_one_line(words, problem, data_dir, tmp_path, capsys):
    common = f"sweep zhao-mlp --data mnist --data-dir {data_dir} --out {tmp_path}/out {words}"
    assert cli.main(common.split()) == 2
    error = capsys.readouterr().err
    assert problem in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_failed_run_is_told_by_the_exit_code(data_dir, tmp_path, capsys):
    words = f"sweep zhao-mlp --learning-rate 1e30 --epochs 1 --workers 1 --data mnist \
        --data-dir {data_dir} --out {tmp_path}/out"
    assert cli.main(words.split()) == 1
    assert capsys.readouterr().err == "failed: seed=0\n"


def test_an_array_is_no_data_of_a_sweep_whose_workers_read_files(run):
    with pytest.raises(InputError, match=r"numpy\.save"):
        run(data=np.zeros((4, 8, 8, 1)))
