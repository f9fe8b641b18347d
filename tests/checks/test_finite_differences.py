"""Slopes by finite differences: their steps, their errors, and which of them is shown."""

import numpy as np
import pytest
from helpers import normal

from scratchvae.checks.gradients.array_check import ArrayCheck
from scratchvae.checks.gradients.finite_differences import (
    SlopePair,
    extrapolate,
    slope_along,
    unit_move,
)
from scratchvae.checks.gradients.report import CheckRow

INF, NAN = np.inf, np.nan


def check_of(array, pairs=(), max_coordinates=100, directions=4, seed=0):
    """Return a check of an array for which these slopes, analytic and numeric, were measured."""
    check = ArrayCheck("w", array, max_coordinates, directions, np.random.default_rng(seed))
    check.slopes = {place: SlopePair(*pair) for place, pair in enumerate(pairs)}
    return check


def test_a_slope_is_a_quotient_of_differences_with_one_step_and_with_two():
    array, seen = np.array([1.0, 2.0]), []

    def cube():
        seen.append(array.tolist())
        return float(array[0] ** 3)

    narrow, wide = slope_along(cube, array, np.array([1.0, -1.0]), 0.5)
    # The slope of x³ at 1, with the h² of its third derivative: 3 + h².
    assert (narrow, wide) == (3.25, 4.0)
    assert seen == [[1.5, 1.5], [0.5, 2.5], [2.0, 1.0], [0.0, 3.0]]
    assert array.tolist() == [1, 2]
    assert extrapolate(narrow, wide) == 3


def test_an_array_is_put_back_where_the_function_fails():
    array = np.array([1.0, 2.0])

    def fails():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        slope_along(fails, array, np.ones(2), 0.5)
    assert array.tolist() == [1, 2]


def test_a_move_is_of_one_entry_or_a_direction_of_length_one_in_which_all_move_alike():
    assert unit_move((2, 3), 4).tolist() == [[0, 0, 0], [0, 1, 0]]
    few = check_of(np.zeros((2, 3)), max_coordinates=6)
    assert (few.count, few.directions) == (6, [])
    assert few.move(4).tolist() == [[0, 0, 0], [0, 1, 0]]
    many = check_of(np.zeros((2, 8)), max_coordinates=15, directions=3)
    assert many.count == len(many.directions) == 3
    for place, direction in enumerate(many.directions):
        assert many.move(place) is direction
        assert direction.shape == (2, 8)
        assert (np.abs(direction) == 0.25).all()
        assert 0 < (direction > 0).sum() < 16
    assert not np.array_equal(many.directions[0], many.directions[1])


@pytest.mark.parametrize(
    ("analytic", "numeric", "size", "gap"),
    [
        (1.0, -4.0, 4.0, 1.25),
        (-4.0, -4.0, 4.0, 0.0),
        (8.0, 4.0, 8.0, 0.5),
        (0.0, 0.0, 0.0, 0.0),
        (INF, 1.0, 0.0, INF),
        (1.0, NAN, 0.0, INF),
        (NAN, 1.0, 0.0, INF),
    ],
)
def test_two_slopes_are_as_far_apart_as_their_gap_is_of_the_larger(analytic, numeric, size, gap):
    pair = SlopePair(analytic, numeric)
    assert (pair.size, pair.gap) == (size, gap)


def test_an_error_is_relative_to_the_slope_or_to_a_thousandth_of_the_arrays_largest():
    check = check_of(np.zeros(2), [(2.0, 2.0), (0.0, 0.0)])
    assert check.error(SlopePair(1.0, 0.5), largest=2.0) == 0.5
    assert check.error(SlopePair(0.0, 1e-4), largest=2.0) == pytest.approx(0.05)
    # or to a hundred-thousandth of the largest of all arrays
    assert check.error(SlopePair(0.0, 1e-4), largest=1e3) == pytest.approx(0.01)
    assert check.error(SlopePair(INF, 1.0), largest=2.0) == INF
    assert check.error(SlopePair(1.0, NAN), largest=2.0) == INF
    nothing = check_of(np.zeros(0))
    assert nothing.error(SlopePair(0.0, 0.0), largest=0.0) == 0


def test_places_disagree_whose_error_is_above_the_tolerance():
    check = check_of(np.zeros(4), [(1.0, 1.0), (1.0, 0.75), (1.0, 0.5), (NAN, 1.0)])
    assert check.disagreeing(1.0, 0.25) == [2, 3]
    assert check.disagreeing(1.0, 0.5) == [3]


def test_an_array_leaves_all_as_it_is_if_no_slope_can_be_told_from_zero():
    for pair, expected in (
        ((0.0, 0.0), True),
        ((1e-6, -1e-6), True),
        ((2e-6, 0.0), False),
        ((0.0, -2e-6), False),
    ):
        check = check_of(np.zeros(2), [(0.0, 0.0), pair])
        # The floor is 1e-5 of the tolerance, times the largest slope of all arrays.
        assert check.leaves_all_as_it_is(1e3, 1e-4 * 1.0001) == expected


