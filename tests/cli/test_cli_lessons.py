"""``scratchvae lessons``: a copy for the reader, of which nothing of theirs is lost."""

import subprocess
import sys

import pytest

from scratchvae.cli import main
from scratchvae.cli.outline import make_outline
from scratchvae.cli.parser import make_parser
from scratchvae.course import copies
from scratchvae.errors import InputError

FIRST, SECOND = "01_first_look.ipynb", "02_dense_layers.ipynb"


@pytest.fixture
def course(tmp_path, monkeypatch):
    """Lessons of two notebooks, as they lie in a clone."""
    folder = tmp_path / "clone" / "lessons"
    folder.mkdir(parents=True)
    for name in (FIRST, SECOND, "glossary.md", "notes.txt"):
        (folder / name).write_text(f"the first {name}")
    monkeypatch.setattr(copies, "lessons_folder", lambda: folder)
    return folder


def test_the_outline_is_the_help_of_all_commands():
    assert make_outline().format_help() == make_parser().format_help()


def test_the_lessons_of_this_clone_are_found():
    names = {file.name for file in copies.lessons_folder().glob("*.ipynb")}
    assert {FIRST, SECOND} <= names


def test_a_copy_has_notebooks_and_texts_and_nothing_else(course, tmp_path):
    done = copies.copy_lessons(tmp_path / "mine")
    assert done.new == [FIRST, SECOND, "glossary.md"]
    assert {file.name for file in (tmp_path / "mine").iterdir()} == {*done.new, copies.NOTE}
    assert copies.copy_lessons(tmp_path / "mine") == ([], [], [])


def test_a_newer_lesson_takes_the_place_of_one_that_was_not_changed(course, tmp_path):
    mine = tmp_path / "mine"
    copies.copy_lessons(mine)
    (mine / SECOND).write_text("my answers")
    for name in (FIRST, SECOND):
        (course / name).write_text("newer")
    assert copies.copy_lessons(mine) == ([], [FIRST], [SECOND])
    assert (mine / FIRST).read_text() == "newer"
    assert (mine / SECOND).read_text() == "my answers"
    # It is said until they make room; then they have both.
    assert copies.copy_lessons(mine).kept == [SECOND]
    (mine / SECOND).rename(mine / "answers.ipynb")
    assert copies.copy_lessons(mine) == ([SECOND], [], [])
    assert (mine / "answers.ipynb").read_text() == "my answers"


def test_changes_to_a_lesson_that_stays_the_same_are_nothing_to_speak_of(course, tmp_path):
    copies.copy_lessons(tmp_path)
    (tmp_path / FIRST).write_text("my answers")
    assert copies.copy_lessons(tmp_path) == ([], [], [])
    assert (tmp_path / FIRST).read_text() == "my answers"


def test_a_file_that_was_there_before_is_the_readers(course, tmp_path):
    (tmp_path / FIRST).write_text("a notebook of that name")
    assert copies.copy_lessons(tmp_path).kept == [FIRST]
    assert (tmp_path / FIRST).read_text() == "a notebook of that name"


def test_a_program_begun_beside_the_lessons_comes_along_once(course, tmp_path):
    (course / "my_vae.py").write_text("begun")
    copies.copy_lessons(tmp_path)
    (tmp_path / "my_vae.py").write_text("further")
    copies.copy_lessons(tmp_path)
    assert (tmp_path / "my_vae.py").read_text() == "further"


def test_the_lessons_themselves_are_no_place_for_a_copy(course):
    with pytest.raises(InputError, match="name a folder of your own"):
        copies.copy_lessons(course)


def test_without_jupyterlab_the_copy_is_there_and_a_line_says_what_to_install(
    course, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("scratchvae.cli.lessons.find_spec", lambda name: None)
    assert main(["lessons", str(tmp_path / "mine")]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert "pip install 'scratchvae[lessons]'" in said.err
    assert (tmp_path / "mine" / FIRST).exists()
    assert main(["lessons", str(tmp_path / "mine"), "--no-open"]) == 0


@pytest.mark.parametrize(("user", "expected"), [(0, ["--allow-root"]), (1000, [])])
def test_jupyterlab_opens_the_first_lesson_of_the_copy(
    course, tmp_path, monkeypatch, user, expected
):
    opened = []

    class Jupyter:
        def __init__(self, words, cwd):
            opened.append((words, cwd))

        def wait(self):
            return 3

    monkeypatch.setattr("os.geteuid", lambda: user, raising=False)
    monkeypatch.setattr("scratchvae.cli.lessons.find_spec", lambda name: object())
    monkeypatch.setattr(subprocess, "Popen", Jupyter)
    assert main(["lessons", str(tmp_path)]) == 3
    assert opened == [([sys.executable, "-m", "jupyterlab", FIRST, *expected], tmp_path)]


def test_a_build_has_the_lessons_inside_the_package(tmp_path):
    root = copies.lessons_folder().parent
    if not (root / "setup.py").exists():
        pytest.skip("this is no clone")
    pytest.importorskip("setuptools")
    words = [sys.executable, "setup.py", "-q", "build", "--build-base", str(tmp_path / "build")]
    subprocess.run(words, cwd=root, check=True, capture_output=True)
    (package,) = (tmp_path / "build").glob("lib*/scratchvae")
    assert {file.name for file in (package / "lessons").iterdir()} == {
        file.name for file in (root / "lessons").iterdir() if file.suffix in (".ipynb", ".md")
    }
