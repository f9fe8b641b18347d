"""The checker of the lessons' exercises: it accepts what is right, and names what is wrong."""

from functools import partial
from types import FunctionType

import numpy as np
import pytest

from scratchvae.course.exercises import Exercise
from scratchvae.course.exercises.catalogue import EXERCISES, LESSONS
from scratchvae.course.exercises.judging import judge


def _answer(x, dy):
    return x.T @ dy


def _draw(random):
    rows, inputs, outputs = random.choice([3, 4, 5, 7, 9], 3, replace=False)
    return random.standard_normal((rows, inputs)), random.standard_normal((rows, outputs))


PRODUCT = Exercise(
    "product",
    _answer,
    _draw,
    mistakes={"you multiplied entries of x by themselves": lambda x, dy: (x**2).T @ dy},
    hints=("look at the shapes", "a transpose and a product"),
)
ENTRIES = Exercise(
    "entries", lambda x: np.exp(x) + 2, lambda random: (3 * random.standard_normal((4, 5)),)
)
SQUARE = Exercise(
    "square", lambda x: np.cumsum(x, axis=0), lambda random: (random.standard_normal((4, 4)),)
)
NUMBER = Exercise("number", lambda x: x.mean(), lambda r: (r.standard_normal(r.integers(3, 30)),))
COUNTED = Exercise(
    "counted",
    lambda x, count: x / count,
    lambda random: (random.standard_normal(4), int(random.integers(5, 30))),
)
PAIR = Exercise(
    "pair",
    lambda x, dy: (x.T @ dy, dy.sum(axis=0)),
    _draw,
    returns=("d_weight", "d_bias"),
)


def _raises(x, dy):
    return x @ dy.reshape(-1, 11)


def _changes(x, dy):
    x *= 2
    return x.T @ dy / 2


