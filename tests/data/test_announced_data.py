"""Data other than those that were named are announced."""

from dataclasses import replace

import pytest
from helpers import refused
from small_runs import write_data_folder

from scratchvae.data import dataset, load
from scratchvae.data.remotes import REMOTES

NOWHERE = {"mnist": replace(REMOTES["mnist"], mirrors=("http://127.0.0.1:9/",), timeout=1.0)}


@pytest.fixture(autouse=True)
def _afresh(monkeypatch):
    monkeypatch.delenv("SCRATCHVAE_DATA", raising=False)
    monkeypatch.setattr(dataset, "_SYNTHETIC_COUNTS", (4, 2))
    dataset._say_once.cache_clear()


def test_auto_says_once_why_it_gives_synthetic_digits(tmp_path, capsys):
    for _ in range(2):
        data = load("auto", cache_dir=tmp_path, remotes=NOWHERE)
        assert (data.name, data.announced) == ("synthetic", True)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("scratchvae: MNIST could not be downloaded (127.0.0.1:9")
    assert "using synthetic digits" in line
    assert not load("synthetic").announced
    assert capsys.readouterr().err == ""


def test_auto_says_that_it_passes_over_a_folder_that_was_named(tmp_path, capsys, monkeypatch):
    own = tmp_path / "own"
    own.mkdir()
    load("auto", data_dir=own, cache_dir=tmp_path / "cache", remotes=NOWHERE)
    (line,) = capsys.readouterr().err.splitlines()
    assert f"no MNIST in {str(own)!r} (its files are not there); taken in its place: " in line
    monkeypatch.setenv("SCRATCHVAE_DATA", str(write_data_folder(tmp_path / "other")))
    assert load("auto", data_dir=own).name == "mnist"
    (line,) = capsys.readouterr().err.splitlines()
    assert f"no MNIST in {str(own)!r}" in line
    assert str(tmp_path / "other") in line


def test_images_that_only_their_folder_calls_mnist_are_said_to_be_others(tmp_path, capsys):
    data = load("mnist", data_dir=write_data_folder(tmp_path / "own"))
    assert "by the folder's name, though not the original images" in data.origin
    assert capsys.readouterr().err == ""


def test_a_folder_that_may_not_be_read_is_not_called_empty(tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with refused(repr(str(tmp_path)), "may not be read"):
        load("mnist", data_dir=tmp_path)


def test_a_folder_that_synthetic_digits_are_not_read_from_is_said(tmp_path, capsys, monkeypatch):
    assert load("synthetic", data_dir=tmp_path).name == "synthetic"
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"scratchvae: {str(tmp_path)!r} is not used: synthetic digits are drawn"
    monkeypatch.setenv("SCRATCHVAE_DATA", str(tmp_path))  # which is for other data sets as well
    load("synthetic")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("folder", [3, b"x", ["x"], "a\0b"], ids=repr)
def test_a_folder_is_named_by_a_path(folder, tmp_path):
    for arguments in ({"data_dir": folder}, {"cache_dir": folder}):
        with refused("a path must be text or a pathlib.Path"):
            load("mnist", remotes=NOWHERE, **arguments)
