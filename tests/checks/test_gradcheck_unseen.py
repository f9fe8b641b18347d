"""What a gradient check has not looked at, it says: weights that nobody named, idle inputs."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from gradient_cases import Stranger, dense
from helpers import normal, pixels, refused, small_vae

from scratchvae.checks.gradients import gradcheck, gradcheck_functions
from scratchvae.layers import BatchNorm, Dense, Layer, Parameter, Sequential, Tanh


def names(report):
    return [array.name for array in report.unseen]


class Plain(Layer):
    """Keeps a weight where no check looks for one."""

    def __init__(self, place):
        super().__init__(dtype=np.float64)
        self.weight = normal(3, 2)
        if place == "list":
            self.weight = [self.weight]
        elif place == "tuple in a dict":
            self.weight = {"w": (self.weight,)}
        elif place == "object":
            self.weight = SimpleNamespace(w=self.weight)
        elif place == "read-only":
            self.weight.setflags(write=False)

    def array(self):
        kept = getattr(self.weight, "w", self.weight)
        kept = kept["w"] if isinstance(kept, dict) else kept
        return kept[0] if isinstance(kept, list | tuple) else kept

    def forward(self, x, training=False):
        self.x = x
        return x @ self.array()

    def backward(self, dy):
        return dy @ self.array().T


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("attribute", "weight"),
        ("list", "weight[0]"),
        ("tuple in a dict", "weight['w'][0]"),
        ("object", "weight.w"),
        ("read-only", "weight"),
    ],
)
def test_a_weight_outside_of_the_parameters_is_said_and_left_as_it_was(place, name):
    layer = Plain(place)
    before, writeable = layer.array().tobytes(), layer.array().flags.writeable
    report = gradcheck(layer, normal(4, 3))
    assert names(report) == [name]
    line = str(report).splitlines()[-1]
    assert line.split()[:4] == [name, "0", "of", "6"]
    assert "NOT CHECKED" in line
    assert "parameters" in line
    assert (layer.array().tobytes(), layer.array().flags.writeable) == (before, writeable)


def test_a_weight_within_a_network_or_a_model_is_said_with_its_place():
    assert names(gradcheck(Sequential(Tanh(), Plain("attribute")), normal(4, 3))) == [
        "layers[1].weight"
    ]

    class Offset(Layer):
        offset = None

        def __init__(self):
            super().__init__(dtype=np.float64)
            self.offset = normal(2)

        def forward(self, x, training=False):
            return x + self.offset

        def backward(self, dy):
            return dy

    vae = small_vae()
    vae.decoder.layers.insert(0, Offset())
    assert names(gradcheck(vae, pixels(2, 3, 5, 1))) == ["decoder.layers[0].offset"]


def test_a_weight_that_is_made_in_the_first_forward_pass_is_said():
    class Late(Stranger):
        def __init__(self):
            self.factor = 1.0

        def forward(self, x):
            if not hasattr(self, "w"):
                self.w = normal(3, 2)
            return super().forward(x)

    assert names(gradcheck(Late(), normal(4, 3))) == ["w"]


class KeptMask:
    """Keeps the mask of its first batch, and multiplies by it in both passes."""

    def __init__(self, mask=lambda x: x > 0):
        self.make_mask = mask

    def forward(self, x):
        if not hasattr(self, "mask"):
            self.mask = self.make_mask(x)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


def test_a_layer_that_goes_on_with_what_its_first_call_kept_is_wrong():
    report = gradcheck(KeptMask(), normal(4, 3))
    assert [row.cause for row in report.rows] == ["stale"]
    assert not report.passed
    assert "that does not fit the first call of a copy" in str(report)


def test_noise_that_the_first_call_draws_is_no_mistake():
    rng = np.random.default_rng(0)
    for mask in (
        lambda x: np.random.random(x.shape) < 0.5,  # noqa: NPY002
        lambda x: rng.random(x.shape) < 0.5,
        lambda x: np.full(x.shape, 2.0),
    ):
        assert gradcheck(KeptMask(mask), normal(4, 3)).passed


def test_what_is_checked_or_kept_for_the_backward_pass_or_a_buffer_is_not_said():
    class Kept(Dense):
        def __init__(self):
            super().__init__(3, 2, rng=0, dtype=np.float64)
            self.view = self.parameters["weight"].value[:1]  # of what is checked
            self.work = np.zeros((4, 2))  # written anew by every pass
            self.unused = normal(3)
            self.counts = np.arange(3)

        def forward(self, x, training=False):
            self.work[...] = super().forward(x)
            return self.work

    for layer in (Kept(), BatchNorm(3, dtype=np.float64), Sequential(dense(0, 3, 2), Tanh())):
        for training in (True, False):
            report = gradcheck(layer, normal(4, 3), training=training)
            assert report.passed, report
            assert names(report) == []


def closed_over(w):
    return lambda x: x @ w


def test_a_weight_that_a_function_closes_over_is_said():
    w, x = normal(3, 2), normal(4, 3)

    def with_default(x, w=w):
        return x @ w

    layer = dense(0, 3, 2)
    layer.parameters["bias"].value[...] = 0
    for forward, expected in (
        (closed_over(w), ["w"]),
        (with_default, ["w"]),
        (functools.partial(lambda w, x: x @ w, w), ["w"]),
        (functools.partial(with_default, w=w), ["w"]),
        (lambda x: closed_over(w)(x), ["w"]),
        (Stranger().forward, ["w"]),
        (lambda x: x @ np.ones((3, 2)), []),
    ):
        right = np.ones((3, 2)) if not expected else w
        report = gradcheck_functions(forward, lambda dy, right=right: dy @ right.T, x)
        assert report.passed, report
        assert names(report) == expected, forward


def test_the_search_ends_in_what_refers_to_itself_or_has_no_end():
    class Loop(Stranger):
        def __init__(self):
            super().__init__()
            self.self = self
            self.deep = [normal(1)]
            for _ in range(50):
                self.deep = [self.deep]

    assert names(gradcheck(Loop(), normal(4, 3))) == ["w"]


def test_an_input_on_which_nothing_depends_is_said():
    def ignoring(x, h):
        return 2 * x

    x, h = normal(4, 3), normal(4, 2)
    report = gradcheck_functions(ignoring, lambda dy: (2 * dy, np.zeros((4, 2))), x, h)
    assert report.passed
    assert [row.independent for row in report.rows] == [False, True]
    verdicts = [line.split("  ")[-1] for line in str(report).splitlines()[2:]]
    assert verdicts == ["ok", "no slope: the output does not depend on it"]
    wrong = gradcheck_functions(ignoring, lambda dy: (2 * dy, np.ones((4, 2))), x, h)
    assert [row.passed for row in wrong.rows] == [True, False]


def test_a_small_slope_is_not_taken_for_none():
    report = gradcheck_functions(
        lambda x, h: 2 * x + 1e-6 * h, lambda dy: (2 * dy, 1e-6 * dy), normal(4, 3), normal(4, 3)
    )
    assert [(row.passed, row.independent) for row in report.rows] == [(True, False)] * 2


def test_parameters_that_are_read_only_are_refused():
    layer = dense()
    value = layer.parameters["weight"].value
    layer.parameters["weight"] = Parameter(value)
    layer.parameters["weight"].value.setflags(write=False)
    with refused("Dense.parameters['weight']", "read-only", ".copy()"):
        gradcheck(layer, normal(4, 5))
