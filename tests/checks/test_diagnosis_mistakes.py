"""The usual mistakes, each told from the others, with the sentence that names it."""

import numpy as np
import pytest
from diagnosis_cases import INF, NAN, evidence
from helpers import normal

from scratchvae.checks.diagnosis import (
    not_finite,
    offset,
    transposed,
    wrong_shape,
    zero,
)

RIGHT = normal(2, 3)
CUBE = normal(2, 2, 2)

# Shapes.


@pytest.mark.parametrize(
    ("given", "expected", "cause", "sentence"),
    [
        (RIGHT.T, RIGHT, "transpose", "its shape is (3, 2), not (2, 3): transpose it"),
        (
            RIGHT.ravel(),
            RIGHT,
            "shape",
            "its shape is (6,), not (2, 3): the numbers are right, so reshape it",
        ),
        (
            RIGHT,
            RIGHT.sum(axis=0),
            "missing sum",
            "its shape is (2, 3), not (3,): sum over axis 0 and it is right",
        ),
        (
            RIGHT,
            RIGHT.sum(axis=1),
            "missing sum",
            "its shape is (2, 3), not (2,): sum over axis 1 and it is right",
        ),
        (
            RIGHT,
            RIGHT.mean(axis=0)[np.newaxis],
            "missing mean",
            "its shape is (2, 3), not (1, 3): average over axis 0 and it is right",
        ),
        (
            CUBE,
            CUBE.sum(axis=(0, 2)),
            "missing sum",
            "its shape is (2, 2, 2), not (2,): sum over axes 0, 2 and it is right",
        ),
        (
            CUBE,
            CUBE.sum(),
            "missing sum",
            "its shape is (2, 2, 2), not (): sum over axes 0, 1, 2 and it is right",
        ),
        (
            normal(3, 2, seed=1),
            RIGHT,
            "shape",
            "its shape is (3, 2), not (2, 3): transpose it, to begin with",
        ),
        (normal(3), RIGHT, "shape", "its shape is (3,), not (2, 3): axis 0 is missing"),
        (normal(2), RIGHT, "shape", "its shape is (2,), not (2, 3): axis 1 is missing"),
        (normal(4, 5), RIGHT, "shape", "its shape is (4, 5), not (2, 3)"),
        (normal(0, 3), RIGHT, "shape", "its shape is (0, 3), not (2, 3)"),
    ],
)
def test_a_wrong_shape_is_named_with_what_mends_it(given, expected, cause, sentence):
    assert wrong_shape(evidence((given, expected))) == (cause, sentence)


def test_a_wrong_shape_is_told_beside_those_of_other_arrays():
    x, number, alike = normal(4, 2), 3.0, normal(2, 3)
    arguments = {"x": x, "scale": number, "w": alike, "b": normal(3)}
    wrong = evidence((RIGHT, RIGHT), (normal(4, 5), RIGHT), **arguments)
    assert wrong_shape(wrong).sentence == (
        "its shape is (4, 5), not (2, 3) (with x (4, 2), b (3,))"
    )
    assert wrong_shape(evidence((2 * RIGHT, RIGHT), **arguments)) is None


# What is infinite, NaN or nothing at all.


LOOK = (
    "; look for a logarithm of zero, a logarithm or root of a negative number, a division by zero, "
    "or an exponential that overflows"
)


@pytest.mark.parametrize(
    ("given", "expected", "sentence"),
    [
        ([1, NAN, INF], [1, 2.5, 3], "2 of 3 entries are not finite: it is nan at [1] where 2.5"),
        (
            [[1, 2], [-INF, 4]],
            [[1, 2], [3, 4]],
            "1 of 4 entries are not finite: it is -inf at [1, 0",
        ),
        (NAN, 2, "it is nan where 2 is right" + LOOK),
        ([1, NAN], [1, NAN], "1 of 2 entries are not finite: it is nan at [1]" + LOOK),
    ],
)
def test_what_should_be_finite_is_named_with_its_place(given, expected, sentence):
    found = not_finite(evidence(([1, 2], [1, 2]), (given, expected)))
    assert found.cause == "not finite"
    assert found.sentence.startswith(sentence)
    assert found.sentence.endswith(LOOK)
    assert (" is right;" in found.sentence) == np.isfinite(expected).all()


