"""What a gradient check says about the cause, also for other people's layers and functions."""

import numpy as np
import pytest
from gradient_cases import Stranger, affine, affine_backward, of_row
from helpers import normal, pixels, refused, small_vae

import scratchvae
from scratchvae import gradcheck, gradcheck_functions
from scratchvae.checks.diagnosis import fits
from scratchvae.checks.gradients import error_curve
from scratchvae.checks.gradients.diagnosis import Slopes, diagnose
from scratchvae.layers import Dense, Parameter, Tanh
from scratchvae.plots import draw_error_curve

# Other people's functions and layers.


def test_gradcheck_functions_passes_a_pair_with_a_cache():
    report = gradcheck_functions(affine, affine_backward, normal(4, 3), normal(3, 2), normal(2))
    assert report.passed, report
    assert report.title == "affine"
    assert [row.name for row in report.rows] == ["x", "w", "b"]


def test_gradcheck_functions_takes_gradients_by_order_or_by_name():
    kept = {}

    def forward(x, w):
        kept["x"], kept["w"] = x, w
        return np.tanh(x @ w)

    def dpre(dy):
        return dy * (1 - np.tanh(kept["x"] @ kept["w"]) ** 2)

    def in_order(dy):
        return dpre(dy) @ kept["w"].T, kept["x"].T @ dpre(dy)

    def by_name(dy):
        return {"dw": kept["x"].T @ dpre(dy), "x": dpre(dy) @ kept["w"].T}

    for backward in (in_order, by_name):
        report = gradcheck_functions(forward, backward, normal(4, 3), normal(3, 2))
        assert report.passed, report


def test_gradcheck_functions_of_one_array_to_one_number():
    kept = {}

    def squares(x):
        kept["x"] = x
        return float((x**2).sum())

    assert gradcheck_functions(squares, lambda dy: 2 * dy * kept["x"], normal(5)).passed
    report = gradcheck_functions(squares, lambda dy: dy * kept["x"], normal(5))
    assert report.rows[0].cause == "factor"


def test_gradcheck_checks_an_object_that_looks_like_a_layer():
    assert gradcheck(Stranger(), normal(4, 3)).passed
    row = gradcheck(Stranger(-1.0), normal(4, 3)).rows[0]
    assert not row.passed
    assert "wrong sign" in row.diagnosis


# Factors and their names.


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        (0.5, "1/2 times"),
        (2.0, "2 times"),
        (-1.0, "wrong sign"),
        (1 / 5, "one over the number of examples"),
        (5.0, "the number of examples"),
        (1 / 35, "one over the number of entries"),
        (7.0, "the number of entries per example"),
        (0.123, "0.123 times"),
        (-2.0, "-2 times"),
    ],
)
def test_a_constant_factor_is_named(factor, words):
    class Scaled(Dense):
        def backward(self, dy):
            return factor * super().backward(dy)

    report = gradcheck(Scaled(6, 7, rng=0, dtype=np.float64), normal(5, 6))
    row = of_row(report, "x")
    assert row.cause == ("sign" if factor == -1 else "factor")
    assert words in row.diagnosis
    assert row.diagnosis in str(report)
    assert str(report).count("likely cause") == 1


def test_diagnose_finds_the_factor_of_the_entries_that_have_a_slope():
    numeric = normal(3, 4, seed=1)
    gradient = 0.5 * numeric
    numeric.flat[[0, 5]] = np.nan
    found = diagnose(Slopes("w", normal(3, 4), gradient, numeric))
    assert found.cause == "factor"
    assert "1/2 times" in found.sentence
    numeric[:] = np.nan
    assert diagnose(Slopes("w", normal(3, 4), gradient, numeric)) is None
    for known in (1, 2):  # two numbers are too easily proportional
        numeric.flat[:known] = 0.123 * gradient.ravel()[:known]
        assert diagnose(Slopes("w", normal(3, 4), gradient, numeric)) is None


def test_a_right_row_has_no_diagnosis():
    report = gradcheck(Stranger(), normal(4, 3))
    assert [(row.cause, row.diagnosis) for row in report.rows] == [("", "")]


