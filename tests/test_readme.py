"""The README is short, and its code runs; what it and the pages name is there."""

import io
import re
from contextlib import redirect_stdout

import numpy as np
import pytest
from pages import ROOT, TEXTS, block_with, text_of
from PIL import Image


def test_it_is_a_screen_and_a_half():
    assert len(text_of("README").splitlines()) <= 110


def test_its_own_gradient_is_found_wrong_as_it_says():
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(block_with("def square_backward", "README"), {"__name__": "readme"})
    (quoted,) = re.findall(r"likely cause: “(.*?)”", text_of("README"))
    assert "WRONG" in printed.getvalue()
    assert quoted.replace("\n", " ") in printed.getvalue()


def test_pictures_of_ones_own_are_learned_from_as_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for number in range(20):
        folder = tmp_path / "photos" / ("a" if number % 2 else "b")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (9, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    names = {}
    exec(block_with('load("photos")', "README"), names)
    assert names["z"].shape == (2, 8)
    assert names["new"].shape == (16, 9, 12, 3)


def test_its_speeds_are_those_of_the_page():
    table = re.findall(r"^\| over (\w+) \|(.*)\|$", text_of("README"), re.MULTILINE)
    rows = re.findall(r"^\| `([\w-]+)` \| \d+ \| ([\d.]+) \| ([\d.]+) \|", text_of("speed"), re.M)
    assert [name for name, _ in table] == ["PyTorch", "JAX"]
    for place, (_, shown) in enumerate(table):
        assert [cell.strip() for cell in shown.split("|")] == [row[1 + place] for row in rows]


def test_every_command_shown_is_one_that_the_program_takes():
    from scratchvae.cli.parser import make_parser

    texts = "\n".join(path.read_text(encoding="utf-8") for path in TEXTS)
    shown = re.findall(
        r"`scratchvae ((?:train|sweep|evaluate|draw|reproduce|explore) [^`]*)`", texts
    )
    shown += [line.split("#")[0] for line in re.findall(r"^scratchvae (.*)$", texts, re.MULTILINE)]
    # Of a table of commands, the words in capitals stand for what a reader has.
    shown = [
        words for words in shown if not re.search(r"--help|\b(?:RECIPE|PICTURE|SOURCE)\b", words)
    ]
    assert len(shown) >= 20
    for command in shown:
        make_parser().parse_args(command.replace("`\n", " ").split())


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_what_it_links_to_is_there(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r'src="([^"]+)"|\]\(([^)\s]+)\)', text)
    made_for_the_site = ("reference/", "lessons/", "http", "#", "guide/")
    for link in (source or target for source, target in links):
        if path.parent == ROOT or not link.startswith(made_for_the_site):
            file = (path.parent / link.split("#")[0]).resolve()
            assert link.startswith("http") or file.exists(), link
