"""Entries of large arrays are moved together: less to compute, and no mistake gets by."""

import numpy as np
import pytest
from helpers import normal
from textbook.course_functions import conv_backward_naive, conv_forward_naive

from scratchvae.checks.gradients import gradcheck_functions
from scratchvae.checks.gradients.comparison import check_gradients
from scratchvae.checks.gradients.together import agreeing_together

N = 300


class Counted:
    """A function of one array as the sum of a formula, which counts its calls."""

    def __init__(self, formula, start):
        self.array, self.formula, self.calls = start.copy(), formula, 0

    def __call__(self):
        self.calls += 1
        return float(self.formula(self.array).sum())

    def agreeing(self, gradient, places=range(N)):
        return agreeing_together(self, self.array, gradient, 1e-6, places)


def cubic(x):
    return x**3 + x


def slopes_of_cubic(x):
    return 3 * x**2 + 1


def test_a_right_gradient_takes_a_fraction_of_the_calls_and_every_entry_has_its_slopes():
    start = normal(N)
    value = Counted(cubic, start)
    found = value.agreeing(slopes_of_cubic(start))
    assert sorted(found) == [*range(N)]
    assert value.calls < N / 2
    for place, slopes in found.items():
        assert slopes.analytic == slopes_of_cubic(start)[place]
        assert slopes.numeric == pytest.approx(slopes.analytic, rel=1e-6)
    np.testing.assert_array_equal(value.array, start)


def test_a_function_that_is_linear_takes_about_half_of_these():
    weights, start = normal(N, seed=1), normal(N)
    linear, curved = Counted(lambda x: weights * x, start), Counted(cubic, start)
    assert len(linear.agreeing(weights)) == len(curved.agreeing(slopes_of_cubic(start))) == N
    assert linear.calls < 0.6 * curved.calls


@pytest.mark.parametrize("error", [1e-5, 1e-2, -2.0, np.nan])
def test_one_wrong_entry_is_never_among_those_that_agree(error):
    start = normal(N)
    for place in range(0, N, 30):
        gradient = slopes_of_cubic(start)
        gradient[place] *= 1 + error
        assert place not in Counted(cubic, start).agreeing(gradient)


def test_errors_of_two_entries_do_not_cancel():
    start = normal(N)
    value, right = Counted(cubic, start), slopes_of_cubic(start)
    for first in range(0, N - 1, 10):
        for sign in (1, -1):
            gradient = right.copy()
            gradient[first] += 0.5
            gradient[first + 1 :] += 0.5 * sign * (np.arange(N - first - 1) == first % 7)
            assert first not in value.agreeing(gradient)


def test_a_small_slope_may_not_be_wrong_beside_large_ones():
    start = np.zeros(N)
    weights = np.ones(N)
    weights[17] = 1e-2
    wrong = weights.copy()
    wrong[17] *= 1.01
    value = Counted(lambda x: weights * x, start)
    assert 17 in value.agreeing(weights)
    assert 17 not in value.agreeing(wrong)


def test_where_nothing_agrees_it_ends_soon_and_small_arrays_are_not_begun():
    start = normal(N)
    value = Counted(cubic, start)
    assert value.agreeing(-slopes_of_cubic(start)) == {}
    assert value.calls <= 4 * 8
    value.calls = 0
    assert value.agreeing(slopes_of_cubic(start), range(20)) == {}
    assert value.calls == 0


class Passes:
    """A pair of functions whose forward passes are counted."""

    def __init__(self, change=lambda gradient: gradient):
        self.calls, self.change = 0, change

    def check(self, x):
        return gradcheck_functions(self.forward, self.backward, x)

    def forward(self, x):
        self.calls += 1
        return np.maximum(x, 0) ** 2 + np.abs(x[::-1]), x

    def backward(self, dy, x):
        return self.change(2 * np.maximum(x, 0) * dy + np.sign(x) * dy[::-1])


def test_a_large_layer_takes_few_forward_passes_whether_it_is_right_or_wrong():
    right = Passes()
    report = right.check(normal(N))
    assert report.passed
    assert report.rows[0].checked == N
    assert right.calls < N
    wrong = Passes(lambda gradient: -gradient)
    report = wrong.check(normal(N))
    assert [row.cause for row in report.rows] == ["sign"]
    assert report.rows[0].checked < N / 4
    assert wrong.calls < 3 * N


@pytest.mark.parametrize(("factor", "most"), [(1.0, 120), (-1.0, 600)])
def test_a_convolution_of_loops_and_of_usual_size_takes_no_more_passes_than_a_second_has(
    factor, most
):
    images, filters, biases = normal(2, 3, 8, 8), normal(8, 3, 3, 3, seed=1), normal(8, seed=2)
    calls = []

    def forward(x, w, b, conv_param):
        calls.append(None)
        return conv_forward_naive(x, w, b, conv_param)

    def backward(dout, cache):
        dx, dw, db = conv_backward_naive(dout, cache)
        return dx, factor * dw, db

    report = gradcheck_functions(
        forward, backward, images, filters, biases, {"stride": 1, "pad": 1}
    )
    assert [row.cause for row in report.rows if not row.passed] == ["sign"] * (factor < 0)
    assert len(calls) <= most


def test_a_single_wrong_entry_of_a_large_layer_is_the_one_that_is_shown():
    def change(gradient):
        gradient[205] *= 1 + 1e-4
        return gradient

    (row,) = Passes(change).check(normal(N)).rows
    assert (row.passed, row.where, row.checked) == (False, "(205,)", N)


def test_entries_at_kinks_do_not_hide_a_wrong_one_behind_them():
    x = normal(N)
    x[:150] = 0.0  # of |x|, where there are two slopes
    place = int(np.flatnonzero(x > 0)[-1])

    def forward(x):
        return np.abs(x) + x, x

    def backward(dy, x):
        gradient = dy * (np.sign(x) + 1)
        gradient[place] *= -1
        return gradient

    report = gradcheck_functions(forward, backward, x)
    assert (report.rows[0].passed, report.rows[0].where) == (False, f"({place},)")


def test_what_is_nothing_beside_other_slopes_is_measured_to_its_end():
    few, many = np.ones(1), normal(N)
    report = check_gradients(
        "sum",
        lambda: float(1e13 * (few.sum() - 1) + many.sum()),
        {"few": few, "many": many},
        {"few": np.full(1, 1e13), "many": np.full(N, 2.0)},
        rng=np.random.default_rng(0),
    )
    assert [row.checked for row in report.rows] == [1, N]
