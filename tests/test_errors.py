"""The one error of the package: one line, in terms of Python, with the nearest name."""

import ast
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

import scratchvae
from scratchvae.cli import main
from scratchvae.data.download import DownloadError
from scratchvae.errors import InputError, unknown_name
from scratchvae.runs.folders import FolderTakenError
from scratchvae.training.divergence import NotFiniteError

PACKAGE = Path(scratchvae.__file__).parent


def test_input_error_joins_problem_and_remedy():
    alone = InputError("x must be 1, not 2: give 1")
    assert (str(alone), alone.problem, alone.remedy) == (alone.problem, str(alone), "")
    error = InputError("x must be 1, not 2", "give `x=1`")
    assert str(error) == "x must be 1, not 2: give `x=1`"
    assert (error.problem, error.remedy) == ("x must be 1, not 2", "give `x=1`")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.remedy) == (str(error), error.remedy)
    assert isinstance(error, ValueError)
    for kind in (FolderTakenError, DownloadError):  # as a pool of processes sends them
        first = kind("the folder is taken", "another one")
        copy = pickle.loads(pickle.dumps(first))
        assert (type(copy), str(copy), vars(copy)) == (kind, str(first), vars(first))
    diverged = NotFiniteError("the loss is inf", "look")
    diverged.loss, diverged.where = np.inf, "encoder"
    copy = pickle.loads(pickle.dumps(diverged))
    assert (copy.loss, copy.where, copy.remedy) == (np.inf, "encoder", "look")


def test_an_error_is_one_line_whatever_it_shows():
    error = InputError(f"x must be 1, not {np.ones((2, 2))!r}", "give\nanother")
    assert str(error) == "x must be 1, not array([[1., 1.], [1., 1.]]): give another"
    assert error.remedy == "give another"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("sample", "there is no picture 'sample'; did you mean 'samples'? The pictures are "),
        ("SAMPLES", "there is no picture 'SAMPLES'; did you mean 'samples'? The pictures are "),
        ("portrait", "there is no picture 'portrait'; the pictures are "),
        (None, "there is no picture None; the pictures are "),
    ],
)
def test_unknown_name_says_the_nearest_name_and_all_of_them(name, expected):
    assert str(unknown_name("picture", name, ["samples", "Loss"])) == f"{expected}samples, Loss"


def test_unknown_name_says_who_has_the_names():
    error = unknown_name("option", "hiden", {"hidden": 10}, owner="zhao-mlp")
    assert str(error).startswith(
        "zhao-mlp has no option 'hiden'; did you mean 'hidden'? The option"
    )
    error = unknown_name("option", "beta", {}, owner="autoencoder")
    assert str(error) == "autoencoder has no option 'beta', nor any other"


def test_main_puts_options_in_the_place_of_what_a_remedy_names(monkeypatch, capsys):
    def refuse(options):
        raise InputError(
            "the file `folder` is bad",
            'use another `folder`, `latent_dim=2`, `load("synthetic")` or `something else`',
        )

    monkeypatch.setattr("scratchvae.cli.parser.evaluate", refuse)
    assert main(["evaluate", "run"]) == 2
    assert capsys.readouterr().err == (
        "scratchvae: error: the file `folder` is bad: use another --out, --latent-dim 2, "
        "--data synthetic or `something else`\n"
    )


def test_no_text_of_the_library_speaks_of_an_option_of_the_command_line():
    speaking = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "import argparse" in source or "cli" in path.relative_to(PACKAGE).parts:
            continue  # a program, with options of its own
        tree = ast.parse(source)
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
        ]
        if found := [text for text in texts if re.search(r"(^|[ (`'])--[a-z]", text)]:
            speaking[path.relative_to(PACKAGE).as_posix()] = found
    assert not speaking
