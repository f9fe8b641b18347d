"""The README says what the code does: its code runs, and its excerpts are the code."""

import ast
import inspect
import io
import re
import textwrap
import tokenize
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_vaes import SmallVAE

import scratchvae
from scratchvae.data import Dataset
from scratchvae.data.synthetic import make_synthetic_digits

README = (Path(scratchvae.__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def block_with(words):
    (found,) = (block for block in PYTHON if words in block)
    return found


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
        rf"^def {name}\(.*?(?=^def |\Z)", block_with("def forward(self, x, eps"), re.M | re.S
    )
    actual = inspect.getsource(getattr(scratchvae.VAE, name))
    assert without_docstring_and_types(shown.group()) == without_docstring_and_types(actual)
    assert comments(shown.group()) == comments(actual)


def test_the_layer_of_ones_own_prints_what_the_readme_shows():
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(block_with("class Square"), {"__name__": "readme"})
    shown = re.search(r"```\n(Square\n.*?)```", README, re.DOTALL).group(1)
    assert printed.getvalue() == shown


def test_the_doctor_of_a_vae_of_ones_own_prints_what_the_readme_shows():
    vae, block = SmallVAE(), block_with("scratchvae.doctor")
    names = {"x": vae.data, "encode": vae.encode, "decode": vae.decode, "loss": vae.loss}
    names["draw"] = lambda mean, spread: vae.draw(mean, 2 * spread)  # exp(spread) · noise
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(block, {"scratchvae": scratchvae} | names)
    shown = re.findall(r"^# (.*)$", block, re.MULTILINE)
    assert shown[1:] == printed.getvalue().splitlines()[:3]


def test_the_library_runs_as_shown(monkeypatch):
    digits = make_synthetic_digits(300)
    data = Dataset("synthetic", digits.images, digits.labels, digits.images, digits.labels, "")
    monkeypatch.setattr("scratchvae.data.load", lambda name: data)
    names = {}
    exec(block_with('digits = load("auto")'), names)
    assert names["z"].shape == (300, 2)
    assert names["images"].shape == (300, 28, 28, 1)
    assert names["new"].shape == (16, 28, 28, 1)
    assert names["bound"].shape == (300,)
    assert np.isfinite(names["bound"]).all()


def test_pictures_of_ones_own_are_learned_from_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for number in range(20):
        folder = tmp_path / "photos" / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    names = {}
    exec(block_with('load("photos")'), names)
    assert names["z"].shape == (2, 8)
    assert names["new"].shape == (16, 9, 12, 3)


def test_a_model_is_kept_as_shown(tmp_path, monkeypatch):
    pytest.importorskip("safetensors")
    monkeypatch.chdir(tmp_path)
    names = {"scratchvae": scratchvae, "model": scratchvae.build("zhao-mlp")}
    exec(block_with('model.save("digits.npz")'), names)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.npz", "digits.safetensors"]


def test_every_command_shown_is_one_that_the_program_takes():
    from scratchvae.cli.parser import make_parser

    shown = re.findall(
        r"`scratchvae ((?:train|evaluate|gradcheck|bench|draw|reproduce)[^`]*)`", README
    )
    shown += [line.split("#")[0] for line in re.findall(r"^scratchvae (.*)$", README, re.MULTILINE)]
    assert len(shown) >= 5
    for command in shown:
        words = command.split()
        if "--help" in words or words == ["evaluate"] or words == ["train"]:
            continue
        make_parser().parse_args(words)


def test_the_pictures_are_there():
    root = Path(scratchvae.__file__).parents[1]
    shown = re.findall(r'(?:src="|\]\()([^")]+\.png)', README)
    assert shown
    for picture in shown:
        assert (root / picture).is_file(), picture
