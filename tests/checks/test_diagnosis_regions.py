"""A part of the entries that is wrong: where it is, and how the differences are shown."""

import numpy as np
import pytest
from diagnosis_cases import NAN, evidence
from helpers import normal

from scratchvae.checks.diagnosis import differences, region

RIGHT = normal(2, 3)
X = np.array([-3.0, -2.0, -0.5, 0.5, 1.0, 2.5])
EXPECTED = np.array([1.0, -2.0, 3.0, 0.5, -1.5, 2.0])


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        (X < 0, "x is negative"),
        (X > 0, "x is positive"),
        (X < -1, "x is below about -1.25"),
        (X > 0.75, "x is above about 0.75"),
        (np.abs(X) < 1.5, "|x| is below about 1.5"),
        (np.abs(X) > 0.75, "|x| is above about 0.75"),
    ],
)
def test_entries_that_are_wrong_on_one_side_of_a_limit_are_told_by_it(wrong, where):
    x, expected = np.tile(X, 2), np.tile(EXPECTED, 2)
    given = np.where(np.tile(wrong, 2), 2 * expected, expected)
    found = region(evidence((given, expected), x=x))
    assert found == (
        "region",
        f"it is wrong exactly where {where} (there it is 2 times what it should be)",
    )


def test_a_limit_that_few_entries_show_may_be_luck_and_is_not_named():
    # Three of four may be chosen in four ways, two in six: enough for a limit at zero alone.
    x, right = np.array([-1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 5.0])
    luck = region(evidence((np.where(x < 0, 9, right), right), x=x))
    assert luck.sentence == "it is wrong only at index 0 of axis 0"
    x[1] = -2
    assert "x is negative" in region(evidence((np.where(x < 0, 9, right), right), x=x)).sentence
    elsewhere = region(evidence((np.where(x < 0, 9, right), right), x=x + 10))
    assert elsewhere.sentence == "it is wrong only at indices 0, 1 of axis 0"


def test_entries_of_which_nothing_can_be_said_do_not_count():
    # Where zero is expected and given, a wrong factor would not show.
    right = np.where(X < -2.5, 0, EXPECTED)
    found = region(evidence((np.where(X < 0, 2 * right, right), right), x=X))
    assert "exactly where x is negative" in found.sentence


def test_wrong_indices_are_counted_from_the_end_that_all_comparisons_share():
    small, large = normal(2, 3), normal(2, 5, seed=1)

    def changed(array, index):
        given = array.copy()
        given[:, index] += np.array([[1], [-2]])
        return given, array

    first = region(evidence(changed(small, [1]), changed(large, [1])))
    assert first == ("region", "it is wrong only at index 1 of axis 1")
    last = region(evidence(changed(small, [-1]), changed(large, [-1])))
    assert last == ("region", "it is wrong only at index -1 of axis 1")
    but_one = region(evidence(changed(small, [0, 2]), changed(large, [0, 2, 3, 4])))
    assert but_one == ("region", "it is right only at index 1 of axis 1")
    assert region(evidence(changed(small, [0]), changed(large, [1]))) is None
    alone = region(evidence(changed(large, [0, 3])))
    assert alone == ("region", "it is wrong only at indices 0, 3 of axis 1")


def test_a_region_needs_wrong_entries_and_right_ones():
    assert region(evidence((RIGHT, RIGHT), x=RIGHT)) is None
    assert region(evidence((2 * RIGHT, RIGHT), x=RIGHT)) is None
    scattered = RIGHT.copy()
    scattered[[0, 1], [0, 2]] += 1
    assert region(evidence((scattered, RIGHT))) is None


@pytest.mark.parametrize(
    ("given", "expected", "sentence"),
    [
        ([1, 5, 3], [1, 2.5, 3], "1 of 3 entries differ: it is 5 at [1] where 2.5 is right"),
        ([1, 5, 3], [NAN, 2.5, 3], "1 of 2 entries differ: it is 5 at [1] where 2.5 is right"),
        ([[1, 2], [3, 8]], [[1, 2], [4, 4]], "2 of 4 entries differ: it is 3 at [1, 0] where 4"),
        (5, 2, "it is 5 where 2 is right"),
        (
            [2, 4, 6, 4],
            [1, 2, 3, 4],
            "3 of 4 entries differ: it is 2 at [0] where 1 is right (there it is 2 times what it "
            "should be)",
        ),
        ([2, 4, 3, 4], [1, 2, 3, 4], "2 of 4 entries differ: it is 2 at [0] where 1 is right"),
    ],
)
def test_differences_are_counted_and_the_first_is_shown(given, expected, sentence):
    found = differences(evidence(([1, 2], [1, 2]), (given, expected)))
    assert found.cause == "values"
    assert found.sentence.startswith(sentence)
    alone = differences(evidence((given, expected)))
    assert alone.sentence == found.sentence
    assert ("(there" in alone.sentence) == ("(there" in sentence)


def test_a_long_list_of_indices_is_cut_after_six():
    right = np.arange(1.0, 19.0).reshape(9, 2)
    given = right.copy()
    given[:7] += [1, -2]
    assert region(evidence((given, right))).sentence == (
        "it is wrong only at indices 0, 1, 2, 3, 4, 5, ... of axis 0"
    )
    given[6] = right[6]
    assert region(evidence((given, right))).sentence == (
        "it is wrong only at indices 0, 1, 2, 3, 4, 5 of axis 0"
    )
