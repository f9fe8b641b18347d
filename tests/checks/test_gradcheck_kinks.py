"""Kinks that nobody declared: beside one, nothing is called wrong and nothing is let pass."""

import numpy as np
import pytest
from gradient_cases import dense, of_row
from helpers import normal

from scratchvae.checks.gradients import check_gradients, gradcheck, gradcheck_functions
from scratchvae.checks.gradients.kinks import is_kink
from scratchvae.layers import Layer, Sequential

# Zeros, and halves, are where these functions have their kinks.
AT_KINKS = np.array([[0.0, 0.5, -1.0], [1.0, 0.0, 2.5], [-0.5, 0.5, 0.0]])


def absolute(x):
    return np.abs(x), np.sign(x)


def hinge(x):
    return np.maximum(x - 0.5, 0), x > 0.5


def clipped(x):
    return np.clip(x, -1, 1), np.abs(x) < 1


def gate(x):
    return np.where(x > 0, 2 * x + 1, 2 * x), np.full(x.shape, 2.0)


@pytest.mark.parametrize("function", [absolute, hinge, clipped, gate])
def test_a_right_function_passes_exactly_at_its_kinks_and_jumps(function):
    report = gradcheck_functions(function, lambda dy, slope: dy * slope, AT_KINKS)
    assert report.passed, report
    if function is not absolute:  # whose gradient there is the mean of the two slopes
        assert report.rows[0].kinks > 0
        assert "near a kink" in str(report)


@pytest.mark.parametrize("function", [absolute, hinge, clipped, gate])
@pytest.mark.parametrize("factor", [-1.0, 1.001, 2.0])
def test_a_wrong_function_with_kinks_is_found_and_its_factor_named(function, factor):
    report = gradcheck_functions(function, lambda dy, slope: factor * dy * slope, AT_KINKS)
    row = report.rows[0]
    assert not report.passed
    assert row.cause == ("sign" if factor == -1 else "factor"), report


def test_a_gradient_wrong_only_away_from_the_kinks_is_found():
    def backward(dy, slope):
        return dy * slope * np.where(AT_KINKS == 2.5, 1.5, 1.0)

    row = gradcheck_functions(absolute, backward, AT_KINKS).rows[0]
    assert not row.passed
    assert row.where == "(1, 2)"


def test_the_largest_of_several_passes_where_they_tie():
    def forward(x):
        return x.max(axis=1), x.argmax(axis=1)

    def backward(dy, places):
        dx = np.zeros((2, 3))
        dx[[0, 1], places] = dy
        return dx

    report = gradcheck_functions(forward, backward, np.array([[2.0, 2.0, 0.0], [1.0, 1.0, 1.0]]))
    # With both of two gradients at a tie a layer may be right or wrong: nothing is said there.
    assert report.passed, report


class Hinge(Layer):
    """Has a kink and does not say so."""

    def forward(self, x, training=False):
        y, self.on = hinge(x)
        return y

    def backward(self, dy):
        return dy * self.on


def test_a_layer_that_does_not_say_that_it_has_kinks_passes():
    assert gradcheck(Hinge(), AT_KINKS).passed
    x = np.zeros((4, 5))  # through the network all of the kinks are met at once
    layer = dense()
    layer.parameters["bias"].value[...] = 0.5
    assert gradcheck(Sequential(layer, Hinge(), dense(1, 3, 2)), x).passed


def test_where_nothing_can_be_tried_nearby_a_kink_is_neither_wrong_nor_right():
    x = np.array([0.0, 1.0, -2.0])

    def report(gradient):
        return check_gradients(
            "sum of sizes",
            lambda: float(np.abs(x).sum()),
            {"x": x},
            {"x": np.array(gradient)},
            rng=np.random.default_rng(0),
        )

    right = report([0.3, 1.0, -1.0])
    assert right.passed
    assert (right.rows[0].checked, right.rows[0].undecided) == (2, 1)
    assert "ok (1 entry at a kink, not judged)" in str(right)
    wrong = report([0.3, 2.0, -2.0])
    assert (wrong.passed, wrong.rows[0].cause) == (False, "factor")
    assert "2 times" in wrong.rows[0].diagnosis
    x[:] = 0
    nothing = report([0.3, -0.3, 1.0])
    assert not nothing.passed
    assert nothing.rows[0].cause == "kink"
    assert "there is a kink wherever it was tried" in str(nothing)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (np.abs, True),
        (lambda x: np.maximum(x, 0.3 * x), True),
        (lambda x: np.sqrt(np.abs(x)), True),
        (lambda x: x + 1e-3 * np.abs(x), True),
        (lambda x: np.sign(x), True),
        (lambda x: x + (x > 0), True),
        (np.sin, False),
        (np.exp, False),
        (lambda x: 1e6 + np.sin(x), False),  # the slopes are full of rounding
        (lambda x: np.where(x > 0, x**2, 0), False),  # only its curvature jumps
        (lambda x: 0 * x, False),
        (lambda x: x * np.nan, False),
    ],
)
def test_is_kink_tells_kinks_and_jumps_from_curvature_and_rounding(function, expected):
    array = np.array([0.7, 0.0])
    before = array.tobytes()
    assert is_kink(lambda: float(function(array).sum()), array, np.array([0.0, 1.0])) is expected
    assert not is_kink(lambda: float(function(array)[0]), array, np.array([1.0, 0.0]))
    assert array.tobytes() == before


def test_is_kink_takes_noise_for_none():
    rng, array = np.random.default_rng(0), np.zeros(1)
    for _ in range(50):
        assert not is_kink(lambda: float(rng.standard_normal()), array, np.ones(1))


def test_a_wrong_gradient_of_many_entries_is_diagnosed_without_those_at_kinks():
    x = normal(6, 7)
    x[::2, 0] = 0
    row = of_row(gradcheck_functions(absolute, lambda dy, s: 0.5 * dy * s, x), "x")
    assert (row.cause, "1/2 times" in row.diagnosis) == ("factor", True)
