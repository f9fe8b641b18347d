"""The pages of ``docs`` say what the code does: their code runs, their excerpts are the code."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from contextlib import redirect_stdout

import numpy as np
import pytest
from pages import ROOT, block_with, text_of
from small_vaes import SmallVAE

import scratchvae
from scratchvae.data import Dataset
from scratchvae.data.synthetic import make_synthetic_digits


@pytest.fixture
def few_digits(monkeypatch):
    digits = make_synthetic_digits(300)
    data = Dataset("synthetic", digits.images, digits.labels, digits.images, digits.labels, "")
    monkeypatch.setattr("scratchvae.data.load", lambda name: data)


def without_docstring_and_types(function):
    """Return a function's syntax tree as the README shows it."""
    tree = ast.parse(textwrap.dedent(function)).body[0]
    if isinstance(tree.body[0], ast.Expr) and isinstance(tree.body[0].value, ast.Constant):
        tree.body = tree.body[1:]
    tree.returns = None
    for argument in (*tree.args.args, tree.args.kwarg):
        if argument is not None:
            argument.annotation = None
    return ast.dump(tree)


def comments(function):
    tokens = tokenize.generate_tokens(io.StringIO(textwrap.dedent(function)).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize("name", ["forward", "backward"])
def test_the_vae_on_one_screen_is_the_vae(name):
    shown = re.search(
        rf"^def {name}\(.*?(?=^def |\Z)",
        block_with("def forward(self, x, eps", "one_screen"),
        re.M | re.S,
    )
    actual = inspect.getsource(getattr(scratchvae.VAE, name))
    assert without_docstring_and_types(shown.group()) == without_docstring_and_types(actual)
    assert comments(shown.group()) == comments(actual)


def test_the_layer_of_ones_own_prints_what_the_page_shows():
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(block_with("class Square", "gradient_check"), {"__name__": "page"})
    shown = re.search(r"```text\n(Square\n.*?)```", text_of("gradient_check"), re.DOTALL).group(1)
    assert printed.getvalue() == shown


def test_the_layer_that_learns_is_right(capsys):
    names = {"__name__": "page"}
    for words in ("class Square", "class Leaky"):
        exec(block_with(words, "gradient_check"), names)
    shown = capsys.readouterr().out.partition("Leaky")[2]
    assert "slope" in shown
    assert "WRONG" not in shown


def test_the_doctor_of_a_vae_of_ones_own_prints_what_the_page_shows():
    vae, block = SmallVAE(), block_with("parts =", "doctor")
    names = {"x": vae.data, "encode": vae.encode, "decode": vae.decode, "loss": vae.loss}
    names["draw"] = lambda mean, spread: vae.draw(mean, 2 * spread)  # exp(spread) · noise
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(block, {"scratchvae": scratchvae} | names)
    shown = re.findall(r"^# (.*)$", block, re.MULTILINE)
    assert shown[1:] == printed.getvalue().splitlines()[:3]


def test_the_library_runs_as_shown(few_digits):
    names = {}
    exec(block_with('digits = load("auto")', "library"), names)
    assert names["z"].shape == (300, 2)
    assert names["images"].shape == (300, 28, 28, 1)
    assert names["new"].shape == (16, 28, 28, 1)
    assert names["bound"].shape == (300,)
    assert np.isfinite(names["bound"]).all()


def test_a_model_is_kept_as_shown(tmp_path, monkeypatch):
    pytest.importorskip("safetensors")
    monkeypatch.chdir(tmp_path)
    names = {"scratchvae": scratchvae, "model": scratchvae.build("zhao-mlp")}
    exec(block_with('model.save("digits.npz")', "library"), names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.npz", "digits.safetensors"]


def test_an_explorer_is_written_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    digits = make_synthetic_digits(20)
    names = {"model": scratchvae.build("zhao-mlp"), "images": digits.images}
    exec(block_with("explorer.write", "explorer"), names | {"labels": digits.labels})
    assert (tmp_path / "explorer.html").is_file()


def test_a_notebook_draws_as_shown(few_digits):
    names = {}
    exec(block_with("draw_loss", "notebooks"), names)
    assert [len(names[figure].axes) > 0 for figure in ("curves", "plane")] == [True, True]


def test_scikit_learn_searches_as_shown(monkeypatch):
    datasets = pytest.importorskip("sklearn.datasets")
    pixels, digits = datasets.load_digits(return_X_y=True)
    few = lambda return_X_y: (pixels[:120], digits[:120])  # noqa: E731
    monkeypatch.setattr(datasets, "load_digits", few)
    names = {}
    exec(block_with("GridSearchCV", "scikit_learn"), names)
    assert names["search"].best_params_["vaetransformer__latent_dim"] in (2, 8)


def test_the_file_of_options_is_one_that_train_takes(tmp_path):
    from scratchvae.cli.choices import requested
    from scratchvae.cli.parser import make_parser

    (text,) = re.findall(r"```toml\n(.*?)```", text_of("command_line"), re.DOTALL)
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    words = ["train", "--config", str(tmp_path / "mine.toml"), "--hidden", "20"]
    chosen = requested(make_parser().parse_args(words))
    assert (chosen["recipe"], chosen["latent_dim"]) == ("zhao-mlp", 10)
    assert chosen["options"] == {"hidden": 20}
    assert chosen["settings"] == {"epochs": 20, "warm_up": 5}


def test_every_promise_names_a_test_that_is_there():
    named = re.findall(r"`(tests/\S+\.py)::(test_\w+)`", text_of("promises"))
    assert len(named) >= 20
    for path, name in named:
        assert f"\ndef {name}(" in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"


def test_as_many_bugs_are_seen_as_the_texts_say():
    rows = re.findall(r"^\| \[.*?\]\(#.*?\) \|.*\| (.*?) \|$", text_of("bugs_in_the_wild"), re.M)
    seen = f"{sum(says != 'nothing' for says in rows)} of {len(rows)}"
    assert f"finds {seen}" in text_of("README").replace("\n", " ")
    assert f"| {seen} |" in text_of("promises")
