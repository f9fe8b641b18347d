"""The reader's own file: what is right goes into it, and nothing of theirs is lost."""

import linecache
import sys

import numpy as np
import pytest

from scratchvae.course import check, own_program, program
from scratchvae.course.merging import merge
from scratchvae.errors import InputError

CELLS = iter(range(1000))


def define(source, name, notebook=None):
    """Run a cell as a notebook does, its text in the line cache, and return what it defines."""
    file = f"<cell {next(CELLS)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {} if notebook is None else notebook
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


def find(name):
    """Return what the reader's program calls a piece."""
    return own_program.own_pieces(own_program.load()).get(name)


@pytest.fixture(autouse=True)
def own_file(tmp_path, monkeypatch):
    monkeypatch.setenv(own_program.VARIABLE, str(tmp_path / "my_vae.py"))
    return tmp_path / "my_vae.py"


DRAW = """def draw(mean, log_variance, eps):
    return mean + eps  # mine


print("not kept")
"""


def test_a_piece_is_kept_and_takes_the_place_of_ours(own_file, capsys):
    assert "my_vae.py" in own_program.keep(define(DRAW, "draw"), "draw")
    text = own_file.read_text(encoding="utf-8")
    assert text.endswith("    return mean + eps  # mine\n")
    assert "not kept" not in text
    assert find("draw")(1.0, 5.0, 2.0) == 3.0
    assert find("kl_to_standard") is None  # not theirs yet
    # A piece of theirs sees their other pieces, and ours for the rest.
    module = own_program.load()
    assert module.VAE is program.VAE


def test_a_later_version_stands_where_the_earlier_one_stood(own_file):
    own_program.keep(define(DRAW, "draw"), "draw")
    by_hand = own_file.read_text(encoding="utf-8") + "\n\ndef mine():\n    return 1  # by hand\n"
    own_file.write_text(by_hand, encoding="utf-8")
    own_program.keep(define(DRAW.replace("# mine", "# the second"), "draw"), "draw")
    text = own_file.read_text(encoding="utf-8")
    assert text == by_hand.replace("# mine", "# the second")
    own_program.keep(find("draw"), "draw")  # from the file itself: nothing to do
    assert own_file.read_text(encoding="utf-8") == text


def test_what_a_piece_needs_from_its_cell_comes_with_it(own_file):
    source = (
        "import math\nfrom functools import lru_cache\n\nTINY = 1e-8\n\n\n"
        "@lru_cache\ndef helper(x):\n    return math.exp(x) + TINY\n\n\n"
        "class Softplus:\n    def forward(self, x):\n        return helper(x)\n\n\n"
        'check("softplus", Softplus)\n'
    )
    cell = source.replace('check("softplus", Softplus)\n', "")
    own_program.keep(define(cell, "Softplus"), "Softplus")
    once = own_file.read_text(encoding="utf-8")
    assert own_program.load().Softplus().forward(0.0) == 1 + 1e-8
    own_program.keep(define(cell, "Softplus"), "Softplus")
    assert own_file.read_text(encoding="utf-8") == once
    assert merge(once, source) == once


def test_values_come_with_what_uses_them_in_their_order_and_nothing_else_does(own_file):
    source = (
        "import numpy as np\nfrom mine import given\n\n"
        'noise = given("noise")\nunused = 3\nHALF = 1 / 2\nQUARTER = HALF**2\n'
        "spread = lambda l: np.exp(HALF * l)\n\n\n"
        "def draw(mean, l, eps):\n    return mean + spread(l) * eps + 0 * QUARTER + noise()\n"
    )
    theirs = "import numpy as np\n\n\ndef noise():\n    return 0.0\n"
    text = merge(theirs, source.replace("from mine import given\n", ""))
    assert text.index("HALF = ") < text.index("QUARTER = ") < text.index("spread = ")
    assert text.count("noise") == 2  # the reader's own, and its use: no cell's stand-in for it
    assert "unused" not in text
    namespace = {}
    exec(text, namespace)
    assert namespace["draw"](1.0, 0.0, 2.0) == 3.0


def test_a_piece_that_cannot_be_kept_hears_why(own_file):
    pull = define(DRAW.replace("def draw", "def pull"), "pull")
    assert "under the name draw" in own_program.keep(pull, "draw")
    assert "under the name draw" in own_program.keep(
        define("draw = lambda mean, log_variance, eps: mean\n", "draw"), "draw"
    )
    del linecache.cache[(nowhere := define(DRAW, "draw")).__code__.co_filename]
    assert "in a cell by itself" in own_program.keep(nowhere, "draw")
    assert not own_file.exists()


def test_a_piece_that_needs_another_cell_is_said_to_fail_in_the_file(own_file):
    notebook = {"np": np}
    exec("def half(l):\n    return np.exp(l / 2)\n", notebook)
    source = "def draw(mean, log_variance, eps):\n    return mean + half(log_variance) * eps\n"
    verdict = check("draw", define(source, "draw", notebook))
    assert verdict.right
    assert "But there it fails" in verdict.message
    assert "name 'half' is not defined" in verdict.message
    whole = "def half(l):\n    return np.exp(l / 2)\n\n\n" + source
    assert check("draw", define(whole, "draw", notebook)).message.endswith("my_vae.py.")


def test_a_file_that_cannot_be_read_is_left_as_it_is(own_file):
    own_file.write_text("def broken(:\n", encoding="utf-8")
    said = own_program.keep(define(DRAW, "draw"), "draw")
    assert "an error in line 1" in said
    assert own_file.read_text(encoding="utf-8") == "def broken(:\n"
    with pytest.raises(InputError, match="error in line 1"):
        find("draw")


def test_a_file_that_fails_says_how(own_file):
    own_file.write_text("x = 1 / 0\n", encoding="utf-8")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        find("draw")
    assert "my_vae" not in sys.modules


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv(own_program.VARIABLE, str(tmp_path / "missing" / "my_vae.py"))
    assert "cannot write" in own_program.keep(define(DRAW, "draw"), "draw")


def test_ours_are_the_pieces_of_the_program():
    assert own_program.ours("Dense") is program.Dense
    with pytest.raises(InputError, match="did you mean 'Dense'"):
        own_program.ours("dense")
