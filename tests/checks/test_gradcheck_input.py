"""What a gradient check refuses of other people's functions and layers, and what it accepts."""

from types import SimpleNamespace

import numpy as np
import pytest
from gradient_cases import Stranger, affine, affine_backward, of_row
from helpers import normal, refused

from scratchvae import gradcheck, gradcheck_functions
from scratchvae.layers import Tanh


def test_gradcheck_functions_says_what_the_functions_must_return():
    x, w = normal(4, 3), normal(3, 2)
    with refused("gradient for each of x, w", "returned 1"):
        gradcheck_functions(lambda x, w: x @ w, lambda dy: dy, x, w)
    with refused("'w' or 'dw'"):
        gradcheck_functions(lambda x, w: x @ w, lambda dy: {"x": dy}, x, w)
    with refused("y or (y, cache)"):
        gradcheck_functions(lambda x: (x, x, x), lambda dy: dy, x)
    with refused("two functions"):
        gradcheck_functions(x, w)
    with refused("at least one array"):
        gradcheck_functions(affine, affine_backward)
    with refused("float64"):
        gradcheck_functions(affine, affine_backward, x, w.astype(np.float32), normal(2))


def test_gradcheck_functions_refuses_gradients_named_by_numbers():
    with refused("gradients called 0, 1", "'x' or 'dx'"):
        gradcheck_functions(
            lambda x, w: x @ w, lambda dy: {0: dy, 1: dy}, normal(4, 3), normal(3, 2)
        )


@pytest.mark.parametrize("output", ["text", None, [[1.0], [1.0, 2.0]], {"y": 1.0}])
def test_gradcheck_refuses_an_output_that_is_not_an_array_of_numbers(output):
    with refused("forward returned", type(output).__name__, "array of numbers"):
        gradcheck_functions(returning("forward", output), lambda dy: dy, normal(4))

    class Odd(Stranger):
        def forward(self, x):
            return output

    with refused("Odd.forward returned", type(output).__name__, "array of numbers"):
        gradcheck(Odd(), normal(4, 3))


def returning(name, output):
    """Return a function of this name that always returns this output."""

    def function(x):
        return output

    function.__name__ = name
    return function


def test_gradcheck_refuses_an_empty_output():
    with refused("forward returned an empty array", "(0, 3)"):
        gradcheck_functions(returning("forward", np.zeros((0, 3))), lambda dy: dy, normal(4))

    class Nothing(Stranger):
        def forward(self, x):
            return x[:0]

    with refused("Nothing.forward returned an empty array", "(0, 3)"):
        gradcheck(Nothing(), normal(4, 3))


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"w": normal(3, 2)}, ("a dict gradients with the same names", "not in NoneType")),
        ({"w": SimpleNamespace(value=[1.0], grad=[0.0])}, ("parameters['w']", "value of list")),
        ({"w": [1.0]}, ("parameters['w']", "not list", "layers.Parameter")),
        ([normal(3, 2)], ("a list gradients", "not in NoneType")),
        ([SimpleNamespace(value=normal(3, 2))], ("to be a dict", "not list", "name")),
        (None, ("to be a dict", "not NoneType")),
    ],
)
def test_gradcheck_refuses_parameters_that_it_cannot_move(parameters, words):
    stranger = Stranger()
    stranger.parameters = parameters
    with refused("Stranger.parameters", *words):
        gradcheck(stranger, normal(4, 3))


class WithoutGradient(Stranger):
    """Clears its gradient as some frameworks do, and leaves it at that."""

    def __init__(self, shape):
        super().__init__()
        self.parameters = {"w": SimpleNamespace(value=np.ones(shape), grad=None)}

    def forward(self, x):
        return super().forward(x) * self.parameters["w"].value

    def zero_grad(self):
        self.parameters["w"].grad = None

    def backward(self, dy):
        return super().backward(dy * self.parameters["w"].value)


@pytest.mark.parametrize("shape", [(2,), (1,), ()])
def test_gradcheck_reports_a_gradient_that_is_none(shape):
    report = gradcheck(WithoutGradient(shape), normal(4, 3))
    assert [row.name for row in report.rows if not row.passed] == ["w"]
    row = of_row(report, "w")
    assert (row.cause, row.diagnosis[:10]) == ("missing", "it is None")


def test_gradcheck_gives_a_parameter_its_first_gradient():
    class Scaled(Stranger):
        def __init__(self):
            super().__init__()
            self.parameters = {"w": SimpleNamespace(value=np.ones(2))}

        def forward(self, x):
            self.before = super().forward(x)
            return self.before * self.parameters["w"].value

        def backward(self, dy):
            self.parameters["w"].grad += (self.before * dy).sum(axis=0)
            return super().backward(dy * self.parameters["w"].value)

    report = gradcheck(Scaled(), normal(4, 3))
    assert report.passed, report


def test_gradcheck_refuses_a_forward_pass_that_changes_its_input():
    class InPlace(Tanh):
        def forward(self, x, training=False):
            x *= 2
            return super().forward(x, training)

    with refused("InPlace.forward changed its argument x"):
        gradcheck(InPlace(dtype=np.float64), normal(2, 3))
