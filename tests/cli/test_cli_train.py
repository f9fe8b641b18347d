"""``scratchvae train``: what it says, leaves and refuses."""

import gzip
import json
import os
from dataclasses import replace

import pytest
from small_runs import RUN_FILES, SMALL, names_in, small_dataset, write_data_folder

from scratchvae.models import RECIPES


def test_train_says_what_it_does_and_leaves_a_folder(here, call):
    code, output, errors = call("train", *SMALL)
    assert (code, errors) == (0, [])
    assert output[0].startswith("MNIST from ")
    assert "(64 + 32 images)" in output[0]
    assert output[1] == "zhao-mlp with 2 latents, 534,068 parameters, in runs/zhao-mlp: 2 epochs"
    assert "nats per image" in output[2]
    assert [line.split()[:2] for line in output[3:5]] == [["epoch", "1"], ["epoch", "2"]]
    assert names_in(here / "runs" / "zhao-mlp") == RUN_FILES | {"manifold.png"}
    assert set(output[5:]) == {
        f"wrote runs/zhao-mlp/{name}"
        for name in RUN_FILES | {"manifold.png"}
        if name.endswith("png")
    }


def test_train_twice_gives_the_same_bytes_in_another_folder(here, call, finished, without_pictures):
    call("train", *SMALL)
    call("train", *SMALL)
    assert names_in(here / "runs") == {"zhao-mlp", "zhao-mlp-2"}
    expected = (finished / "checkpoint.npz").read_bytes()
    for name in ("zhao-mlp", "zhao-mlp-2"):
        assert (here / "runs" / name / "checkpoint.npz").read_bytes() == expected


def test_train_options_reach_the_run(here, call, without_pictures):
    words = ["--latent-dim", 3, "--learning-rate", "0.5e-3", "--beta", 0, "--seed", 7]
    words += ["--samples", 2]
    code, output, _ = call("train", "kingma-welling", *SMALL, *words, "--out", "run")
    assert code == 0
    assert "3 latents" in output[1]
    config = json.loads((here / "run" / "config.json").read_text())
    assert (config["recipe"], config["latent_dim"], config["seed"]) == ("kingma-welling", 3, 7)
    assert (config["options"]["beta"], config["options"]["samples"]) == (0, 2)
    assert config["settings"]["learning_rate"] == 0.0005
    assert config["settings"]["batch_size"] == 16
    assert config["settings"]["pixels"] == "binarised"


def test_every_setting_has_its_option(here, call, without_pictures):
    words = {
        "optimiser": "sgd",
        "momentum": 0.5,
        "schedule": "cosine",
        "pixels": "grey",
        "warm-up": 1.5,
        "warm-up-every": 2.0,
        "patience": 3,
        "free-bits": 0.25,
        "free-bits-epochs": 2.0,
        "learning-rate": 1e-4,
    }
    flat = [part for name, value in words.items() for part in (f"--{name}", value)]
    assert call("train", "hierarchical-vae", *SMALL, *flat, "--out", "run")[0] == 0
    settings = json.loads((here / "run" / "config.json").read_text())["settings"]
    own = {name.replace("-", "_") for name in words}
    assert set(settings) == own | {"batch_size", "epochs", "epsilon"}
    for name, value in words.items():
        assert settings[name.replace("-", "_")] == value
    assert call("train", "--resume", "--warm-up", "1.5", "--out", "run")[0] == 0
    adam = ("--epsilon", 1e-6, "--out", "other")  # of no use with sgd
    assert call("train", "hierarchical-vae", *SMALL, *adam)[0] == 0
    code, _, errors = call("train", "--resume", "--warm-up", "2", "--out", "run")
    assert (code, len(errors)) == (2, 1)
    assert "has warm_up 1.5, not 2.0" in errors[0]


def test_train_data_auto_says_why_it_is_not_mnist(here, call, monkeypatch, without_pictures):
    def instead(name, **options):
        assert name == "auto"
        data = small_dataset()
        return type(data)(
            "synthetic", *list(vars(data).values())[1:5], origin="MNIST could not be downloaded"
        )

    monkeypatch.setattr("scratchvae.runs.data_source.load", instead)
    code, output, _ = call("train", *SMALL, "--out", "run")
    assert code == 0
    assert output[0] == "MNIST could not be downloaded"
    data = replace(instead("auto"), announced=True)  # on standard error
    monkeypatch.setattr("scratchvae.runs.data_source.load", lambda name, **options: data)
    assert "MNIST" not in "".join(call("train", *SMALL, "--out", "other")[1])
    assert json.loads((here / "run" / "config.json").read_text())["data"] == "synthetic"


