"""What a reader sees of a verdict: its words, and one more hint for each wrong answer."""

from collections import defaultdict
from dataclasses import replace

import pytest

from scratchvae.course.exercises import Exercise, check, checking
from scratchvae.course.exercises.catalogue import EXERCISES
from scratchvae.course.exercises.exercise import Question


def _answer(x, dy):
    return x.T @ dy


def _draw(random):
    return random.standard_normal((5, 3)), random.standard_normal((5, 4))


PRODUCT = Exercise(
    "product", _answer, _draw, hints=("look at the shapes", "a transpose and a product")
)
PAIR = Exercise(
    "pair", lambda x, dy: (x.T @ dy, dy.sum(axis=0)), _draw, returns=("d_weight", "d_bias")
)


@pytest.fixture(autouse=True)
def nothing_tried_yet(monkeypatch):
    monkeypatch.setattr(checking, "_wrong_answers", defaultdict(set))


def test_check_shows_one_more_hint_after_every_wrong_attempt(monkeypatch):
    monkeypatch.setitem(EXERCISES, "product", PRODUCT)
    wrong = [lambda x, dy: -(x.T @ dy), lambda x, dy: 2 * (x.T @ dy), lambda x, dy: x.T @ dy + 1]
    shown = [check("product", answer) for answer in wrong]
    assert [len(verdict.hints) for verdict in shown] == [1, 2, 2]
    assert "folded" in shown[2].message
    assert "folded" not in shown[1].message
    assert check("product", _answer).right
    assert len(check("product", lambda x, dy: x.T @ dy + 1).hints) == 1
    assert check("product", lambda x, dy: None).hints == ()


def test_check_counts_only_wrong_attempts_and_each_exercise_by_itself(monkeypatch):
    other = replace(PRODUCT, name="other product")
    for exercise in (PRODUCT, other):
        monkeypatch.setitem(EXERCISES, exercise.name, exercise)
    for _ in range(3):
        check("product", lambda x, dy: None)  # not done yet, which is not wrong
    assert len(check("product", lambda x, dy: -(x.T @ dy)).hints) == 1
    assert len(check("other product", lambda x, dy: -(x.T @ dy)).hints) == 1
    assert check("other product", _answer).right
    assert len(check("product", lambda x, dy: x.T @ dy / 2).hints) == 2


def test_check_takes_the_same_answer_again_for_no_new_attempt(monkeypatch):
    """Running a cell once more must not spend a hint; changing a constant in it is an attempt."""
    monkeypatch.setitem(EXERCISES, "product", PRODUCT)
    shown = [check("product", eval("lambda x, dy: 2 * (x.T @ dy)")) for _ in range(3)]
    assert [len(verdict.hints) for verdict in shown] == [1, 1, 1]
    assert "same answer" not in shown[0].message
    assert shown[2].message.endswith("another one brings the next hint.")
    assert len(check("product", eval("lambda x, dy: 3 * (x.T @ dy)")).hints) == 2
    question = next(
        each for each in EXERCISES.values() if isinstance(each, Question) and len(each.hints) > 1
    )
    shown = [check(question.name, wrong, 4.0) for wrong in (1e9, 1e9, 1e8)]
    assert [len(verdict.hints) for verdict in shown] == [1, 1, 2]


def test_a_verdict_reads_the_same_in_a_terminal_and_in_a_notebook(monkeypatch):
    monkeypatch.setitem(EXERCISES, "product", PRODUCT)
    verdict = check("product", lambda x, dy: x.T @ dy < 0)
    assert str(verdict).startswith("product: wrong. ")
    shown = verdict._repr_html_()
    assert "product: wrong" in shown
    assert "<script" not in check("<script>", None)._repr_html_()


def test_a_name_in_code_at_the_start_of_a_message_keeps_its_letters(monkeypatch):
    monkeypatch.setitem(EXERCISES, "pair", PAIR)
    verdict = check("pair", lambda x, dy: (-x.T @ dy, dy.sum(0)))
    assert verdict.message.startswith("d_weight: it has the wrong sign")
    verdict = check("pair", lambda x, dy: x)
    assert verdict.message.startswith("Return 2 results as a tuple")


@pytest.mark.parametrize(
    ("sentence", "begins"),
    [
        ("π is missing", "π is missing."),
        ("dy is not used", "dy is not used."),
        ("y is the output", "y is the output."),
        ("a bias is missing", "A bias is missing."),
        ("both are missing", "Both are missing."),
    ],
)
def test_a_symbol_or_an_argument_at_the_start_of_a_message_keeps_its_letters(
    monkeypatch, sentence, begins
):
    mistaken = replace(PRODUCT, mistakes={sentence: lambda x, dy: (x**2).T @ dy})
    monkeypatch.setitem(EXERCISES, "product", mistaken)
    assert check("product", lambda x, dy: (x**2).T @ dy).message.startswith(begins)


def test_check_suggests_a_near_name_for_an_unknown_one(monkeypatch):
    monkeypatch.setitem(EXERCISES, "product", PRODUCT)
    assert "'product'" in check("prodcut", _answer).message
