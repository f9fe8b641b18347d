"""What is typed first: help, a slip, a path for a recipe; and runs beside one another."""

import json

import numpy as np
import pytest

from scratchvae.cli import main
from scratchvae.data import Dataset
from scratchvae.runs.pictures import _mixed


def said(capsys, *words):
    code = main(list(words))
    out, err = capsys.readouterr()
    return code, out, err


def test_help_is_a_word_as_well(capsys):
    assert said(capsys, "help") == said(capsys, "--help")
    assert said(capsys, "help", "train") == said(capsys, "train", "--help")
    assert said(capsys, "-V") == said(capsys, "--version")


def test_a_command_with_a_slip_is_answered_with_the_nearest(capsys):
    code, _, err = said(capsys, "trian")
    assert (code, err.count("\n")) == (2, 1)
    assert "did you mean 'train'?" in err


def test_data_in_the_place_of_a_recipe_are_told_their_option(capsys, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((9, 4, 5)))
    code, _, err = said(capsys, "train", str(tmp_path / "a.npy"))
    assert code == 2
    assert "--data" in err


def test_the_names_of_checks_are_listed(capsys):
    code, out, _ = said(capsys, "gradcheck", "--list")
    assert code == 0
    assert {"Dense", "zhao-mlp"} <= set(out.split("\n"))


def test_the_list_of_recipes_fits_into_eighty_columns(capsys):
    _, out, _ = said(capsys, "train", "--help")
    assert max(map(len, out.split("recipes:")[1].splitlines())) <= 80


@pytest.fixture
def two_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    np.save("a.npy", np.random.default_rng(0).integers(0, 256, (40, 4, 5), np.uint8))
    for seed in "01":
        words = ["train", "zhao-mlp", "--data", "a.npy", "--epochs", "1", "--seed", seed]
        assert main([*words, "--out", f"run-{seed}", "-q"]) == 0
    capsys.readouterr()
    return ["run-0", "run-1"]


def test_runs_are_evaluated_beside_one_another(capsys, two_runs):
    code, out, _ = said(capsys, "evaluate", *two_runs)
    rows = [line.split() for line in out.splitlines()]
    assert (code, [row[0] for row in rows[2:]]) == (0, two_runs)
    _, out, _ = said(capsys, "evaluate", *two_runs, "--json")
    for row, line in zip(rows[2:], out.splitlines(), strict=True):
        figures = json.loads(line)
        assert [figures["run"], f"{figures['loss']:.3f}"] == row[:2]
        assert {"recipe", "data", "seed", "epochs", "version"} <= figures.keys()


def test_pictures_of_images_that_lie_class_by_class_show_several():
    labels = np.repeat(np.arange(3, dtype=np.uint8), 50)
    images = labels[:, None, None, None]
    data = Dataset("a", images, labels, images, labels, "")
    mixed, classes = _mixed(data, 0)
    np.testing.assert_array_equal(mixed[:, 0, 0, 0], classes)
    assert len(set(classes[:10])) == 3