def test_diagnose_names_nothing_where_nothing_fits():
    numeric, gradient = normal(3, 4, seed=1), normal(3, 4, seed=2)
    assert diagnose(Slopes("w", normal(3, 4), gradient, numeric)) is None


def test_diagnose_says_where_the_only_wrong_entries_are():
    numeric = normal(3, 4, seed=1)
    gradient = numeric.copy()
    gradient[:, 3] *= 2
    found = diagnose(Slopes("w", normal(3, 4), gradient, numeric))
    assert found.cause == "region"
    assert "index 3 of axis 1" in found.sentence
    assert "2 times" in found.sentence


class TwoSquareWeights:
    """Two maps in a row, and a gradient of the first weight that is no usual mistake."""

    def __init__(self):
        self.parameters = {"a": Parameter(normal(4, 4)), "b": Parameter(normal(4, 4, seed=1))}

    def forward(self, x):
        self.x = x
        return x @ self.parameters["a"].value @ self.parameters["b"].value

    def backward(self, dy):
        a, b = self.parameters["a"], self.parameters["b"]
        b.grad += (self.x @ a.value).T @ dy
        a.grad += normal(4, 4, seed=2) * dy.sum()
        return dy @ b.value.T @ a.value.T


def test_a_wrong_gradient_of_one_square_weight_is_not_blamed_on_another():
    report = gradcheck(TwoSquareWeights(), normal(2, 4))
    assert [row.name for row in report.rows if not row.passed] == ["a"]


def test_fits_needs_the_same_shape():
    assert fits(normal(12).reshape(3, 4), normal(3, 4), 1e-4)
    for shape in ((2, 4), (12,), (4, 3)):
        assert not fits(np.resize(normal(12), shape), normal(3, 4), 1e-4)


def test_large_arrays_are_diagnosed_from_a_sample():
    class Halved(Dense):
        def backward(self, dy):
            return 0.5 * super().backward(dy)

    report = gradcheck(Halved(50, 3, rng=0, dtype=np.float64), normal(40, 50))
    assert of_row(report, "x").checked == 4
    assert "1/2" in of_row(report, "x").diagnosis


# The error by step size.


def test_the_error_curve_is_a_v_whose_right_side_has_the_slope_of_its_formula():
    x = normal(4, 5)
    for formula, order in (("one-sided", 1), ("central", 2), ("extrapolated", 4)):
        steps = (1e-13, 3e-2, 6e-2)
        curve = error_curve(Tanh(dtype=np.float64), x, formula=formula, steps=steps)
        rounding, near, far = curve.errors
        assert np.log2(far / near) == pytest.approx(order, abs=0.4)
        assert rounding > 1e-6
    curve = error_curve(small_vae(), pixels(2, 3, 5, 1))
    assert curve.errors.min() < 1e-7
    assert curve.errors[0] > 1e-4
    assert curve.errors[-1] > 1e-4


def test_the_error_curve_of_a_wrong_gradient_is_level():
    errors = error_curve(Stranger(2.0), normal(4, 3), steps=(1e-6, 1e-4, 1e-2)).errors
    assert errors == pytest.approx(0.5, rel=1e-4)


def test_error_curve_leaves_everything_as_it_was_and_refuses_an_unknown_formula():
    vae = small_vae()
    before = {name: p.value.tobytes() for name, p in vae.parameters.items()}
    scratchvae.error_curve(vae, pixels(2, 3, 5, 1), steps=(1e-3,))
    assert {name: p.value.tobytes() for name, p in vae.parameters.items()} == before
    with refused("formula", "central"):
        error_curve(vae, pixels(2, 3, 5, 1), formula="middle")
    with refused("step"):
        error_curve(vae, pixels(2, 3, 5, 1), steps=(0.0,))


def test_draw_error_curve_names_the_curves():
    layer, x = Tanh(dtype=np.float64), normal(4, 5)
    formulas = ("one-sided", "central")
    curves = {name: error_curve(layer, x, formula=name) for name in formulas}
    axes = draw_error_curve(curves).axes[0]
    assert [line.get_label() for line in axes.lines] == list(formulas)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    with refused("at least one curve"):
        draw_error_curve({})
