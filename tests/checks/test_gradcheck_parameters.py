"""Parameters as objects with data and grad, and whatever else ``parameters`` may be."""

import numpy as np
import pytest
from helpers import normal

from scratchvae.checks.gradients import gradcheck
from scratchvae.errors import InputError
from scratchvae.layers import Layer

X = normal(4, 3)


class Weight:
    """What micrograd's and PyTorch's parameters have in common."""

    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


class Affine:
    """A layer whose gradients add up, with the parameters in a method."""

    def __init__(self, factor=1.0):
        self.w, self.b, self.factor = Weight(normal(3, 2, seed=1)), Weight(normal(2)), factor

    def parameters(self):
        return [self.w, self.b]

    def forward(self, x):
        self.x = x
        return x @ self.w.data + self.b.data

    def backward(self, dy):
        self.w.grad += self.factor * self.x.T @ dy
        self.b.grad += dy.sum(0)
        return dy @ self.w.data.T


class Cleared(Affine):
    def zero_grad(self):
        for weight in (self.w, self.b):
            weight.grad = np.zeros_like(weight.data)


class Assigned(Affine):
    def backward(self, dy):
        self.w.grad, self.b.grad = self.factor * self.x.T @ dy, dy.sum(0)
        return dy @ self.w.data.T


class AListItself(Affine):
    parameters = None

    def __init__(self, factor=1.0):
        super().__init__(factor)
        self.parameters = [self.w, self.b]


class Params(Affine):
    parameters = None

    def __init__(self, factor=1.0):
        super().__init__(factor)
        self.params = {"w": self.w, "b": self.b}


class Yielded(Affine):
    def parameters(self):
        yield self.w
        yield self.b


class Named(Affine):
    def parameters(self):
        return {"w": self.w, "b": self.b}


KINDS = [Affine, Cleared, Assigned, AListItself, Params, Yielded, Named]


@pytest.mark.parametrize("kind", KINDS)
def test_objects_with_data_and_grad_are_checked_under_their_names(kind):
    layer = kind()
    before = layer.w.data.copy()
    report = gradcheck(layer, X)
    assert [row.name for row in report.rows] == ["x", "w", "b"]
    assert report.passed
    assert report.unseen == []
    np.testing.assert_array_equal(layer.w.data, before)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_gradient_of_such_an_object_is_found(kind):
    report = gradcheck(kind(2.0), X)
    assert [(row.name, row.cause) for row in report.rows if not row.passed] == [("w", "factor")]


def test_a_gradient_that_does_not_add_up_is_wrong_where_somebody_clears_it():
    class Both(Cleared, Assigned):
        pass

    report = gradcheck(Both(), X)
    assert {row.cause for row in report.rows if not row.passed} == {"overwritten"}


def test_weights_of_a_network_of_layers_are_called_by_their_place():
    class Network:
        def __init__(self):
            self.layers = [Affine(), Affine(2.0)]
            self.layers[1].w.data = normal(2, 2, seed=3)

        def parameters(self):
            return [weight for layer in self.layers for weight in layer.parameters()]

        def forward(self, x):
            for layer in self.layers:
                x = layer.forward(x)
            return x

        def backward(self, dy):
            for layer in self.layers[::-1]:
                dy = layer.backward(dy)
            return dy

    report = gradcheck(Network(), X)
    names = [row.name for row in report.rows]
    assert names == ["x", *(f"parameters[{place}]" for place in range(4))]
    assert [row.name for row in report.rows if not row.passed] == ["parameters[2]"]


@pytest.mark.parametrize("given", [[], lambda layer: [layer.w.data, layer.b.data]])
def test_weights_that_are_not_found_by_their_gradient_are_said_not_to_be_checked(given):
    class Layer(Affine):
        def parameters(self):
            return given(self) if callable(given) else given

    report = gradcheck(Layer(), X)
    assert [row.name for row in report.rows] == ["x"]
    assert {array.name for array in report.unseen} == {"w.data", "b.data"}


@pytest.mark.parametrize("given", [3, [(1, 2)], "weights", [object()]])
def test_what_a_method_returns_that_is_nothing_to_move_is_refused_in_a_line(given):
    class Layer(Affine):
        def parameters(self):
            return given

    with pytest.raises(InputError, match=r"Layer\.parameters\(\) to be a dict of arrays") as caught:
        gradcheck(Layer(), X)
    assert "\n" not in str(caught.value)


def test_a_method_that_raises_is_named():
    class Layer(Affine):
        def parameters(self):
            raise KeyError("w")

    with pytest.raises(InputError, match=r"Layer\.parameters\(\) raised KeyError"):
        gradcheck(Layer(), X)


def test_weights_that_are_read_only_are_refused_and_left():
    class Layer:
        def __init__(self):
            self.w = normal(3, 2)
            self.w.flags.writeable = False

        def forward(self, x):
            self.x = x
            return x @ self.w

        def backward(self, dy):
            self.dw = self.x.T @ dy
            return dy @ self.w.T

    with pytest.raises(InputError, match=r"Layer\.w and puts it back, but it is read-only"):
        gradcheck(Layer(), X)


def test_a_layer_of_ours_may_hold_objects_with_data_and_grad():
    class Scale(Layer):
        def __init__(self):
            self.parameters = {"a": Weight(np.array([0.3]))}

        def forward(self, x, training=False):
            self.x = x
            return self.parameters["a"].data * x

        def backward(self, dy):
            self.parameters["a"].grad += (dy * self.x).sum(keepdims=True).ravel()
            return self.parameters["a"].data * dy

    assert gradcheck(Scale(), X).passed
