"""The report of a gradient check: its rows, what the check leaves as it was, what it refuses."""

import numpy as np
import pytest
from gradient_cases import FLOAT64, WrongAt, dense
from helpers import normal, pixels, refused, small_vae

from scratchvae.checks.gradients import check_gradients, gradcheck
from scratchvae.checks.gradients.comparison import SMOOTH_TOLERANCE
from scratchvae.layers import ELU, Dense, Sequential, Tanh
from scratchvae.probability import GaussianLikelihood


def test_a_report_has_a_row_for_the_input_and_each_parameter():
    report = gradcheck(dense(), normal(4, 5))
    assert report.title == "Dense"
    assert [(row.name, row.size, row.checked) for row in report.rows] == [
        ("x", 20, 20),
        ("weight", 15, 15),
        ("bias", 3, 3),
    ]
    for row in report.rows:
        assert row.passed
        assert row.tolerance == SMOOTH_TOLERANCE
        assert 0 <= row.max_relative_error < 1e-9
        assert row.analytic == pytest.approx(row.numeric, rel=1e-8)
        # The place is an index into the array that was checked.
        shape = {"x": (4, 5), "weight": (5, 3), "bias": (3,)}[row.name]
        index = tuple(int(i) for i in row.where.strip("()").split(",") if i)
        np.zeros(shape)[index]
        assert len(index) == len(shape)
    assert report.passed
    assert report.max_relative_error == max(row.max_relative_error for row in report.rows)


@pytest.mark.parametrize(
    ("name", "index"), [("x", (2, 3)), ("weight", (4, 1)), ("bias", (2,)), ("x", (0, 0))]
)
@pytest.mark.parametrize("factor", [-1.0, 0.0, 1.01, 1.00001, 1e6])
def test_the_wrong_entry_is_named(name, index, factor):
    report = gradcheck(WrongAt(name, index, lambda entry: factor * entry), normal(4, 5))
    assert not report.passed
    wrong = [row for row in report.rows if not row.passed]
    assert [row.name for row in wrong] == [name]
    assert wrong[0].where == str(index)
    assert wrong[0].max_relative_error == report.max_relative_error
    assert wrong[0].max_relative_error == pytest.approx(
        abs(1 - factor) / max(1, abs(factor)), rel=0.01
    )
    printed = str(report)
    assert printed.count("WRONG") == 1
    assert f"backward says {wrong[0].analytic:.6g}" in printed
    assert f"the slope is {wrong[0].numeric:.6g}" in printed


@pytest.mark.parametrize("entry", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "index"), [("x", (2, 3)), ("weight", (4, 1)), ("bias", (2,))])
def test_a_gradient_that_is_not_finite_fails_and_is_named(name, index, entry):
    report = gradcheck(WrongAt(name, index, lambda _: entry), normal(4, 5))
    assert not report.passed
    assert [row.name for row in report.rows if not row.passed] == [name]
    assert report.max_relative_error == np.inf
    assert next(row for row in report.rows if row.name == name).where == str(index)


def test_a_report_prints_as_a_table_with_a_row_for_each_array():
    report = gradcheck(Sequential(dense(), Tanh(dtype=FLOAT64), dense(1, 3, 2)), normal(4, 5))
    title, head, *rows = str(report).splitlines()
    assert title == "Sequential"
    assert [row.split()[0] for row in rows] == ["x", "0.weight", "0.bias", "2.weight", "2.bias"]
    assert all(row.endswith("ok") for row in rows)
    assert "20 of 20" in rows[0]
    # Columns line up: all but the verdict end where their heading does.
    for heading, cell in (("checked", "20 of 20"), ("where", report.rows[0].where)):
        assert head.index(heading) + len(heading) == rows[0].index(cell) + len(cell)


class Misshapen(Dense):
    """Adds up its bias's gradient as it should, but stores it in another shape."""

    def __init__(self, given):
        super().__init__(5, 3, rng=0, dtype=FLOAT64)
        self.given, self.total = given, np.zeros(3)

    def zero_grad(self):
        super().zero_grad()
        self.total = np.zeros(3)

    def backward(self, dy):
        bias = self.parameters["bias"]
        bias.grad = self.total
        dx = super().backward(dy)
        bias.grad = np.resize(self.total, self.given)
        return dx


@pytest.mark.parametrize("given", [(1, 3), (3, 1), (2,), ()])
def test_a_gradient_of_another_shape_fails(given):
    report = gradcheck(Misshapen(given), normal(4, 5))
    assert not report.passed
    rows = {row.name: row for row in report.rows}
    assert {name: row.passed for name, row in rows.items()} == {
        "x": True,
        "weight": True,
        "bias": False,
    }
    assert rows["bias"].where == f"shape {given}"
    assert f"shape {given}" in str(report)


