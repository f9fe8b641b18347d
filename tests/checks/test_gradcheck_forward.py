"""A forward pass that cannot be judged by differences is named, and no gradient is blamed."""

import numpy as np
import pytest
from gradient_cases import Stranger
from helpers import normal, refused

from scratchvae.checks.gradients import gradcheck, gradcheck_functions
from scratchvae.layers import Parameter


def causes(report):
    assert not report.passed
    return {row.cause for row in report.rows if not row.passed}


def in_single(x):
    return np.tanh(x.astype(np.float32)).astype(np.float64)


def partly_in_single(x):
    return 5 * x + np.float64(np.float32(x.sum()))


def in_half(x):
    return np.tanh(x.astype(np.float16)).astype(np.float64)


def through_a_buffer(x):
    kept = np.zeros(x.shape, np.float32)
    kept += 7 * x
    return kept.astype(np.float64)


@pytest.mark.parametrize("forward", [in_single, partly_in_single, in_half, through_a_buffer])
@pytest.mark.parametrize("factor", [1.0, -1.0])
def test_float32_inside_is_named_whether_the_gradient_is_right_or_not(forward, factor):
    slopes = {
        in_single: lambda x: 1 / np.cosh(x) ** 2,
        in_half: lambda x: 1 / np.cosh(x) ** 2,
        partly_in_single: lambda x: 5.0,
        through_a_buffer: lambda x: 7.0,
    }

    def backward(dy, x):
        dx = dy * slopes[forward](x)
        return factor * (dx + dy.sum() if forward is partly_in_single else dx)

    report = gradcheck_functions(lambda x: (forward(x), x), backward, normal(4, 3))
    assert causes(report) == {"single precision"}, report
    assert "float32" in report.rows[0].diagnosis


def test_a_wrong_gradient_in_float64_is_not_blamed_on_its_precision():
    for forward, slope in (
        (lambda x: np.sin(1000 * x), lambda x: 1000 * np.cos(1000 * x)),
        (lambda x: 1e5 + np.tanh(x), lambda x: 1 / np.cosh(x) ** 2),
        (lambda x: np.maximum(x, 0), lambda x: 1.0 * (x > 0)),
        (lambda x: np.zeros_like(x) * x, lambda x: np.ones_like(x)),
    ):
        report = gradcheck_functions(
            lambda x, f=forward: (f(x), x), lambda dy, x, s=slope: 3 * dy * s(x), normal(4, 3)
        )
        assert "single precision" not in causes(report), report


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_an_output_of_fewer_digits_is_refused(dtype):
    with refused("forward was given float64 and returned", np.dtype(dtype).name, "dtype=x.dtype"):
        gradcheck_functions(returning(dtype), lambda dy: dy, normal(4, 3))
    with refused("returned float32"):  # a number
        gradcheck_functions(lambda x: np.float32(x.sum()), lambda dy: dy, normal(4, 3))

    class Single(Stranger):
        def forward(self, x):
            return super().forward(x).astype(dtype)

    with refused("Single.forward", np.dtype(dtype).name):
        gradcheck(Single(), normal(4, 3))


def returning(dtype):
    def forward(x):
        return x.astype(dtype)

    return forward


def test_noise_and_what_is_carried_on_from_call_to_call_are_named():
    rng = np.random.default_rng(0)

    class Counting(Stranger):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return self.calls * super().forward(x)

    noisy = gradcheck_functions(lambda x: x + rng.normal(size=x.shape), lambda dy: dy, normal(4, 3))
    for report in (noisy, gradcheck(Counting(), normal(4, 3))):
        assert causes(report) == {"random forward"}, report
        assert "noise is drawn" in report.rows[0].diagnosis
        assert "from call to call" in report.rows[0].diagnosis
        assert not any(row.kinks or row.undecided for row in report.rows)
        assert not report.unseen  # as any of what is kept might seem to be


def test_a_forward_pass_that_depends_on_the_call_before_is_named():
    class Centred(Stranger):
        """Subtracts the mean of the batch before, as a running mean that keeps nothing would."""

        before = 0.0

        def __init__(self):
            super().__init__()
            self.parameters = {"offset": Parameter(normal(2))}

        def forward(self, x):
            y = super().forward(x) + self.parameters["offset"].value
            y, self.before = y - self.before, y.mean()
            return y

        def backward(self, dy):
            self.parameters["offset"].grad += dy.sum(axis=0)
            return super().backward(dy)

    report = gradcheck(Centred(), normal(4, 3))
    assert causes(report) == {"last call"}, report
    assert "the call before" in report.rows[0].diagnosis


class Learned(Stranger):
    def __init__(self, way=""):
        super().__init__()
        self.way = way
        self.parameters = {"w": Parameter(self.w)}

    def forward(self, x):
        w = self.parameters["w"]
        if self.way == "forward decays":
            w.value *= 0.9
        self.x = x
        return x @ w.value

    def backward(self, dy):
        w = self.parameters["w"]
        w.grad += self.x.T @ dy
        dx = dy @ w.value.T
        if self.way == "steps":
            w.value -= 0.1 * w.grad
        elif self.way == "puts another array":
            w.value = w.value - 0.1 * w.grad
        elif self.way == "scales x":
            self.x *= 2
        return dx


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ("forward decays", "Learned.forward changed the parameter w"),
        ("steps", "Learned.backward changed the parameter w: only an optimiser may"),
        ("puts another array", "changed the parameter w"),
        ("scales x", "Learned.backward changed its argument x"),
    ],
)
def test_passes_that_change_what_they_work_on_are_refused_and_parameters_put_back(way, words):
    layer, x = Learned(way), normal(4, 3)
    parameter = layer.parameters["w"]
    value, before, given = parameter.value, parameter.value.tobytes(), x.tobytes()
    with refused(words):
        gradcheck(layer, x)
    assert parameter.value is value
    assert (value.tobytes(), x.tobytes()) == (before, given)
    assert gradcheck(Learned(), x).passed


def test_functions_that_change_their_arguments_are_refused():
    def doubled(x):
        x *= 2
        return x

    def doubled_back(dy):
        dy *= 2
        return dy

    x = normal(4, 3)
    before = x.tobytes()
    with refused("doubled changed its argument x"):
        gradcheck_functions(doubled, lambda dy: 2 * dy, x)
    with refused("backward changed its argument dy"):
        gradcheck_functions(lambda x: 2 * x, doubled_back, x)
    assert x.tobytes() == before


@pytest.mark.parametrize(
    "x",
    [
        np.broadcast_to(np.array([0.3, -1.0, 2.0]), (4, 3)),
        normal(3, 8).T[::2],
        np.asfortranarray(normal(4, 3)),
        np.array(0.7),
    ],
    ids=["read-only", "strided", "columns first", "a number"],
)
def test_arrays_of_every_layout_and_functions_that_return_their_argument_pass(x):
    for forward, backward in (
        (lambda x: x, lambda dy: dy),
        (lambda x: x.T, lambda dy: dy.T),
        (lambda x: np.exp(x), lambda dy: dy * np.exp(x)),
    ):
        report = gradcheck_functions(forward, backward, x)
        assert report.passed, report
