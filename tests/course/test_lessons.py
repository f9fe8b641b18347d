"""The lessons: they run, their exercises can be solved, their equations are those of the code."""

import ast
import os
import re
from pathlib import Path

import numpy as np
import pytest
from helpers import refused

import scratchvae
from scratchvae.course import notebooks, own_program, program
from scratchvae.course.exercises.catalogue import LESSONS
from scratchvae.course.exercises.exercise import Exercise, Question
from scratchvae.course.merging import merge
from scratchvae.errors import InputError

ROOT = Path(scratchvae.__file__).parent.parent
PATHS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.ipynb"))
LARGEST = 500_000  # bytes: what is still pleasant to download and to look at on the web
TAG = re.compile(r"\\tag\{(\d+\.\d+)\}")
REFERENCE = re.compile(r"\beq\. (\d+\.\d+)\b")

by_lesson = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def test_the_lessons_are_numbered_and_listed():
    assert len({path.name[:2] for path in PATHS}) == len(PATHS) == len(LESSONS)
    listed = (ROOT / "lessons" / "README.md").read_text(encoding="utf-8")
    assert all(path.name in listed for path in PATHS)


@by_lesson
class TestAsCommitted:
    def test_it_was_executed_in_order_without_an_error(self, path):
        cells = [cell for cell in notebooks.read(path).cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
        kinds = {output.output_type for cell in cells for output in cell.outputs}
        assert "error" not in kinds
        assert path.stat().st_size <= LARGEST

    def test_it_names_no_folder_of_the_machine_that_ran_it(self, path):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"/(tmp|home|work|root|Users)/", text)
        assert "application/vnd.jupyter.widget-view" not in text  # there is a picture instead

    def test_its_exercises_are_those_of_the_checker_and_have_folded_solutions(self, path):
        notebook = notebooks.read(path)
        asked = list(notebooks.exercises(notebook))
        assert asked == [exercise.name for exercise in LESSONS[PATHS.index(path)]]
        assert set(notebooks.solutions(notebook)) == set(asked)
        assert len(asked) >= 2

    def test_its_stubs_are_unanswered(self, path):
        notebook = notebooks.read(path)
        for name, place in notebooks.exercises(notebook).items():
            shown = str(notebook.cells[place].outputs)
            assert f"{name}: not done" in shown

    def test_every_picture_is_followed_by_words(self, path):
        cells = notebooks.read(path).cells
        for cell, after in zip(cells, [*cells[1:], None], strict=True):
            outputs = cell.get("outputs", [])
            kinds = {"image/png", "image/svg+xml"}
            pictures = [i for i, o in enumerate(outputs) if kinds & o.get("data", {}).keys()]
            if pictures:
                said = any("text/markdown" in o.get("data", {}) for o in outputs[pictures[-1] :])
                assert said or (after is not None and after.cell_type == "markdown")


# Each lesson runs twice, from a fresh kernel and with little work: as it is and without MNIST, and
# its stubs must not stop it; and with its solutions, and every check must say right.


@by_lesson
def test_it_runs_with_its_stubs_unanswered_and_without_mnist(path, tmp_path):
    notebook = notebooks.execute(notebooks.read(path), tmp_path, fast=True, data="synthetic")
    shown = "".join(str(cell.get("outputs", "")) for cell in notebook.cells)
    if "course.digits(" in path.read_text(encoding="utf-8"):
        assert "synthetic digits in place of MNIST" in shown


@by_lesson
def test_assertions_in_it_say_that_each_solution_is_right(path, tmp_path):
    data = None if os.environ.get("SCRATCHVAE_DATA") else "synthetic"
    solved = notebooks.with_solutions(notebooks.read(path))
    notebooks.execute(solved, tmp_path, fast=True, data=data)


