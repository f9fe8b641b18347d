"""The reader's own file: what is right goes into it, and nothing of theirs is lost."""

import linecache
import sys

import pytest

from scratchvae.course import own_program, program
from scratchvae.errors import InputError

CELLS = iter(range(1000))


def define(source, name):
    """Run a cell as a notebook does, its text in the line cache, and return what it defines."""
    file = f"<cell {next(CELLS)}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    namespace = {}
    exec(compile(source, file, "exec"), namespace)
    return namespace[name]


@pytest.fixture(autouse=True)
def own_file(tmp_path, monkeypatch):
    monkeypatch.setenv(own_program.VARIABLE, str(tmp_path / "my_vae.py"))
    return tmp_path / "my_vae.py"


DRAW = """def draw(mean, log_variance, eps):
    return mean + eps  # mine


print("not kept")
"""


def test_a_piece_is_kept_and_takes_the_place_of_ours(own_file, capsys):
    assert "my_vae.py" in own_program.keep(define(DRAW, "draw"))
    text = own_file.read_text(encoding="utf-8")
    assert text.endswith("    return mean + eps  # mine\n")
    assert "not kept" not in text
    assert own_program.find("draw")(1.0, 5.0, 2.0) == 3.0
    assert own_program.find("kl_to_standard") is None  # not theirs yet
    # A piece of theirs sees their other pieces, and ours for the rest.
    module = own_program.load()
    assert module.VAE is program.VAE


def test_a_later_version_stands_where_the_earlier_one_stood(own_file):
    own_program.keep(define(DRAW, "draw"))
    by_hand = own_file.read_text(encoding="utf-8") + "\n\ndef mine():\n    return 1  # by hand\n"
    own_file.write_text(by_hand, encoding="utf-8")
    own_program.keep(define(DRAW.replace("# mine", "# the second"), "draw"))
    text = own_file.read_text(encoding="utf-8")
    assert text == by_hand.replace("# mine", "# the second")
    own_program.keep(own_program.find("draw"))  # from the file itself: nothing to do
    assert own_file.read_text(encoding="utf-8") == text


def test_what_a_piece_needs_from_its_cell_comes_with_it(own_file):
    source = (
        "import math\nfrom functools import lru_cache\n\nTINY = 1e-8\n\n\n"
        "@lru_cache\ndef helper(x):\n    return math.exp(x) + TINY\n\n\n"
        "class Softplus:\n    def forward(self, x):\n        return helper(x)\n\n\n"
        'check("softplus", Softplus)\n'
    )
    cell = source.replace('check("softplus", Softplus)\n', "")
    own_program.keep(define(cell, "Softplus"))
    once = own_file.read_text(encoding="utf-8")
    assert own_program.load().Softplus().forward(0.0) == 1 + 1e-8
    own_program.keep(define(cell, "Softplus"))
    assert own_file.read_text(encoding="utf-8") == once
    assert own_program._merged(once, source) == once


def test_a_file_that_cannot_be_read_is_left_as_it_is(own_file):
    own_file.write_text("def broken(:\n", encoding="utf-8")
    said = own_program.keep(define(DRAW, "draw"))
    assert "an error in line 1" in said
    assert own_file.read_text(encoding="utf-8") == "def broken(:\n"
    with pytest.raises(InputError, match="error in line 1"):
        own_program.find("draw")


def test_a_file_that_fails_says_how(own_file):
    own_file.write_text("x = 1 / 0\n", encoding="utf-8")
    with pytest.raises(InputError, match="ZeroDivisionError"):
        own_program.find("draw")
    assert "my_vae" not in sys.modules


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv(own_program.VARIABLE, str(tmp_path / "missing" / "my_vae.py"))
    assert "cannot write" in own_program.keep(define(DRAW, "draw"))


def test_ours_are_the_pieces_of_the_program():
    assert own_program.ours("Dense") is program.Dense
    with pytest.raises(InputError, match="did you mean 'Dense'"):
        own_program.ours("dense")
