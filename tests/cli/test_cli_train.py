"""``scratchvae train``: what it says, leaves and refuses."""

import gzip
import json
import os

import pytest
from small_runs import RUN_FILES, SMALL, names_in, small_dataset, write_data_folder

from scratchvae.cli import commands


def test_training_says_what_it_does_and_leaves_a_folder(here, call):
    code, output, errors = call("train", *SMALL)
    assert (code, errors) == (0, [])
    assert output[0].startswith("MNIST from ")
    assert "(64 + 32 images)" in output[0]
    assert "zhao-mlp with 2 latents, 534,068 parameters; 2 epochs" in output[1]
    assert "nats per image" in output[2]
    assert [line.split()[:2] for line in output[3:5]] == [["epoch", "1"], ["epoch", "2"]]
    assert names_in(here / "runs" / "zhao-mlp") == RUN_FILES | {"manifold.png"}
    assert set(output[5:]) == {
        f"drew runs/zhao-mlp/{name}"
        for name in RUN_FILES | {"manifold.png"}
        if name.endswith("png")
    }


def test_the_same_command_twice_gives_the_same_bytes_in_another_folder(
    here, call, finished, without_pictures
):
    call("train", *SMALL)
    call("train", *SMALL)
    assert names_in(here / "runs") == {"zhao-mlp", "zhao-mlp-2"}
    expected = (finished / "checkpoint.npz").read_bytes()
    for name in ("zhao-mlp", "zhao-mlp-2"):
        assert (here / "runs" / name / "checkpoint.npz").read_bytes() == expected


def test_options_reach_the_run(here, call, without_pictures):
    words = ["--latent-dim", 3, "--learning-rate", "0.5e-3", "--beta", 0, "--seed", 7]
    code, output, _ = call("train", "kingma-welling", *SMALL, *words, "--out", "run")
    assert code == 0
    assert "3 latents" in output[1]
    config = json.loads((here / "run" / "config.json").read_text())
    assert (config["recipe"], config["latent_dim"], config["seed"]) == ("kingma-welling", 3, 7)
    assert config["options"]["beta"] == 0
    assert config["settings"]["learning_rate"] == 0.0005
    assert config["settings"]["batch_size"] == 16
    assert config["settings"]["pixels"] == "binarised"


def test_auto_says_why_it_is_not_mnist(here, call, monkeypatch, without_pictures):
    def instead(name, **options):
        assert name == "auto"
        data = small_dataset()
        return type(data)(
            "synthetic", *list(vars(data).values())[1:5], origin="MNIST could not be downloaded"
        )

    monkeypatch.setattr(commands, "load", instead)
    code, output, _ = call("train", *SMALL, "--out", "run")
    assert code == 0
    assert output[0] == "MNIST could not be downloaded"
    assert json.loads((here / "run" / "config.json").read_text())["data"] == "synthetic"


def test_mnist_never_falls_back(here, refuses):
    (here / "empty").mkdir()
    refuses(["train", "--data", "mnist", "--data-dir", "empty"], "expected MNIST in 'empty'")
    assert names_in(here) == {"empty"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["zaho-mlp"], ["no recipe 'zaho-mlp'", "did you mean zhao-mlp?"]),
        (["--lerning-rate", "3"], ["'--lerning-rate'", "mean --learning-rate?", "train --help"]),
        (["zhao-mlp", "more"], ["unexpected argument 'more'"]),
        (["--epochs"], ["--epochs", "expected one argument"]),
        (["--epochs", "0"], ["--epochs: expected a whole number of at least 1, not '0'"]),
        (["--epochs", "-1"], ["--epochs: expected a whole number of at least 1, not '-1'"]),
        (["--epochs", "abc"], ["'abc'"]),
        (["--epochs", "2.5"], ["'2.5'"]),
        (["--latent-dim", "0"], ["--latent-dim: expected a whole number of at least 1, not '0'"]),
        (["--latent-dim", "9" * 30], ["--latent-dim: expected a whole number of at most"]),
        (["--batch-size", "0"], ["--batch-size: expected a whole number of at least 1, not '0'"]),
        (["--seed", "-1"], ["--seed: expected a whole number of at least 0, not '-1'"]),
        (["--learning-rate", "nan"], ["expected a finite number above 0, not 'nan'"]),
        (["--learning-rate", "0"], ["expected a finite number above 0, not '0'"]),
        (["--learning-rate", "-1"], ["expected a finite number above 0, not '-1'"]),
        (["--learning-rate", "inf"], ["expected a finite number above 0, not 'inf'"]),
        (["--learning-rate", "fast"], ["expected a finite number above 0, not 'fast'"]),
        (["--learning-rate", "1e30"], ["loss became", "below 1e+30"]),
        (["--beta", "nan"], ["expected a finite number of at least 0, not 'nan'"]),
        (["--beta", "-1"], ["expected a finite number of at least 0, not '-1'"]),
        (["autoencoder", "--beta", "1"], ["autoencoder has no option 'beta'"]),
        (["--data", "mnits"], ["'mnits'", "did you mean mnist?"]),
        (["--data-dir", "missing"], ["'missing' does not exist"]),
        (["--out", ""], ["--out: expected the name"]),
        (["--out", "/proc/none"], ["/proc/none", "choose another"]),
        (["--resume"], ["--resume needs --out DIR"]),
        (["--resume", "--out", "missing"], ["'missing' does not exist"]),
    ],
)
def test_bad_words_are_refused_in_one_line_and_nothing_is_written(here, refuses, words, expected):
    refuses(["train", *words], *expected)
    assert names_in(here) == set()


def test_a_model_too_large_for_the_memory_is_refused(here, refuses, monkeypatch):
    def large(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(commands, "build", large)
    refuses(["train"], "memory is too small", "--latent-dim")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "required: COMMAND"),
        (["trian"], "invalid choice: 'trian'"),
        (["--nonsense"], "COMMAND"),
        (["draw"], "required: DIR, PICTURE"),
        (["evaluate"], "required: DIR"),
        (["gradcheck", "Dence"], "no check 'Dence'"),
    ],
)
def test_bad_commands_are_refused_in_one_line(here, refuses, words, expected):
    refuses(words, expected)


def test_a_truncated_data_file_is_refused(here, refuses, tmp_path):
    folder = write_data_folder(tmp_path / "damaged")
    whole = small_dataset().train_images
    (folder / "mnist" / "train-images-idx3-ubyte").unlink()
    packed = gzip.compress(whole.tobytes())
    (folder / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(packed[: len(packed) // 2])
    refuses(["train", "--data-dir", folder], "train-images-idx3-ubyte.gz")
    assert names_in(here) == set()


def test_a_folder_that_holds_a_run_is_refused_with_a_hint(here, refuses, call, without_pictures):
    call("train", *SMALL, "--out", "a run")
    before = (here / "a run" / "checkpoint.npz").read_bytes()
    refuses(["train", "--out", "a run"], "holds a run already", "--resume --out 'a run'")
    assert (here / "a run" / "checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("where", ["config.json", "config.json/run"])
def test_a_file_in_the_place_of_a_folder_is_refused(here, refuses, finished, where):
    refuses(["train", "--out", finished / where], "is a file", "another --out")


def test_a_full_disk_is_refused_and_nothing_is_left(here, refuses, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refuses(["train", *SMALL, "--out", "run"], "No space left", "config.json")
    assert names_in(here) == set()