def _labels_of_the_lessons():
    found = []
    for path in PATHS:
        cells = [cell for cell in notebooks.read(path).cells if cell.cell_type == "markdown"]
        labels = [label for cell in cells for label in TAG.findall(cell.source)]
        lesson = int(path.name[:2])
        assert labels == [f"{lesson}.{n}" for n in range(1, len(labels) + 1)], path.name
        found += labels
    return found


def _labels_of_the_docstrings():
    found = set()
    for file in (ROOT / "scratchvae").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                found |= set(REFERENCE.findall(ast.get_docstring(node) or ""))
    return found


def _labels_of_the_tests():
    """Return the labels in the docstrings of tests that hold at least one assertion."""
    found = set()
    for file in (ROOT / "tests").rglob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.FunctionDef) and node.name.startswith("test_")):
                continue
            asserts = any(
                isinstance(inner, ast.Assert)
                or (isinstance(inner, ast.Call) and "assert" in ast.unparse(inner.func))
                for inner in ast.walk(node)
            )
            if asserts:
                found |= set(REFERENCE.findall(ast.get_docstring(node) or ""))
    return found


def test_every_equation_is_in_a_lesson_a_docstring_and_a_test():
    lessons = set(_labels_of_the_lessons())
    docstrings, tests = _labels_of_the_docstrings(), _labels_of_the_tests()
    assert not lessons - docstrings, f"in no docstring: {sorted(lessons - docstrings)}"
    assert not lessons - tests, f"in no test: {sorted(lessons - tests)}"
    unknown = sorted((docstrings | tests) - lessons)
    assert not unknown, f"in no lesson: {unknown}"
    assert len(lessons) >= 50


def test_equations_that_hints_refer_to_are_in_the_lessons():
    labels = set(_labels_of_the_lessons())
    for exercise in (each for lesson in LESSONS for each in lesson):
        said = " ".join([*exercise.hints, *exercise.mistakes])
        found = set(re.findall(r"\((\d+\.\d+)\)", said))
        assert found <= labels, f"{exercise.name}: {sorted(found - labels)}"


def test_there_are_enough_exercises_of_all_kinds():
    asked = [exercise for lesson in LESSONS for exercise in lesson]
    assert len(asked) >= 60
    kinds = {exercise.kind for exercise in asked if isinstance(exercise, Question)}
    assert kinds >= {"predict", "explain", "prove"}
    assert any(isinstance(e, Exercise) and e.planted is not None for e in asked)
    assert all(exercise.hints for exercise in asked)


def test_the_solutions_make_a_whole_program():
    """The pieces of all lessons are the program's, and together they need nothing of ours."""
    text = own_program._HEADER
    for path in PATHS:
        asked = {e.name: e for e in LESSONS[PATHS.index(path)]}
        for name, code in notebooks.solutions(notebooks.read(path)).items():
            if getattr(asked[name], "piece", ""):
                text = merge(text, code)
    own = "\n".join(line for line in text.splitlines() if "import *" not in line)
    namespace = {"__name__": "my_vae"}
    exec(compile(own, "my_vae.py", "exec"), namespace)
    assert set(program.__all__) <= namespace.keys()
    assert len(own.splitlines()) >= 400

    rng = np.random.default_rng(0)
    encoder = namespace["Sequential"](namespace["Dense"](6, 4, rng))
    decoder = namespace["Sequential"](namespace["Dense"](2, 6, rng))
    vae = namespace["VAE"](encoder, decoder, namespace["Bernoulli"](), 2)
    images = (rng.random((40, 6)) < 0.5).astype(float)
    history = namespace["train_vae"](
        vae, namespace["Adam"](vae.parameters, 0.05), images, epochs=5, size=10, rng=rng
    )
    assert history[-1] < history[0]
    assert namespace["estimate_log_evidence"](vae, images, 3, rng).shape == (40,)


# Running notebooks, on one with two cells.

