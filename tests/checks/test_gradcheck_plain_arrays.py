"""Gradient checks of layers with plain arrays: in dicts as the lessons' are, or as attributes."""

import numpy as np
import pytest
from helpers import refused

import scratchvae
from scratchvae.course.program import Dense, Sequential, Tanh
from scratchvae.layers import Layer


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def x(rng):
    return rng.standard_normal((5, 3))


def rows_of(report):
    return {row.name: row for row in report.rows}


class Attributes:
    """A dense layer with W and b, and their gradients in dW and db."""

    def __init__(self, rng):
        self.W, self.b = rng.standard_normal((3, 4)), rng.standard_normal(4)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW, self.db = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.W.T


def test_a_layer_with_dicts_of_arrays_is_checked_and_left_as_it_was(rng, x):
    layer = Dense(3, 4, rng)
    before = {name: array.copy() for name, array in layer.parameters.items()}
    report = scratchvae.gradcheck(layer, x)
    assert report.passed
    assert not report.unseen
    assert {name: row.checked for name, row in rows_of(report).items()} == {
        "x": 15,
        "weight": 12,
        "bias": 4,
    }
    for name, array in layer.parameters.items():
        np.testing.assert_array_equal(array, before[name])


def test_a_chain_of_such_layers_is_checked(rng, x):
    network = Sequential(Dense(3, 4, rng), Tanh(), Dense(4, 2, rng))
    report = scratchvae.gradcheck(network, x)
    assert report.passed
    assert set(rows_of(report)) == {"x", "0.weight", "0.bias", "2.weight", "2.bias"}
    # A V whose bottom is far below any mistake.
    assert scratchvae.error_curve(network, x).errors.min() < 1e-7


@pytest.mark.parametrize("pair", [("W", "dW"), ("weight", "weight_grad"), ("w", "grad_w")])
def test_attributes_with_gradients_beside_them_are_checked(pair, rng, x):
    value, gradient = pair

    class Layer:
        def __init__(self):
            setattr(self, value, rng.standard_normal((3, 4)))

        def forward(self, x):
            self.x = x
            return x @ getattr(self, value)

    # The name is in the code of a method, as it is where a person wrote it.
    source = f"def backward(self, dy):\n    self.{gradient} = self.x.T @ dy * factor\n"
    source += f"    return dy @ self.{value}.T\n"
    for factor, passed in ((1, True), (2, False)):
        namespace = {"factor": factor}
        exec(source, namespace)
        Layer.backward = namespace["backward"]
        report = scratchvae.gradcheck(Layer(), x)
        assert report.passed == passed
        assert rows_of(report)[value].checked == 12
        assert not report.unseen


def test_an_attribute_without_a_gradient_is_said_to_be_unchecked(rng, x):
    class Scaled(Attributes):
        def __init__(self, rng):
            super().__init__(rng)
            self.scale = np.array([2.0])

        def forward(self, x):
            return self.scale * super().forward(x)

        def backward(self, dy):
            return super().backward(self.scale * dy)

    report = scratchvae.gradcheck(Scaled(rng), x)
    assert report.passed
    assert [array.name for array in report.unseen] == ["scale"]


class Transposed(Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.gradients["weight"] = self.gradients["weight"].T
        return dx


class NotSummed(Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        self.gradients["bias"] = dy
        return dx


class AddedUp(Dense):
    def backward(self, dy):
        earlier = self.gradients
        dx = super().backward(dy)
        self.gradients = {name: g + earlier.get(name, 0) for name, g in self.gradients.items()}
        return dx


class Overwritten(Dense):
    """Promises by its zero_grad to add, and does not."""

    def zero_grad(self):
        self.gradients = {}


class KeptFirst(Dense):
    def forward(self, x):
        first = getattr(self, "x", x)
        y = super().forward(x)
        self.x = first
        return y


class Missing(Dense):
    def backward(self, dy):
        dx = super().backward(dy)
        del self.gradients["bias"]
        return dx


@pytest.mark.parametrize(
    ("kind", "name", "words"),
    [
        (Transposed, "weight", "transpose it"),
        (NotSummed, "bias", "sum over axis 0 and it is right"),
        (AddedUp, "weight", "fill it anew in every pass (= instead of +=)"),
        (Overwritten, "weight", "add to the gradient (+=)"),
        (KeptFirst, "weight", "the input of an earlier batch was kept"),
        (Missing, "bias", "it is None"),
    ],
)
def test_the_usual_mistakes_are_named(kind, name, words, rng, x):
    row = rows_of(scratchvae.gradcheck(kind(3, 4, rng), x))[name]
    assert not row.passed
    assert words in row.diagnosis


def test_adding_up_inside_a_chain_is_named_too(rng, x):
    rows = rows_of(scratchvae.gradcheck(Sequential(AddedUp(3, 4, rng), Tanh()), x))
    assert "= instead of +=" in rows["0.weight"].diagnosis


def test_a_layer_that_adds_and_clears_is_right(rng, x):
    class Cleared(AddedUp):
        def zero_grad(self):
            self.gradients = {}

    assert scratchvae.gradcheck(Cleared(3, 4, rng), x).passed


def test_arrays_without_a_dict_for_their_gradients_are_refused(rng, x):
    class Nowhere(Dense):
        def backward(self, dy):
            self.gradients = None
            return dy @ self.parameters["weight"].T

    with refused("in a dict gradients with the same names", "NoneType"):
        scratchvae.gradcheck(Nowhere(3, 4, rng), x)


def test_single_precision_is_refused_by_the_arrays_name(rng, x):
    with refused("float64", "weight is float32"):
        scratchvae.gradcheck(Dense(3, 4, rng, np.float32), x)


def test_a_list_for_an_array_is_refused(rng, x):
    layer = Dense(3, 4, rng)
    layer.parameters["bias"] = [1.0, 2.0, 3.0, 4.0]
    with refused("parameters['bias'] to be a NumPy array", "list"):
        scratchvae.gradcheck(layer, x)


@pytest.mark.parametrize("factor", [1, 2])
def test_a_layer_of_ours_may_hold_plain_arrays_as_well(factor, x):
    class Scale(Layer):
        def __init__(self):
            self.parameters = {"a": np.array([0.3])}
            self.gradients = {}

        def forward(self, x, training=False):
            self.x = x
            return self.parameters["a"] * x

        def backward(self, dy):
            self.gradients["a"] = np.array([factor * (dy * self.x).sum()])
            return self.parameters["a"] * dy

    rows = rows_of(scratchvae.gradcheck(Scale(), x))
    assert rows["x"].passed
    assert rows["a"].passed == (factor == 1)
