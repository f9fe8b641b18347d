"""What the program prints can be shown anywhere, and does nothing to the terminal."""

import ast
import io
import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scratchvae
from scratchvae.cli.text import as_typed, printable, show_every_character
from scratchvae.runs import Run

PACKAGE = Path(scratchvae.__file__).parent
# Text of pictures, of files in UTF-8 and of lessons; and the table of what is printed instead.
SHOWN_ELSEWHERE = (
    "checks/doctor",
    "course",
    "plots",
    "reproduce",
    "checks/mutants",
    "characters.py",
)
ON_STANDARD_ERROR = "compiling kernels (once)…"  # where Python escapes what cannot be shown


def written(text, encoding):
    file = io.BytesIO()
    stream = io.TextIOWrapper(file, encoding=encoding)
    show_every_character(stream)
    stream.write(text)
    stream.flush()
    return file.getvalue().decode(encoding)


def test_characters_that_an_encoding_lacks_are_written_plainly():
    text = "⅓ ½ π ≤ 2 – größe 日"
    assert written(text, "utf-8") == text
    assert written(text, "cp1252") == "1/3 ½ pi <= 2 – größe \\u65e5"
    assert written(text, "ascii") == "1/3 1/2 pi <= 2 - gr\\xf6\\xdfe \\u65e5"
    assert "日" in written(text, "cp932")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "cp932"])
@given(text=st.text(st.characters(exclude_characters="\r\n")))
def test_any_text_can_be_written_in_any_encoding(encoding, text):
    written(text, encoding)


@given(text=st.text(st.characters(categories=None)))
def test_printable_text_moves_no_cursor_and_keeps_what_can_be_read(text):
    shown = printable(text)
    assert shown.isprintable()
    readable = text.isprintable()
    assert (shown == text) == readable


@pytest.mark.parametrize(
    "word",
    ["run", "the run", "größe", "it's", "a\nb", "\x1b[31mred", "\x1b'\\\x07", "\udcff\udcfe"],
)
def test_a_command_line_gives_its_words_to_a_shell(word):
    done = subprocess.run(
        ["bash", "-c", f"printf %s {as_typed([word])}"], capture_output=True, check=True
    )
    assert done.stdout == os.fsencode(word)
    assert as_typed([word]).isprintable()


def test_no_text_that_is_printed_needs_more_than_a_plain_console():
    wanting = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name.startswith(SHOWN_ELSEWHERE):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        found = [
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and not node.value.isascii()
            and id(node) not in documentation
            and node.value != ON_STANDARD_ERROR
        ]
        if found:
            wanting[name] = found
    assert not wanting


def test_a_name_with_a_line_break_or_an_escape_is_printed_in_one_harmless_line(
    here, call, finished, without_pictures
):
    code, output, errors = call("draw", finished, "samples", "--out", "a\nb\x1b[2J.png")
    assert (code, output, errors) == (0, [r"a\nb\x1b[2J.png"], [])
    assert (here / "a\nb\x1b[2J.png").exists()
    code, output, errors = call("train", "--epochs", "1", "--out", "c\x1b[2J\nd")
    assert (code, errors) == (0, [])
    assert r"in c\x1b[2J\nd: 1 epoch" in output[1]
    assert Run.open(here / "c\x1b[2J\nd").complete
    code, output, errors = call("evaluate", "no\x1b[2J\nsuch")
    assert (code, output) == (2, [])
    assert len(errors) == 1
    assert errors[0].isprintable()