STUB = 'def double(x):\n    ...\n\n\ncheck("double", double)'
FOLDED = (
    "<details><summary>Solution: double</summary>\n\nTwice:\n\n"
    "```python\ndef double(x):\n    return 2 * x\n```\n\n</details>"
)


def _notebook(*cells):
    import nbformat

    kinds = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    return nbformat.v4.new_notebook(cells=[kinds[kind](source) for kind, source in cells])


def test_with_solutions_replaces_a_stub_by_its_solution():
    notebook = _notebook(("code", STUB), ("markdown", FOLDED))
    solved = notebooks.with_solutions(notebook)
    assert solved.cells[0].source == (
        'def double(x):\n    return 2 * x\n\n\n_verdict = check("double", double)\n'
        "assert _verdict.right, _verdict"
    )
    assert notebook.cells[0].source == STUB


def test_with_solutions_refuses_a_stub_without_a_solution():
    with pytest.raises(InputError, match="'double' has no folded solution"):
        notebooks.with_solutions(_notebook(("code", STUB)))


def test_execute_stops_at_a_cell_that_fails(tmp_path):
    from nbclient.exceptions import CellExecutionError

    with pytest.raises(CellExecutionError, match="1 / 0"):
        notebooks.execute(_notebook(("code", "1 / 0")), tmp_path)


def test_main_names_a_file_that_is_no_notebook(tmp_path, capsys):
    file = tmp_path / "damaged.ipynb"
    file.write_text("{", encoding="utf-8")
    assert notebooks.main([str(file)]) == 2
    assert "expected a notebook" in capsys.readouterr().err
    assert notebooks.main([str(tmp_path / "missing.ipynb")]) == 2


def test_execute_leaves_nothing_of_the_machine_in_a_notebook(tmp_path):
    notebook = _notebook(("code", "import sys; print('a', file=sys.stderr); print('b')"))
    notebook.metadata["kernelspec"] = {"name": "my-own", "display_name": "mine"}
    once = notebooks.execute(notebook, tmp_path)
    assert [output.text for output in once.cells[0].outputs] == ["b\n"]
    assert once.metadata["kernelspec"]["name"] == "python3"
    assert once.cells[0].id == "cell-000"


def test_tidy_keeps_only_the_tags_of_a_cell():
    notebook = _notebook(("code", "1"), ("markdown", "two"))
    notebook.metadata.update(language_info={"name": "python", "version": "3.11.2"}, mine=1)
    for cell, tags in zip(notebook.cells, (["hide"], []), strict=True):
        cell.metadata.update(tags=tags, collapsed=True, execution={"shell.execute_reply": "12:00"})
    tidied = notebooks.tidy(notebook)
    assert set(tidied.metadata) == {"kernelspec", "language_info"}
    assert "version" not in tidied.metadata["language_info"]
    assert [cell.metadata for cell in tidied.cells] == [{"tags": ["hide"]}, {}]
    assert [cell.id for cell in tidied.cells] == ["cell-000", "cell-001"]


@pytest.mark.parametrize("wrong", [None, 3, "x", ["x"]])
def test_what_is_no_notebook_is_refused(wrong, tmp_path):
    for call in (
        notebooks.exercises,
        notebooks.solutions,
        notebooks.with_solutions,
        notebooks.tidy,
        lambda notebook: notebooks.write(notebook, tmp_path / "new.ipynb"),
        lambda notebook: notebooks.execute(notebook, tmp_path),
    ):
        with refused("expected a notebook", type(wrong).__name__):
            call(wrong)
    assert not list(tmp_path.iterdir())
    if not isinstance(wrong, str):
        with refused("path must be", type(wrong).__name__):
            notebooks.read(wrong)


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"cells": 3}', "no JSON"])
def test_a_file_that_is_no_notebook_is_refused(text, tmp_path):
    path = tmp_path / "some.ipynb"
    path.write_text(text)
    with refused("expected a notebook in", "some.ipynb"):
        notebooks.read(path)
