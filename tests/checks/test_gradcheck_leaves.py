"""A gradient check leaves what it checks as it was, and finds the weights of any class."""

from collections import deque

import numpy as np
from helpers import normal, refused

from scratchvae.checks.gradients import gradcheck, gradcheck_functions
from scratchvae.layers import Layer, Tanh

X = normal(4, 3)
WEIGHT = normal(3, 2, seed=5)


def product(x):
    return x @ WEIGHT


class Linear:
    """A layer as courses have them, without a weight of its own."""

    def forward(self, x):
        return x @ self.weight()

    def backward(self, dy):
        return dy @ self.weight().T


class OfTheClass(Linear):
    kept = normal(3, 2)

    def weight(self):
        return self.kept


class OfTheModule(Linear):
    def weight(self):
        return WEIGHT


class ByAFunction(Linear):
    def forward(self, x):
        return product(x)

    def weight(self):
        return WEIGHT


class InASlot(Linear):
    __slots__ = ("kept",)

    def __init__(self):
        self.kept = normal(3, 2)

    def weight(self):
        return self.kept


class InADeque(Linear):
    def __init__(self):
        self.kept = deque([normal(3, 2)])

    def weight(self):
        return self.kept[0]


class AmongObjects(InADeque):
    def __init__(self):
        self.kept = np.empty(1, object)
        self.kept[0] = normal(3, 2)


class Derived(Layer):
    kept = normal(3, 2)

    def __init__(self):
        super().__init__(dtype=np.float64)

    def forward(self, x, training=False):
        return x @ self.kept

    def backward(self, dy):
        return dy @ self.kept.T


class Hyper:
    kept = normal(3, 2)


class OfAnotherClass(Linear):
    def weight(self):
        return Hyper.kept


def test_a_weight_is_found_wherever_a_class_keeps_it():
    expected = {
        OfTheClass: "kept",
        OfTheModule: "WEIGHT",
        ByAFunction: "WEIGHT",
        InASlot: "kept",
        InADeque: "kept[0]",
        AmongObjects: "kept[0]",
        Derived: "kept",
        OfAnotherClass: "Hyper.kept",
    }
    for kind, name in expected.items():
        report = gradcheck(kind(), X)
        assert [array.name for array in report.unseen] == [name], kind
        assert f"{name} " in str(report).splitlines()[-1]


def test_a_weight_of_a_class_that_the_output_does_not_depend_on_is_not_named():
    class Idle(OfTheClass):
        idle = normal(2, 2)
        kept = WEIGHT

        def other(self):
            return self.idle

    report = gradcheck(Idle(), X)
    assert {array.name for array in report.unseen} <= {"kept", "WEIGHT"}


class Running:
    """Has a running mean, put anew or changed, and a counter."""

    def __init__(self, in_place):
        self.mean, self.count, self.in_place = np.zeros(3), 0, in_place
        self.scale, self.dscale = np.ones(3), np.zeros(3)

    def forward(self, x, training=True):
        self.count += 1
        if self.in_place:
            self.mean *= 0.9
            self.mean += 0.1 * x.mean(axis=0)
        else:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        self.x = x - x.mean(axis=0)
        return self.scale * self.x

    def backward(self, dy):
        self.dscale[...] = (dy * self.x).sum(axis=0)
        return self.scale * (dy - dy.mean(axis=0))


def test_running_means_and_counters_are_put_back_and_gradients_stay():
    for in_place in (False, True):
        layer = Running(in_place)
        mean = layer.mean
        assert gradcheck(layer, X).passed
        assert layer.mean is mean
        assert not mean.any()
        assert layer.count == 0
        assert layer.dscale.any()


def test_they_are_put_back_after_an_error_too():
    class Failing(Running):
        def backward(self, dy):
            return None if self.count > 3 else super().backward(dy)

    layer = Failing(in_place=True)
    gradcheck(layer, X)
    assert (layer.count, layer.mean.any()) == (0, False)
    layer.backward = lambda dy: "nothing"
    with refused("gradient"):
        gradcheck(layer, X)
    assert (layer.count, layer.mean.any()) == (0, False)


def test_a_pass_that_changes_its_argument_only_later_is_refused():
    class Later:
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 3:
                x *= 2
            return 3 * x

        def backward(self, dy):
            return 3 * dy

    with refused("Later.forward changed its argument x"):
        gradcheck(Later(), X)


def test_a_single_number_is_checked_as_well():
    assert gradcheck(Tanh(), np.array(0.3)).passed


def test_where_only_the_curvature_jumps_a_right_gradient_is_right_and_a_wrong_one_wrong():
    at_jumps = np.array([[-2.0, -1.0, 0.0, 1.0, 2.0]])
    functions = {
        "squared rectifier": (lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0)),
        "square with a sign": (lambda x: x * np.abs(x), lambda x: 2 * np.abs(x)),
        "Huber's loss": (
            lambda x: np.where(np.abs(x) <= 1, x * x / 2, np.abs(x) - 0.5),
            lambda x: np.clip(x, -1, 1),
        ),
    }
    for name, (function, slope) in functions.items():
        for factor in (1, 1.001):

            def backward(dy, x, slope=slope, factor=factor):
                return factor * dy * slope(x)

            report = gradcheck_functions(lambda x, f=function: (f(x), x), backward, at_jumps)
            assert report.passed == (factor == 1), (name, str(report))


def test_a_notebook_shows_a_report_as_a_table():
    report = gradcheck(Tanh(), X)
    assert repr(report) == str(report)
    assert repr(report).startswith("Tanh\n")
