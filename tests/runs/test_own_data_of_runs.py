"""Runs on the user's own data: their configuration says how these are read again."""

import json
import shutil

import numpy as np
import pytest
from helpers import assert_same, refused

from scratchvae.cli import main
from scratchvae.data import load
from scratchvae.json_files import read_json
from scratchvae.runs import Run


@pytest.fixture
def path(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 6, 5, 3), dtype=np.uint8).astype(np.float32)
    np.savez(tmp_path / "mine.npz", images=images, labels=np.arange(40) % 4)
    return tmp_path / "mine.npz"


def begin(path, folder, **options):
    data = load(path, scale=255, seed=2, **options)
    run = Run.begin("zhao-mlp", folder, data=data, settings={"epochs": 1, "batch_size": 8})
    run.train(data, report=lambda line: None, progress=False)
    return run


def test_a_run_reads_its_data_again_as_it_did(tmp_path, path):
    run = begin(path, tmp_path / "run", validation=0.25, pad="8x8")
    source = read_json(tmp_path / "run" / "config.json")["source"]
    assert source == {
        "name": str(path),
        "seed": 2,
        "scale": 255.0,
        "pad": [8, 8],
        "validation": 0.25,
    }
    again = Run.open(tmp_path / "run")
    data = again.load_data()
    assert (len(data.train_images), len(data.validation_images), len(data.test_images)) == (
        26,
        10,
        4,
    )
    assert data.fingerprint == run.load_data().fingerprint
    assert again.evaluate(data) == run.evaluate(run.load_data())


def test_data_that_have_moved_are_named_by_their_new_place(tmp_path, path):
    begin(path, tmp_path / "run")
    shutil.move(path, tmp_path / "other.npz")
    with refused("nor is there a file", "if the data have moved", "`data_dir`"):
        Run.open(tmp_path / "run").load_data()
    assert len(Run.open(tmp_path / "run").load_data(tmp_path / "other.npz").train_images) == 36
    np.savez(tmp_path / "other.npz", images=np.ones((40, 6, 5, 3), np.float32))
    with refused("and these are others"):
        Run.open(tmp_path / "run").load_data(tmp_path / "other.npz")


def test_validation_images_of_a_named_data_set_are_kept_apart(tmp_path, monkeypatch):
    monkeypatch.setattr("scratchvae.data.dataset._SYNTHETIC_COUNTS", (40, 10))
    whole, data = load("synthetic"), load("synthetic", validation=0.25)
    assert (len(data.train_images), len(data.validation_images)) == (30, 10)
    assert len(data.train_factors) == 30
    together = np.concatenate([data.train_images, data.validation_images])
    assert together.sum() == whole.train_images.sum()
    run = Run.begin("zhao-mlp", tmp_path / "run", data=data, settings={"epochs": 1})
    run.train(data, report=lambda line: None, progress=False)
    assert Run.open(tmp_path / "run").load_data().fingerprint == data.fingerprint


def test_a_damaged_source_is_refused(tmp_path, path):
    begin(path, tmp_path / "run")
    config = read_json(tmp_path / "run" / "config.json")
    for source in ([1], {"names": 1}, {"name": "x", "cache_dir": "y"}, {"name": 5}):
        (tmp_path / "run" / "config.json").write_text(json.dumps(config | {"source": source}))
        with refused("data"):
            Run.open(tmp_path / "run").load_data()


def test_the_command_line_trains_draws_and_evaluates_own_data(tmp_path, path, capsys):
    out = str(tmp_path / "run")
    words = ["train", "zhao-cnn", "--data", str(path), "--out", out, "--epochs", "1"]
    assert main(words) == 2
    assert "say which number stands for white with --scale: 255" in capsys.readouterr().err
    assert main([*words, "--scale", "255"]) == 0
    said = capsys.readouterr().out
    assert "36 train + 4 test colour images of 6x5" in said
    assert main(["evaluate", out]) == 0
    assert main(["draw", out, "reconstructions"]) == 0
    resumed = ["train", "--resume", "--out", out, "--epochs", "2"]
    assert main([*resumed, "--scale", "255"]) == 2
    assert "leave out --scale" in capsys.readouterr().err
    assert main(resumed) == 0
    whole = Run.begin(
        "zhao-cnn", tmp_path / "other", data=load(path, scale=255), settings={"epochs": 2}
    )
    whole.train(whole.load_data(), report=lambda line: None, progress=False)
    assert_same(whole.model.state(), Run.open(out).model.state())


def test_vectors_and_other_channels_are_trained_without_pictures_of_them(tmp_path):
    for shape in ((9,), (4, 4, 2)):
        folder = tmp_path / f"run{len(shape)}"
        np.save(tmp_path / "a.npy", np.random.default_rng(0).random((30, *shape)))
        words = ["train", "zhao-mlp", "--data", str(tmp_path / "a.npy"), "--out", str(folder)]
        assert main([*words, "--epochs", "1", "--test-share", "0.2"]) == 0
        assert {each.name for each in folder.glob("*.png")} == {"loss.png", "latent.png"}
        assert main([*words[:-1], f"{folder}-2", "--epochs", "1", "--test-share", "0"]) == 0


def test_data_info_says_what_is_there(path, capsys):
    assert main(["data", "info", str(path), "--scale", "255", "--validation", "0.1"]) == 0
    said = capsys.readouterr().out
    for words in ("32 train + 4 validation + 4 test", "divided by 255", "4 classes", "6 x 5 x 3"):
        assert words in said
    assert main(["data", "info", "nothing-of-that-name"]) == 2
    assert "nor is there a file" in capsys.readouterr().err