_GENERATOR = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("exercise", "function", "cause", "words"),
    [
        (PRODUCT, lambda x, dy: None, "not done", ""),
        (PRODUCT, lambda x, dy: ..., "not done", ""),
        (PRODUCT, ..., "not done", ""),
        (PRODUCT, 3.0, "not a function", "float"),
        (PRODUCT, lambda x: x, "arguments", "2 arguments in this order: x, dy"),
        (PRODUCT, _raises, "error", "in the line `return x @ dy.reshape(-1, 11)`"),
        (PRODUCT, _changes, "changes its argument", "x, which belongs to the caller"),
        (PRODUCT, lambda x, dy: "x.T @ dy", "type", "str"),
        (PRODUCT, lambda x, dy: dy.T @ x, "transpose", "transpose it"),
        (PRODUCT, lambda x, dy: np.outer(x.sum(0), dy.sum(0)), "values", "is right"),
        (PRODUCT, lambda x, dy: (x.T @ dy).ravel(), "shape", "the numbers are right"),
        (PRODUCT, lambda x, dy: (x.T @ dy).sum(0), "shape", "axis 0 is missing"),
        (
            PRODUCT,
            lambda x, dy: x[:, :, None] * dy[:, None, :],
            "missing sum",
            "sum over axis 0 and it is right",
        ),
        (PRODUCT, lambda x, dy: np.zeros((x.shape[1], dy.shape[1])), "zero", "zero everywhere"),
        (PRODUCT, lambda x, dy: -(x.T @ dy), "sign", "wrong sign"),
        (PRODUCT, lambda x, dy: 0.5 * (x.T @ dy), "factor", "1/2 times"),
        (PRODUCT, lambda x, dy: -2 * (x.T @ dy), "factor", "-2 times"),
        (PRODUCT, lambda x, dy: x.T @ dy / len(x), "factor", "axis 0 of x"),
        (PRODUCT, lambda x, dy: x.T @ dy * len(x), "factor", "too large"),
        (
            PRODUCT,
            lambda x, dy: 2 * len(x) * (x.T @ dy),
            "factor",
            "it is too large by a factor of twice the length of axis 0 of x",
        ),
        (
            PRODUCT,
            lambda x, dy: -0.5 / len(x) * (x.T @ dy),
            "factor",
            "it has the wrong sign and is too small by a factor of twice the length of axis 0 of x",
        ),
        (
            PRODUCT,
            lambda x, dy: x.size * (x.T @ dy),
            "factor",
            "it is too large by a factor of the number of entries of x",
        ),
        # A count in some trials and another number in the rest is no count.
        (PRODUCT, lambda x, dy: min(len(x), 6) * (x.T @ dy), "values", "is right"),
        (PRODUCT, lambda x, dy: (x**2).T @ dy, "mistake", "by themselves"),
        (PRODUCT, lambda x, dy: x.T @ dy * (1 + 1e-5), "factor", "1.00001 times"),
        (PRODUCT, lambda x, dy: x.T @ dy + 0.125, "offset", "too large by 0.125"),
        (PRODUCT, lambda x, dy: x.T @ dy + _GENERATOR.random(), "not repeatable", "drawn"),
        (PRODUCT, lambda x, dy: x.T @ dy * np.nan, "not finite", "nan at [0, 0]"),
        (
            PRODUCT,
            lambda x, dy: np.where(np.arange(x.shape[1])[:, None] == 0, 1.0, x.T @ dy),
            "region",
            "wrong only at index 0 of axis 0",
        ),
        (
            PRODUCT,
            lambda x, dy: (x.T @ dy) * (1 + 1e-5 * np.arange(dy.shape[1])[::-1]),
            "region",
            "right only at index -1 of axis 1",
        ),
        (SQUARE, lambda x: np.cumsum(x, axis=0).T, "transpose", "right once transposed"),
        (SQUARE, lambda x: np.cumsum(x, axis=0)[::-1], "flip", "reversed along axis 0"),
        (
            PRODUCT,
            lambda x, dy: len(x) * x[:, :, None] * dy[:, None, :],
            "missing mean",
            "average over axis 0 and it is right",
        ),
        (PRODUCT, lambda x, dy: x.T @ dy + len(x), "offset", "a constant is missing or extra"),
        (PRODUCT, lambda x, dy: x.T @ dy / np.log(2), "factor", "1/log 2 times"),
        (ENTRIES, lambda x: (np.exp(x) + 2) * (np.abs(x) < 4), "region", "|x| is above about"),
        (
            ENTRIES,
            lambda x: np.log(np.exp(x) + 2),
            "function",
            "the logarithm of what it should be",
        ),
        (ENTRIES, lambda x: np.where(x < 0, 2 + x, np.exp(x) + 2), "region", "x is negative"),
        (ENTRIES, lambda x: np.exp(np.minimum(x, 2)) + 2, "region", "x is above about"),
        (ENTRIES, lambda x: (np.exp(x) + 2) * (1 + 1e-5 * np.sin(x)), "approximate", "close"),
        (ENTRIES, lambda x: np.round(np.exp(x) + 2, 1), "approximate", "close"),
        # Near enough to pass for its absolute value, which it is: that says nothing.
        (
            ENTRIES,
            lambda x: np.exp(x) + 2 + 1e-7 * np.exp(x).max() * np.cos(9 * x),
            "approximate",
            "small constant",
        ),
        (ENTRIES, lambda x: np.exp(2 * x), "values", "20 of 20 entries differ: it is"),
        (NUMBER, lambda x: x.sum(), "factor", "did you add up where a mean belongs?"),
        (COUNTED, lambda x, count: x, "factor", "too large by a factor of count"),
        (NUMBER, lambda x: np.median(x), "values", "is right"),
        (
            PAIR,
            lambda x, dy: x.T @ dy,
            "results",
            "return 2 results as a tuple (d_weight, d_bias), not ndarray",
        ),
        (PAIR, lambda x, dy: (x, dy, dy), "results", "return 2 results (d_weight, d_bias), not 3"),
        (PAIR, lambda x, dy: (x.T @ dy, None), "not done", "Still missing: d_bias"),
        (PAIR, lambda x, dy: (dy.sum(0), x.T @ dy), "swapped", "d_weight and d_bias are right"),
        (PAIR, lambda x, dy: (x.T @ dy, -dy.sum(0)), "sign", "already right: d_weight"),
        (PAIR, lambda x, dy: (x.T @ dy, dy.sum(1)), "shape", "d_bias: its shape"),
    ],
)
def test_judge_names_each_kind_of_mistake(exercise, function, cause, words):
    found = judge(exercise, function)
    assert found is not None
    assert (found.cause, words in found.sentence) == (cause, True), found


