"""The examination of a whole program."""

import re
from pathlib import Path

import pytest

import scratchvae
from scratchvae.course import examine, notebooks, own_program
from scratchvae.course.exercises.catalogue import LESSONS
from scratchvae.course.merging import merge

COUNT, NEEDED = (
    sum(bool(getattr(each, "piece", "")) for lesson in lessons for each in lesson)
    for lessons in (LESSONS, LESSONS[: examine.FIRST_HALF])
)
LESSON_FILES = Path(scratchvae.__file__).parent.parent / "lessons"


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Return a file with the solutions of all lessons, and nothing of ours."""
    text = re.sub(r"(?m)^# Until.*\n.*import \*.*\n", "", own_program._HEADER)
    for lesson, path in zip(LESSONS, sorted(LESSON_FILES.glob("[0-9]*.ipynb")), strict=True):
        pieces = {each.name for each in lesson if getattr(each, "piece", "")}
        for name, code in notebooks.solutions(notebooks.read(path)).items():
            text = merge(text, code) if name in pieces else text
    file = tmp_path_factory.mktemp("own") / "mine.py"
    file.write_text(text, encoding="utf-8")
    assert "scratchvae" not in text
    return file


def test_a_whole_program_passes(solved, capsys):
    assert examine.main([str(solved)]) == 0
    assert COUNT > NEEDED >= 40
    assert f"{COUNT} of {COUNT} pieces are right." in capsys.readouterr().out


def test_what_is_wrong_or_missing_is_said(solved, tmp_path, capsys):
    text = solved.read_text(encoding="utf-8").replace("def toss", "def other")
    text = text.replace("return x @ self.parameters", "return -x @ self.parameters")
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    assert examine.main([str(file)]) == 1
    said = capsys.readouterr().out
    assert re.search(r"^toss +missing: toss\(grey, rng\)$", said, re.MULTILINE)
    assert re.search(r"^Dense +wrong: .+", said, re.MULTILINE)


def test_an_empty_file_is_told_what_to_write(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("import numpy as np\n", encoding="utf-8")
    assert examine.main([str(file)]) == 1
    said = capsys.readouterr().out
    usage = "Dense(inputs, outputs, rng, dtype=np.float64) with forward(x), backward(dy)"
    assert f"missing: {usage}" in said
    assert (
        "missing: train_network(network, loss, optimiser, x, target, *, epochs, size, rng)" in said
    )
    assert "with parameters, gradients, encode(x), forward(x, eps), backward()" in said
    assert f"0 of {NEEDED} pieces are right." in said
    assert "Conv2D" not in said  # that is of a later lesson


def test_what_pieces_agree_on_is_said_with_their_usage(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("import numpy as np\n", encoding="utf-8")
    assert examine.main([str(file)]) == 1
    said = capsys.readouterr().out
    assert re.search(
        r"^Dense .*\"weight\" and a \"bias\"; both begin uniformly", said, re.MULTILINE
    )
    assert re.search(r"^Adam .*rate, which train_vae changes$", said, re.MULTILINE)


def test_a_program_with_a_wrong_piece_is_not_trained_and_that_is_said(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text("import numpy as np\n", encoding="utf-8")
    assert examine.main([str(file), "--train"]) == 1
    assert "It is not trained before all of them are." in capsys.readouterr().out


def test_a_loss_far_from_the_packages_is_not_passed_over(solved, monkeypatch, capsys):
    monkeypatch.setattr(examine, "compare_training", lambda module: (165.0, 159.5))
    assert examine.main([str(solved), "--train"]) == 1
    assert "look at what begins the training" in capsys.readouterr().out
    monkeypatch.setattr(examine, "compare_training", lambda module: (160.0, 159.5))
    assert examine.main([str(solved), "--train"]) == 0


def test_a_file_that_is_not_there_is_said(tmp_path, capsys):
    assert examine.main([str(tmp_path / "missing.py")]) == 2
    assert "there is no file" in capsys.readouterr().err


def test_it_trains_beside_the_package(solved, monkeypatch):
    monkeypatch.setenv("SCRATCHVAE_FAST", "1")
    monkeypatch.setenv("SCRATCHVAE_LESSON_DATA", "synthetic")
    own, packaged = examine.compare_training(own_program.load(solved))
    # Two epochs of 2,000 images: both are far below the coin's 543 nats, and near each other.
    assert 100 < own < 350
    assert abs(own - packaged) < 30
