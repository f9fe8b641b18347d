"""What is said of a statement that is entered, a number or a choice."""

import numpy as np
import pytest

from scratchvae.course.exercises.catalogue import EXERCISES
from scratchvae.course.exercises.exercise import Question
from scratchvae.course.exercises.questions import judge_statement

ASKED = [each for each in EXERCISES.values() if isinstance(each, Question)]


@pytest.mark.parametrize("question", ASKED, ids=lambda question: question.name)
class TestQuestions:
    def test_its_answer_is_right_and_the_dots_are_not_done(self, question):
        measured = 4.0 if question.answer is None else None
        right = measured or question.answer
        assert judge_statement(question, right, measured) is None
        assert judge_statement(question, ..., measured).cause == "not done"
        if isinstance(right, str):
            assert judge_statement(question, f" {right.lower()} ") is None
            assert judge_statement(question, f"({right}).") is None
            assert judge_statement(question, 3.0).cause == "type"
            assert judge_statement(question, "Z").cause == "choice"
        else:
            assert judge_statement(question, "many", measured).cause == "type"
            assert judge_statement(question, 1e9 * (right or 1), measured).sentence.endswith(
                "too large"
            )

    def test_its_typical_mistakes_are_named(self, question):
        measured = 4.0 if question.answer is None else None
        for sentence, mistaken in question.mistakes.items():
            found = judge_statement(question, mistaken, measured)
            assert (found.cause, found.sentence) == ("mistake", sentence)


def test_an_infinite_number_is_called_what_it_is():
    found = judge_statement(EXERCISES["slope-of-a-step"], np.inf)
    assert found.sentence == "expected a number, not inf"


@pytest.mark.parametrize(
    ("given", "words"),
    [(6.0, "it is 2 times too large"), (7.0, "it is more than 2 times too large")],
)
def test_how_many_times_too_large_a_number_is(given, words):
    assert judge_statement(Question("three", "predict", 3.0), given).sentence == words