def test_the_first_of_the_worst_slopes_is_shown_with_its_place():
    pairs = [(1.0, 1.0), (1.0, 0.5), (1.0, 0.499), (1.0, 0.75), (1.0, 1.0), (1.0, 1.0)]
    row = check_of(np.zeros((2, 3)), pairs).row(1.0, 1e-6)
    assert row == CheckRow("w", 6, 6, 0.5, "(0, 1)", 1.0, 0.5, 1e-6)
    pairs[2] = (1.0, 0.25)
    check = check_of(np.zeros((2, 3)), pairs)
    check.kinks = 3
    assert check.row(1.0, 1e-6) == CheckRow("w", 6, 6, 0.75, "(0, 2)", 1.0, 0.25, 1e-6, 3)
    check.at_kink = {2, 5}
    shown = check.row(1.0, 1e-6)
    assert (shown.checked, shown.undecided, shown.where) == (4, 2, "(0, 1)")
    check.at_kink = set(range(6))  # then the worst of what is not judged
    shown = check.row(1.0, 1e-6)
    assert (shown.checked, shown.undecided, shown.where) == (0, 6, "(0, 2)")
    right = check_of(np.zeros((2, 3)), [(2.0, 2.0)] * 6).row(2.0, 1e-6)
    assert (right.where, right.max_relative_error, right.independent) == ("(0, 0)", 0, False)
    idle = check_of(np.zeros((2, 3)), [(0.0, 0.0)] * 6).row(2.0, 1e-6)
    assert idle.independent
    along = check_of(np.zeros((2, 8)), [(1.0, 1.0), (1.0, 0.5)], max_coordinates=0, directions=2)
    assert along.row(1.0, 1e-6).where == "direction 1"


def measured(value, array, gradients, tolerance=1e-6, **options):
    check = check_of(array, **options)
    check.measure(value, gradients, tolerance)
    return check


def test_a_slope_is_measured_with_the_largest_step_and_smaller_ones_until_one_agrees():
    array, moves = np.array([0.5, 20.0]), []
    start = array.copy()

    def cube():
        moves.append(array - start)
        return float((array**3).sum())

    right = 3 * array**2
    check = measured(cube, array, [right])
    for pair, slope in zip(check.slopes.values(), right, strict=True):
        assert pair.analytic == slope
        assert pair.numeric == pytest.approx(slope, rel=1e-9)
    # Four points for each entry: one and two steps both ways, in units of its own size.
    assert len(moves) == 8
    sizes = [np.abs(move).max() for move in moves]
    np.testing.assert_allclose(sizes, [1e-3, 1e-3, 2e-3, 2e-3, 2e-2, 2e-2, 4e-2, 4e-2], rtol=1e-6)
    moves.clear()
    # A wrong one is known at once, since no smaller step would find another slope.
    wrong = measured(cube, array, [2 * right])
    assert len(moves) == 8
    for pair, slope in zip(wrong.slopes.values(), right, strict=True):
        assert (pair.analytic, pair.numeric) == (2 * slope, pytest.approx(slope, rel=1e-6))


def test_of_several_gradients_the_worst_counts():
    array = np.array([2.0])
    for gradients in ([[4.0], [5.0]], [[5.0], [4.0]]):
        given = [np.array(gradient) for gradient in gradients]
        (pair,) = measured(lambda: float(array[0] ** 2), array, given).slopes.values()
        assert pair.analytic == 5


def test_a_direction_has_the_slope_of_all_entries_together():
    array = normal(2, 8)
    gradient = normal(2, 8, seed=1)
    check = measured(
        lambda: float((array * gradient).sum()), array, [gradient], max_coordinates=0, directions=3
    )
    for place, pair in check.slopes.items():
        assert pair.analytic == pytest.approx((gradient * check.move(place)).sum())
        assert pair.numeric == pytest.approx(pair.analytic, rel=1e-8)


def test_a_gradient_that_is_no_number_elsewhere_does_not_spoil_an_entry():
    array = np.array([1.0, 2.0])
    check = measured(lambda: float((array**2).sum()), array, [np.array([2.0, NAN])])
    assert check.slopes[0].gap < 1e-8
    assert check.slopes[1].gap == INF


def test_a_slope_that_agrees_when_it_is_measured_again_replaces_the_earlier_one():
    array = np.array([1.0, 2.0])
    check = check_of(array, [(2.0, 1.0), (4.0, 1.0)])

    def value():
        return float((array**2).sum())

    check.doubtful = {0, 1}
    check.measure_again(value, [np.array([3.0, 4.0])], 1e-6, largest=4.0)
    assert check.slopes[0][:2] == (2.0, 1.0)  # wrong there as well
    assert check.slopes[1].numeric == pytest.approx(4)
    assert check.kinks == 1
