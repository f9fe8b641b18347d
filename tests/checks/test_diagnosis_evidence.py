"""What a hypothesis must fit, and the wrong factors that a diagnosis names."""

from math import log, pi, sqrt

import numpy as np
import pytest
from diagnosis_cases import INF, NAN, TOLERANCE, evidence
from helpers import normal

from scratchvae.checks.diagnosis import (
    Diagnosis,
    Evidence,
    agrees,
    common_ratio,
    factor,
    factor_in_words,
    fits,
)

# The numbers here are exact in binary, so that the limits are met to the bit.


@pytest.mark.parametrize(
    ("given", "expected", "agreeing"),
    [
        ([2, 5], [1, 4], [True, True]),  # a quarter of the largest is allowed
        ([2.5, 3], [1, -4], [False, False]),
        ([0.25, -0.5], [0, 0], [True, False]),  # and of 1, where all are 0
        ([INF, 1.25], [INF, 1], [True, True]),
        ([1, INF, -INF], [INF, 1, INF], [False, False, False]),
        ([7, NAN, INF], [NAN, NAN, NAN], [True, True, True]),  # not known
        ([NAN, 1], [1, 1], [False, True]),
    ],
)
def test_entries_agree_within_a_share_of_the_largest_that_is_finite(given, expected, agreeing):
    found = agrees(np.array(given, float), np.array(expected, float), 0.25)
    assert found.tolist() == agreeing


def test_an_array_fits_another_of_its_shape_whose_known_entries_agree():
    right = normal(3, 2)
    known = np.where(right > right.min(), right, NAN)
    assert fits(right, right, TOLERANCE)
    assert fits(right, known, TOLERANCE)
    assert not fits(right + 1e-3, right, TOLERANCE)
    assert not fits(np.where(right > 0, right, 0), right, TOLERANCE)
    assert not fits(right.ravel(), right, TOLERANCE)
    assert not fits(right, np.full((3, 2), NAN), TOLERANCE)


@pytest.mark.parametrize(
    ("above", "below", "ratio"),
    [
        ([2, 4], [1, 2], 2),
        ([-2, 4], [1, -2], -2),
        ([5, 2], [NAN, 1], 2),
        ([INF, 2], [INF, 1], 2),
        ([4, 2], [1, 1], 3),  # each a quarter of the largest away from 3
        ([4, 1.75], [1, 1], None),
        ([0.25, 0.25], [1, 1], 0.25),
        ([0.125, 0.125], [1, 1], None),  # as good as zero
        ([1, 2], [INF, 1], None),
        ([INF, 2], [1, 1], None),
        ([NAN, 2], [1, 1], None),
        ([1, 1], [0, 0], None),
        ([0, 0], [0, 0], None),
        ([1, 1], [NAN, NAN], None),
    ],
)
def test_a_common_ratio_is_that_of_all_known_entries(above, below, ratio):
    assert common_ratio(np.array(above, float), np.array(below, float), 0.25) == ratio


def test_one_mistake_must_explain_all_comparisons():
    first, second = normal(2, 3), normal(3, 2, seed=1)
    both = evidence((2 * first, first), (2 * second, second))
    assert both.fits(lambda given: given / 2)
    assert not both.fits(lambda given: given)
    assert not evidence((2 * first, first), (second, second)).fits(lambda given: given / 2)
    (all_wrong, none_wrong) = evidence((2 * first, first), (second, second)).wrong()
    assert all_wrong.all()
    assert not none_wrong.any()
    loose = Evidence(both.comparisons, tolerance=TOLERANCE, allowed=1.0)
    assert not any(wrong.any() for wrong in loose.wrong())


FACTORS = {
    "1/2": 1 / 2,
    "2": 2,
    "1/4": 1 / 4,
    "4": 4,
    "1/3": 1 / 3,
    "3": 3,
    "1/sqrt(2)": 1 / sqrt(2),
    "sqrt(2)": sqrt(2),
    "1/pi": 1 / pi,
    "pi": pi,
    "1/(2 pi)": 1 / (2 * pi),
    "2 pi": 2 * pi,
    "1/sqrt(2 pi)": 1 / sqrt(2 * pi),
    "sqrt(2 pi)": sqrt(2 * pi),
    "1/log 2": 1 / log(2),
    "log 2": log(2),
}