def test_train_data_mnist_never_falls_back(here, refuses):
    (here / "empty").mkdir()
    refuses(["train", "--data", "mnist", "--data-dir", "empty"], "expected MNIST in 'empty'")
    assert names_in(here) == {"empty"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["zaho-mlp"], ["no recipe 'zaho-mlp'", "did you mean", "zhao-mlp"]),
        (["--lerning-rate", "3"], ["'--lerning-rate'", "mean '--learning-rate'?", "train --help"]),
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
        (["autoencoder", "--samples", "5"], ["autoencoder has no option 'samples'"]),
        (["--data", "mnits"], ["no data set 'mnits'", "did you mean 'mnist'?"]),
        (["--last-stage", "3"], ["--last-stage is for recipes that are trained in stages"]),
        (["iwae", "--last-stage", "3", "--epochs", "4"], ["leave out --epochs"]),
        (["--data-dir", "missing"], ["'missing' does not exist"]),
        (["--out", ""], ["--out: expected the name"]),
        (["--out", "/proc/none"], ["/proc/none", "choose another"]),
        (["--warm-up", "-1"], ["--warm-up: expected a finite number of at least 0, not '-1'"]),
        (["--optimiser", "adamw"], ["optimiser must be", "adam", "sgd", "'adamw'"]),
        (["--resume"], ["--resume needs --out DIR"]),
        (["--resume", "--out", "missing"], ["'missing' does not exist"]),
    ],
)
def test_train_refuses_bad_words_in_one_line_and_writes_nothing(here, refuses, words, expected):
    refuses(["train", *words], *expected)
    assert names_in(here) == set()


def test_train_refuses_a_model_too_large_for_the_memory(here, refuses, monkeypatch):
    def large(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr("scratchvae.runs.config.build", large)
    refuses(["train"], "not enough memory", "--latent-dim")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["trian"], "did you mean 'train'?"),
        (["--nonsense"], "no option '--nonsense'"),
        (["draw"], "required: DIR, PICTURE"),
        (["evaluate"], "required: DIR"),
        (["gradcheck", "Dence"], "no check 'Dence'; did you mean 'Dense'?"),
    ],
)
def test_main_refuses_bad_commands_in_one_line(here, refuses, words, expected):
    refuses(words, expected)


def test_train_refuses_a_truncated_data_file(here, refuses, tmp_path):
    folder = write_data_folder(tmp_path / "damaged")
    whole = small_dataset().train_images
    (folder / "mnist" / "train-images-idx3-ubyte").unlink()
    packed = gzip.compress(whole.tobytes())
    (folder / "mnist" / "train-images-idx3-ubyte.gz").write_bytes(packed[: len(packed) // 2])
    refuses(["train", "--data-dir", folder], "train-images-idx3-ubyte.gz")
    assert names_in(here) == set()


def test_train_refuses_a_folder_with_a_run_in_it(here, refuses, call, without_pictures):
    call("train", *SMALL, "--out", "a run")
    before = (here / "a run" / "checkpoint.npz").read_bytes()
    refuses(["train", "--out", "a run"], "already a run in 'a run'", "--resume", "another --out")
    assert (here / "a run" / "checkpoint.npz").read_bytes() == before


@pytest.mark.parametrize("where", ["config.json", "config.json/run"])
def test_train_refuses_a_file_in_the_place_of_a_folder(here, refuses, finished, where):
    refuses(["train", "--out", finished / where], "is a file", "another --out")


def test_train_on_a_full_disk_leaves_nothing(here, refuses, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    refuses(["train", *SMALL, "--out", "run"], "No space left", "checkpoint.npz")
    assert names_in(here) == set()


def test_train_help_has_a_column_of_recipes_and_a_column_of_what_they_are(call):
    code, output, _ = call("train", "--help")
    assert code == 0
    lines = []
    for line in output[output.index("recipes:") + 1 :]:  # what is long goes on below itself
        if line.startswith("   "):
            lines[-1] += f" {line.strip()}"
        else:
            lines.append(line)
    assert [line.split()[0] for line in lines] == list(RECIPES)
    starts = {line.index(RECIPES[line.split()[0]].summary) for line in lines}
    assert len(starts) == 1
    assert all(line[start - 2 : start] == "  " for line in lines for start in starts)


def test_train_with_a_working_folder_that_is_gone_says_so(here, refuses, monkeypatch):
    gone = here / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    refuses(["train", *SMALL], "the working folder was removed: change to one that is there")
    monkeypatch.chdir(here)


def test_train_does_not_write_over_a_picture_of_ones_own(here, refuses):
    (here / "run").mkdir()
    (here / "run" / "latent.png").write_text("my own")
    refuses(["train", *SMALL, "--out", "run"], "latent.png' is there already", "another --out")
    assert (here / "run" / "latent.png").read_text() == "my own"


def test_resume_on_other_images_of_the_same_name_is_refused(
    here, call, refuses, tmp_path, without_pictures
):
    call("train", *SMALL, "--out", "run")
    before = (here / "run" / "checkpoint.npz").read_bytes()
    others = write_data_folder(tmp_path / "others", small_dataset(seed=1))
    words = ("64 + 32 images of mnist", "these are others", "by --data-dir or SCRATCHVAE_DATA")
    refuses(["train", "--resume", "--epochs", 3, "--out", "run", "--data-dir", others], *words)
    refuses(["evaluate", "run", "--data-dir", others], *words)
    refuses(["draw", "run", "latent", "--data-dir", others], *words)
    assert (here / "run" / "checkpoint.npz").read_bytes() == before