def test_judge_recognises_results_in_the_wrong_order():
    both = Exercise(
        "both", lambda x: (x + 1, x**2), lambda r: (r.standard_normal(5),), returns=("a", "b")
    )
    found = judge(both, lambda x: (x**2, x + 1))
    assert (found.cause, found.sentence) == ("swapped", "a and b are right, but in the wrong order")


@pytest.mark.parametrize("exercise", [PRODUCT, ENTRIES, SQUARE, NUMBER, PAIR])
def test_judge_accepts_the_right_answer(exercise):
    assert judge(exercise, exercise.answer) is None


def test_judge_takes_numbers_and_lists_and_finds_float32_approximate():
    assert judge(NUMBER, lambda x: float(x.mean())) is None
    assert judge(PRODUCT, lambda x, dy: (x.T @ dy).tolist()) is None
    single = judge(PRODUCT, lambda x, dy: (x.T @ dy).astype(np.float32))
    assert single is not None
    assert single.cause == "approximate"


# What every exercise of the lessons must have.

ALL = list(EXERCISES.values())
WRITTEN = [each for each in ALL if isinstance(each, Exercise)]
OF_ARRAYS = [each for each in WRITTEN if each.use is None and isinstance(each.answer, FunctionType)]

named = partial(pytest.mark.parametrize, ids=lambda exercise: exercise.name)


def test_names_of_exercises_are_unique():
    assert len(EXERCISES) == sum(len(lesson) for lesson in LESSONS)


@named("exercise", ALL)
def test_it_has_graded_hints(exercise):
    assert len(exercise.hints) >= 2
    assert len(set(exercise.hints)) == len(exercise.hints)


@named("exercise", WRITTEN)
class TestWritten:
    def test_its_answer_is_right_and_its_stub_is_not_done(self, exercise):
        assert judge(exercise, exercise.answer) is None
        if exercise in OF_ARRAYS:  # the stubs of the others are those of the lessons
            assert judge(exercise, lambda *arguments: None).cause == "not done"
        if exercise.planted is not None:
            assert judge(exercise, exercise.planted).cause == "not done"

    def test_its_typical_mistakes_are_named(self, exercise):
        for sentence, mistaken in exercise.mistakes.items():
            found = judge(exercise, mistaken)
            assert found is not None, f"{sentence!r} passes for right"
            assert (found.cause, found.sentence) == ("mistake", sentence)


@named("exercise", OF_ARRAYS)
def test_a_wrong_sign_a_half_a_missing_axis_and_an_error_are_named(exercise):
    def altered(change):
        def function(*arguments):
            right = exercise.answer(*arguments)
            if len(exercise.returns) == 1:
                return change(np.asarray(right, dtype=float))
            return tuple(change(np.asarray(one, dtype=float)) for one in right)

        return judge(exercise, function)

    for change in (np.negative, lambda right: right / 2, lambda right: right + 0.5):
        found = altered(change)
        assert found is not None
        assert found.cause in {"sign", "factor", "offset", "mistake", "values", "function"}
    assert altered(lambda right: right[..., None]).cause in {"shape", "mistake"}
    assert altered(lambda right: right * np.nan).cause in {"not finite", "mistake"}
    assert altered(lambda right: [][0]).cause == "error"


def test_judge_does_not_take_a_result_that_is_infinite_in_places_for_an_offset():
    exercise = Exercise(
        "root",
        lambda x: np.where(x > 0, x, np.inf),
        lambda random: (np.append(random.normal(size=6), [-1.0, 1.0]),),
    )
    assert judge(exercise, exercise.answer) is None
    assert judge(exercise, lambda x: np.where(x > 0, x, 7.0)).cause in {"region", "values"}
    assert judge(exercise, lambda x: np.where(x > 0, x + 1, np.inf)).cause in {"region", "values"}