@pytest.mark.parametrize("words", FACTORS)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_usual_factor_has_a_name(words, sign):
    right = normal(2)
    found = factor(evidence((sign * FACTORS[words] * right, right)))
    shown = f"{'-' if sign < 0 else ''}{words}"
    assert found == ("factor", f"it is {shown} times what it should be")


def test_a_wrong_sign_is_no_factor_and_what_is_right_is_nothing():
    right = normal(2)
    assert factor(evidence((-right, right))) == ("sign", "it has the wrong sign everywhere")
    assert factor(evidence((right, right))) is None
    assert factor(evidence((right, right[::-1]))) is None
    assert factor_in_words(-1.0, {}, TOLERANCE) == "of the wrong sign"


def test_a_factor_without_a_name_is_told_from_three_known_entries_on():
    right = normal(3)
    assert factor(evidence((0.123 * right, right))) == (
        "factor",
        "it is 0.123 times what it should be",
    )
    assert factor(evidence((0.123 * right[:2], right[:2]))) is None
    two = np.where(right > right.min(), right, NAN)
    assert factor(evidence((0.123 * right, two))) is None
    pairs = (0.123 * right[:2], right[:2]), (0.123 * right[2:], right[2:])
    assert factor(evidence(*pairs)).sentence == "it is 0.123 times what it should be"


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (5.0, "5 times what it should be (perhaps the number of examples)"),
        (0.2, "1/5 times what it should be (perhaps one over the number of examples)"),
        (-5.0, "-5 times what it should be (perhaps the number of examples)"),
        (2.0, "2 times what it should be (perhaps the number of pixels or the number of latents)"),
        (
            0.5,
            "1/2 times what it should be (perhaps one over the number of pixels or one over the "
            "number of latents)",
        ),
        (3.0, "3 times what it should be"),
        (6.0, None),
        (1.0, None),  # a count of 1 is no reason
    ],
)
def test_a_factor_may_be_a_count(ratio, words):
    counts = {
        "the number of examples": 5,
        "the number of pixels": 2,
        "the number of latents": 2,
        "the number of samples": 1,
    }
    assert factor_in_words(ratio, counts, TOLERANCE) == words
    right = normal(2)
    found = factor(evidence((ratio * right, right), counts=[counts]))
    assert found == (None if words is None else Diagnosis("factor", f"it is {words}"))


@pytest.mark.parametrize(
    ("ratios", "sentence"),
    [
        (
            (4, 6),
            "it is too large by a factor of the number of examples: did you add up where a mean "
            "belongs?",
        ),
        (
            (-4, -6),
            "it has the wrong sign and is too large by a factor of the number of examples: did "
            "you add up where a mean belongs?",
        ),
        (
            (8, 12),
            "it is too large by a factor of twice the number of examples: did you add up where a "
            "mean belongs?",
        ),
        (
            (2, 3),
            "it is too large by a factor of half the number of examples: did you add up where a "
            "mean belongs?",
        ),
        (
            (1 / 4, 1 / 6),
            "it is too small by a factor of the number of examples: did you take a mean where a "
            "sum belongs, or divide twice?",
        ),
        (
            (1 / 8, 1 / 12),
            "it is too small by a factor of twice the number of examples: did you take a mean "
            "where a sum belongs, or divide twice?",
        ),
        ((4, -6), None),
        ((4, 7), None),
        ((6, 4), None),
    ],
)
def test_a_factor_that_differs_as_a_count_does_is_that_count(ratios, sentence):
    right = normal(3), normal(3, seed=1)
    pairs = [(ratio * array, array) for ratio, array in zip(ratios, right, strict=True)]
    counts = [
        {"the number of pixels": 9, "the number of examples": 4},
        {"the number of pixels": 9, "the number of examples": 6},
    ]
    found = factor(evidence(*pairs, counts=counts))
    assert found == (None if sentence is None else Diagnosis("factor", sentence))


def test_the_same_factor_everywhere_is_a_count_only_if_that_is_the_same_as_well():
    right = normal(3), normal(3, seed=1)
    pairs = [(5 * array, array) for array in right]
    for second, words in ((5, "5 times what it should be (perhaps n)"), (6, "5 times what it")):
        found = factor(evidence(*pairs, counts=[{"n": 5}, {"n": second}]))
        assert found.sentence.startswith(f"it is {words}")
        assert ("perhaps" in found.sentence) == (second == 5)
