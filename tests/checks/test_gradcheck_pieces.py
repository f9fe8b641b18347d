"""Error curves, and the small things that gradient checks stand on."""

import functools

import numpy as np
import pytest
from gradient_cases import Stranger
from helpers import normal, refused

from scratchvae.checks.gradients import (
    check_gradients,
    error_curve,
    gradcheck,
    gradcheck_functions,
)
from scratchvae.checks.gradients.input import argument_names, as_gradient, as_output, takes
from scratchvae.checks.gradients.target import same
from scratchvae.layers import ELU, Layer, ReLU, Tanh

X = normal(4, 3)


def product(a, b):
    return a * b


def test_what_an_error_curve_is_given_is_called_by_its_name():
    layer = Tanh(dtype=np.float64)
    for options, words in (
        (
            {"formula": "middle"},
            "formula must be one of one-sided, central, extrapolated, not 'middle'",
        ),
        ({"steps": 1e-3}, "steps must be a sequence of numbers above 0, not 0.001"),
        ({"steps": "1e-3"}, "steps must be a sequence of numbers above 0, not '1e-3'"),
        ({"steps": []}, "steps must have at least one"),
        ({"steps": [0.0]}, "each step must be a finite number above 0, not 0.0"),
        ({"seed": -1}, "seed must be a whole number of at least 0, not -1"),
    ):
        with refused(words):
            error_curve(layer, X, **options)

    class Turned(Tanh):
        def backward(self, dy):
            return super().backward(dy).ravel()[:-1]

    with refused("a gradient has the wrong shape: gradcheck says which one"):
        error_curve(Turned(dtype=np.float64), X)


def test_the_errors_of_a_curve_are_those_of_the_formulas():
    # Of (x + h)³ at 1 along ±1, with the slope 3: 3h + h² one-sided, h² central, nothing left.
    class Cube(Layer):
        def forward(self, x, training=False):
            self.x = x
            return x**3

        def backward(self, dy):
            return dy * 3 * self.x**2

    layer, x, steps = Cube(dtype=np.float64), np.ones((1, 1)), (0.5, 0.25)
    for formula, numeric in (
        ("central", [3.25, 3.0625]),
        ("extrapolated", [3, 3]),
    ):
        curve = error_curve(layer, x, formula=formula, steps=steps)
        assert curve.steps.tolist() == [0.5, 0.25]
        expected = [(value - 3) / value for value in numeric]
        np.testing.assert_allclose(curve.errors, expected, atol=1e-12)
    one_sided = error_curve(layer, x, formula="one-sided", steps=steps).errors
    forwards = [(3 + 3 * h + h * h - 3) / (3 + 3 * h + h * h) for h in steps]
    backwards = [(3 - (3 - 3 * h + h * h)) / 3 for h in steps]
    assert any(np.allclose(one_sided, each) for each in (forwards, backwards))


def test_a_seed_may_be_any_whole_number_and_fixes_what_is_drawn():
    far = 2**40  # beyond all counts
    layer = Tanh(dtype=np.float64)

    def errors(seed):
        curve = error_curve(layer, X, seed=seed, steps=(1e-3,)).errors.tolist()
        reports = (
            gradcheck(layer, X, seed=seed),
            gradcheck_functions(np.tanh, lambda dy: dy / np.cosh(X) ** 2, X, seed=seed),
        )
        return curve, [report.max_relative_error for report in reports]

    assert errors(0) == errors(0)
    assert all(a != b for a, b in zip(errors(0), errors(far), strict=True))
    assert errors(0)[0] == error_curve(layer, X, steps=(1e-3,)).errors.tolist()
    assert errors(0)[1][0] == gradcheck(layer, X).max_relative_error


@pytest.mark.parametrize(("size", "checked"), [(400, 400), (401, 4)])
def test_arrays_of_up_to_400_entries_are_checked_entry_by_entry_unless_somebody_says_more(
    size, checked
):
    x = normal(1, size)

    def doubled(x):
        return 2 * x

    reports = (
        gradcheck(Doubled(dtype=np.float64), x),
        gradcheck_functions(doubled, doubled, x),
        check_gradients(
            "sum",
            lambda: 2 * float(x.sum()),
            {"x": x},
            {"x": 2 * np.ones_like(x)},
            rng=np.random.default_rng(0),
        ),
    )
    assert [report.rows[0].checked for report in reports] == [checked] * 3
    assert all(report.passed for report in reports)


class Doubled(Layer):
    def forward(self, x, training=False):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


def test_the_names_of_arguments_are_the_functions_or_the_usual_ones():
    assert argument_names(product, 2) == ["a", "b"]
    assert argument_names(product, 1) == ["a"]
    # Neither says what it takes, or not all of it.
    for silent in (max, lambda *arrays: 0):
        assert argument_names(silent, 3) == ["x", "w", "b"]
    assert argument_names(max, 1) == ["x"]
    assert argument_names(max, 4) == [f"argument {number}" for number in range(4)]
    assert argument_names(functools.partial(product, 1), 1) == ["b"]


def test_a_function_takes_an_argument_that_it_names():
    assert takes(product, "b")
    assert not takes(product, "c")
    assert not takes(max, "key")  # which does not say what it takes


def test_outputs_and_gradients_are_copies_in_float64():
    whole = np.arange(3)
    for read in (lambda v: as_output(v, "f"), lambda v: as_gradient(v, "x")):
        array = read(whole)
        assert (array.dtype, array.tolist()) == (np.float64, [0, 1, 2])
        own = normal(3)
        assert not np.may_share_memory(read(own), own)
        assert read(2).shape == ()
        assert read([1, 2]).tolist() == [1, 2]
    assert as_gradient(None, "x").dtype == object
    assert as_gradient(np.array(None), "x").dtype == object


@pytest.mark.parametrize(
    ("first", "second", "tolerance", "expected"),
    [
        ([2.0, -4.0], [2.0, -4.0], 0.0, True),
        ([2.0, -4.0], [3.0, -4.0], 0.25, True),  # of the largest
        ([2.0, -4.0], [3.5, -4.0], 0.25, False),
        ([2.0, np.inf], [2.0, np.inf], 0.0, True),
        ([2.0, np.inf], [2.0, 4.0], 0.5, False),
        ([2.0], [2.0, 2.0], 0.5, False),
        ([None], [None], 0.0, True),
        ([None], [2.0], 0.5, False),
        ([], [], 0.0, True),
        ([0.0], [1.0], 0.5, False),
    ],
)
def test_arrays_are_the_same_but_for_rounding(first, second, tolerance, expected):
    assert same(np.array(first), np.array(second), tolerance) is expected


def test_the_tolerance_is_that_of_a_layer_with_kinks_or_without():
    for layer, tolerance in ((Tanh, 1e-6), (ReLU, 1e-5), (ELU, 1e-5)):
        report = gradcheck(layer(dtype=np.float64), X)
        assert {row.tolerance for row in report.rows} == {tolerance}
    assert gradcheck(Stranger(), X).rows[0].tolerance == 1e-6
    assert gradcheck(Stranger(), X, tolerance=0.25).rows[0].tolerance == 0.25