def test_an_infinity_in_its_place_is_no_mistake():
    assert not_finite(evidence(([1, INF], [1, INF]), ([-INF], [INF]))) is None
    assert not_finite(evidence(([1, 7], [1, 2]))) is None


def test_zero_everywhere_is_named_unless_zero_is_right():
    nothing = np.zeros((2, 3))
    said = ("zero", "it is zero everywhere, as if it were never computed")
    assert zero(evidence((nothing, RIGHT))) == said
    assert zero(evidence((nothing, nothing), (nothing, RIGHT))) == said
    assert zero(evidence((nothing, RIGHT), (RIGHT, RIGHT))) is None
    assert zero(evidence((nothing, nothing))) is None


# Another order of the entries.


@pytest.mark.parametrize(
    ("given", "expected", "cause", "sentence"),
    [
        (normal(3, 3).T, normal(3, 3), "transpose", "it is right once transposed"),
        (
            CUBE.transpose(1, 2, 0),
            CUBE,
            "transpose",
            "it is right once its axes are in the order (2, 0, 1)",
        ),
        (
            CUBE.transpose(0, 2, 1),
            CUBE,
            "transpose",
            "it is right once its axes are in the order (0, 2, 1)",
        ),
        (RIGHT[::-1], RIGHT, "flip", "it is right once reversed along axis 0"),
        (RIGHT[:, ::-1], RIGHT, "flip", "it is right once reversed along axis 1"),
        (CUBE[:, :, ::-1], CUBE, "flip", "it is right once reversed along axis 2"),
        (
            RIGHT[::-1, ::-1],
            RIGHT,
            "flip",
            "it is right once reversed along axes 0 and 1 (by 180 degrees)",
        ),
    ],
)
def test_another_order_of_axes_or_entries_is_named(given, expected, cause, sentence):
    assert transposed(evidence((given, expected))) == (cause, sentence)


def test_what_no_order_mends_is_not_called_transposed():
    assert transposed(evidence((2 * RIGHT, RIGHT))) is None
    assert transposed(evidence((normal(3)[::-1], normal(3)))) is None
    five = normal(2, 1, 1, 1, 2)
    assert transposed(evidence((five.transpose(4, 1, 2, 3, 0), five))) is None
    assert transposed(evidence((five[::-1], five))).cause == "flip"
    square = normal(3, 3)
    assert transposed(evidence((square.T, square), (square, square))) is None


# A constant.


def test_a_constant_that_was_added_is_named_with_its_size():
    right = normal(4)
    for by, words in ((0.5, "large"), (-0.5, "small")):
        said = ("offset", f"every entry is too {words} by 0.5")
        assert offset(evidence((right + by, right))) == said
        assert offset(evidence((right[:2] + by, right[:2]), (right[2:] + by, right[2:]))) == said
        known = np.where(right > right.min(), right, NAN)
        assert offset(evidence((right + by, known), (right + by, right))) == said


def test_a_constant_that_differs_between_comparisons_is_told_from_five_entries_on():
    first, second = normal(3), normal(2, seed=1)
    said = "all entries are off by the same amount: a constant is missing or extra"
    assert offset(evidence((first + 0.5, first), (second + 0.7, second))) == ("offset", said)
    assert offset(evidence((first[:2] + 0.5, first[:2]), (second + 0.7, second))) is None
    assert offset(evidence((first + 0.5, first))) is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (normal(5), normal(5)),
        (2 * normal(5), normal(5)),
        (np.add(normal(5), [1, 1, 1, 1, 1.2]), normal(5)),
        ([INF, 2, 3, 4, 5], [INF, 1, 2, 3, 4]),
        ([1, NAN, 3, 4, 5], [0, 1, 2, 3, 4]),
        ([1, 2, 3, 4, 5], [NAN, NAN, NAN, NAN, NAN]),
    ],
)
def test_what_is_right_or_off_by_several_amounts_has_no_offset(given, expected):
    assert offset(evidence((given, expected))) is None