def test_an_input_gradient_of_another_shape_or_none_at_all_fails():
    class Transposed(Tanh):
        def backward(self, dy):
            return super().backward(dy).T

    class Forgotten(Tanh):
        def backward(self, dy):
            super().backward(dy)

    for layer, shape in ((Transposed(dtype=FLOAT64), (5, 4)), (Forgotten(dtype=FLOAT64), ())):
        report = gradcheck(layer, normal(4, 5))
        assert not report.passed
        assert report.rows[0].where == f"shape {shape}"


def test_check_gradients_of_nothing_does_not_pass():
    report = check_gradients("nothing", lambda: 0.0, {}, {}, rng=np.random.default_rng(0))
    assert not report.passed
    assert report.max_relative_error == 0


def test_gradcheck_puts_values_and_input_back_bit_for_bit():
    vae = small_vae(GaussianLikelihood(0.3))
    vae.parameters["encoder.1.weight"].value[0, 0] = -0.0
    network = Sequential(dense(), ELU(dtype=FLOAT64), dense(1, 3, 2))
    for thing, x in ((vae, pixels(3, 3, 5, 1)), (network, normal(4, 5))):
        before = {name: p.value.tobytes() for name, p in thing.parameters.items()}
        objects = {name: id(p.value) for name, p in thing.parameters.items()}
        given = x.tobytes()
        gradcheck(thing, x)
        gradcheck(thing, x, max_coordinates=0)
        assert {name: p.value.tobytes() for name, p in thing.parameters.items()} == before
        assert {name: id(p.value) for name, p in thing.parameters.items()} == objects
        assert x.tobytes() == given


def test_check_gradients_puts_values_back_if_a_forward_pass_fails():
    array = normal(3)
    before = array.tobytes()

    def value():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        check_gradients("f", value, {"a": array}, {"a": array}, rng=np.random.default_rng(0))
    assert array.tobytes() == before


def test_gradcheck_takes_a_read_only_input():
    x = normal(4, 5)
    x.setflags(write=False)
    assert gradcheck(dense(), x).passed


def test_a_seed_fixes_the_report():
    x = pixels(2, 3, 5, 1)
    first, again, other = (gradcheck(small_vae(), x, seed=seed) for seed in (1, 1, 2))
    assert str(first) == str(again)
    assert str(first) != str(other)


def test_gradcheck_refuses_float32_with_the_reason():
    with refused("gradcheck needs float64 and x is float32", "7 digits", "astype"):
        gradcheck(dense(), normal(4, 5, dtype=np.float32))
    with refused("weight is float32", "dtype=np.float64"):
        gradcheck(Dense(5, 3, rng=0), normal(4, 5))
    with refused("encoder.1.weight is float32"):
        gradcheck(small_vae(dtype=np.float32), pixels(2, 3, 5, 1))
    with refused("x is uint8"):
        gradcheck(small_vae(), np.zeros((2, 3, 5, 1), np.uint8))


def test_gradcheck_refuses_an_input_that_is_not_finite_or_empty_or_no_array():
    for bad in (np.nan, np.inf):
        x = normal(4, 5)
        x[2, 1] = bad
        with refused("x[2, 1]", str(bad)):
            gradcheck(dense(), x)
    for shape in ((0, 5), (4, 0)):
        with refused("at least one example", str(shape)):
            gradcheck(dense(), np.zeros(shape))
    with refused("NumPy array", "list"):
        gradcheck(dense(), [[1.0] * 5])
    with refused("x must be of shape (N, 3, 5, 1)"):
        gradcheck(small_vae(), pixels(2, 4))
    with refused("Dense: x", "(N, 5)", "(4, 6)"):
        gradcheck(dense(), normal(4, 6))


def test_gradcheck_refuses_settings_that_make_no_sense():
    for bad in (-1, 2.5):
        with refused("max_coordinates"):
            gradcheck(dense(), normal(4, 5), max_coordinates=bad)
    with refused("directions"):
        gradcheck(dense(), normal(4, 5), directions=0)
    for bad in (0, -1.0, np.nan):
        with refused("tolerance"):
            gradcheck(dense(), normal(4, 5), tolerance=bad)
    with refused("noise"):
        gradcheck(dense(), normal(4, 5), noise=np.zeros((1, 4, 5)))
    with refused("eps"):
        gradcheck(small_vae(), pixels(2, 3, 5, 1), noise=np.zeros((1, 3, 2)))


@pytest.mark.parametrize("thing", [3, None, Tanh])
def test_gradcheck_refuses_what_is_neither_layer_nor_model(thing):
    with refused("layer"):
        gradcheck(thing, normal(2, 3))


def test_gradcheck_refuses_a_backward_pass_that_changes_its_argument():
    class InPlace(Tanh):
        def backward(self, dy):
            dy *= 1 - self.y**2
            return dy

    with refused("InPlace.backward changed its argument dy"):
        gradcheck(InPlace(dtype=FLOAT64), normal(2, 3))
