"""Every option of a recipe and every setting, by the command line or from a file."""

import json

import pytest
from small_runs import SMALL


def config(folder):
    return json.loads((folder / "config.json").read_text())


def test_an_option_of_a_recipe_has_its_own_word_and_set_takes_any_name(
    here, call, without_pictures
):
    words = ["--hidden", 4, "--set", "variance=0.1", "--set", "warm-up=1.5"]
    assert call("train", "zhao-mlp", *SMALL, *words, "--out", "run")[0] == 0
    options, settings = config(here / "run")["options"], config(here / "run")["settings"]
    assert (options["hidden"], options["variance"], settings["warm_up"]) == (4, 0.1, 1.5)
    assert type(options["hidden"]) is int


def test_a_truth_value_and_a_word_are_read_as_such(here, call, without_pictures):
    words = ["--batch-norm", "true", "--inference", "ladder"]
    assert call("train", "hierarchical-vae", *SMALL, *words, "--out", "run")[0] == 0
    options = config(here / "run")["options"]
    assert (options["batch_norm"], options["inference"]) == (True, "ladder")


def test_a_file_has_options_and_the_command_line_comes_before_it(here, call, without_pictures):
    (here / "mine.toml").write_text(
        'recipe = "kingma-welling"\nlatent-dim = 3\nbatch_size = 16\nepochs = 5\n'
        "[options]\nbeta = 2.0\n[settings]\nlearning_rate = 0.01\n"
    )
    assert call("train", "--config", "mine.toml", "--epochs", 1, "--out", "run")[0] == 0
    found = config(here / "run")
    assert (found["recipe"], found["latent_dim"], found["options"]["beta"]) == (
        *("kingma-welling", 3),
        2.0,
    )
    settings = found["settings"]
    assert (settings["epochs"], settings["batch_size"], settings["learning_rate"]) == (1, 16, 0.01)


def test_a_run_goes_on_with_the_same_words_or_none(here, call, without_pictures):
    words = ["--hidden", 4, "--out", "run"]
    assert call("train", *SMALL, *words)[0] == 0
    assert call("train", "--resume", *words, "--epochs", 3)[0] == 0
    assert call("train", "--resume", "--out", "run")[0] == 0
    assert config(here / "run")["settings"]["epochs"] == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, "'mine.toml'"),
        ("epochs = ", "write lines such as"),
        ("hiden = 3", "did you mean 'hidden'?"),
        ("hidden = [1, 2]", "must have one value"),
        ("options = 3", "must be a table"),
        ("epochs = 'many'", "epochs must be"),
        (b"\xff", "expected a TOML file"),
    ],
)
def test_a_bad_file_is_refused_before_anything_is_written(here, refuses, text, expected):
    if text is not None:
        (here / "mine.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    refuses(["train", "--config", "mine.toml", "--out", "run"], expected)
    assert not (here / "run").exists()


def test_a_run_that_goes_on_refuses_another_option(here, call, refuses, without_pictures):
    assert call("train", *SMALL, "--hidden", 4, "--out", "run")[0] == 0
    refuses(["train", "--resume", "--out", "run", "--set", "hidden=5"], "hidden")
