"""``gradcheck`` of what people have in PyTorch: right ones pass, and what is wrong is named."""

import numpy as np
import pytest
from helpers import normal
from hypothesis import given
from hypothesis import strategies as st

from scratchvae import gradcheck, gradcheck_functions
from scratchvae.errors import InputError

torch = pytest.importorskip("torch")

from pytorch_cases import RIGHT, Linear, NamedAlike, floats, gradients, linear  # noqa: E402

nn, Function = torch.nn, torch.autograd.Function


@pytest.mark.parametrize("kind", RIGHT)
def test_what_is_right_is_not_accused(kind):
    torch.manual_seed(0)
    target, *inputs = RIGHT[kind]()
    with torch.no_grad():  # whatever the caller's mode
        report = gradcheck(target, *inputs)
    assert report.passed, report
    assert not report.unseen
    assert report.max_relative_error < 1e-7


def test_arguments_and_parameters_have_their_names():
    def names(*arguments):
        return [row.name for row in gradcheck(*arguments).rows]

    assert names(*RIGHT["function"]()) == ["x", "w", "b"]
    assert names(*RIGHT["parts"]()) == ["p['w'][0]", "p['b']", "x"]
    assert names(nn.Sequential(nn.Linear(3, 2)), floats(2, 3)) == ["input", "0.weight", "0.bias"]
    assert names(NamedAlike(), floats(3)) == ["argument x", "x"]


class OfThePreviousBatch(Function):
    last = None

    @staticmethod
    def forward(ctx, x, w, b):
        ctx.x, ctx.w = x if OfThePreviousBatch.last is None else OfThePreviousBatch.last, w
        OfThePreviousBatch.last = x.clone()
        return x @ w + b

    @staticmethod
    def backward(ctx, dy):
        return dy @ ctx.w.T, ctx.x.T @ dy, dy.sum(0)


def noisy(ctx, x, w, b):
    return Linear.forward(ctx, x, w, b) + torch.randn(len(x), 3, dtype=x.dtype)


def rounded(ctx, x, w, b):
    return Linear.forward(ctx, x, w, b).float().double()


def masked_again(x, w, dy):
    return dy @ w.T, x.T @ (dy * (torch.rand_like(dy) > 0.5)), dy.sum(0)


WRONG = {
    "factor": (gradients(lambda x, w, dy: (dy @ w.T, 2 * x.T @ dy, dy.sum(0))), {"w": "factor"}),
    "transpose": (gradients(lambda x, w, dy: (dy @ w.T, dy.T @ x, dy.sum(0))), {"w": "transpose"}),
    "missing sum": (
        gradients(lambda x, w, dy: (dy @ w.T, x.T @ dy, dy[-1])),
        {"b": "missing sum"},
    ),
    "none": (gradients(lambda x, w, dy: (dy @ w.T, x.T @ dy, None)), {"b": "missing"}),
    "stale": (OfThePreviousBatch, {"w": "stale"}),
    "drawn again": (gradients(masked_again), {"w": "drawn again"}),
    "noise": (linear(noisy), dict.fromkeys("xwb", "random forward")),
    "float32": (linear(rounded), dict.fromkeys("xwb", "single precision")),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_what_is_wrong_is_named(mistake):
    target, causes = WRONG[mistake]
    report = gradcheck(target, floats(4, 5), floats(5, 3, seed=1), floats(3, seed=2))
    assert {row.name: row.cause for row in report.rows if not row.passed} == causes


def test_none_is_right_where_the_output_does_not_depend_on_an_argument():
    right = gradients(lambda x, w, dy: (dy @ w.T, x.T @ dy, None))
    assert gradcheck(
        lambda x, w, b: right.apply(x, w, 0 * b), floats(4, 5), floats(5, 3), floats(3)
    ).passed


def test_a_square_weight_that_is_not_transposed_is_named():
    wrong = gradients(lambda x, w, dy: (dy @ w, x.T @ dy, dy.sum(0)))
    report = gradcheck(wrong, normal(4, 3), normal(3, 3, seed=1), normal(3, seed=2))
    assert "once w is transposed" in next(row for row in report.rows if row.name == "x").diagnosis


def test_gradients_in_the_wrong_order_are_named():
    class Swapped(Function):
        @staticmethod
        def forward(ctx, a, b):
            ctx.save_for_backward(a, b)
            return a * torch.exp(b)

        @staticmethod
        def backward(ctx, dy):
            a, b = ctx.saved_tensors
            return dy * a * torch.exp(b), dy * torch.exp(b)

    report = gradcheck(Swapped, normal(2, 3), normal(2, 3, seed=1))
    assert [row.cause for row in report.rows] == ["order", "order"]
    assert "it is the gradient of b" in report.rows[0].diagnosis


@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5), st.sampled_from([0.5, 1.0, -1.0]))
def test_any_shape_is_checked_as_it_is(rows, inner, columns, factor):
    scaled = gradients(lambda x, w, dy: (dy @ w.T, factor * x.T @ dy, dy.sum(0)))
    arrays = normal(rows, inner), normal(inner, columns, seed=1), normal(columns, seed=2)
    report = gradcheck(scaled, *arrays)
    assert [row.passed for row in report.rows] == [True, factor == 1.0, True]


def test_a_sum_that_autograd_makes_by_itself_is_no_mistake():
    by_autograd = gradients(lambda x, w, dy: (dy @ w.T, x.T @ dy, dy))
    assert gradcheck(by_autograd, *RIGHT["function"]()[1:]).passed


def test_a_pair_of_functions_of_tensors_is_checked():
    def forward(x, w):
        return torch.tanh(x @ w), (x, w)

    def backward(dy, cache):
        x, w = cache
        dy = dy * (1 - torch.tanh(x @ w) ** 2)
        return {"dx": dy @ w.T, "dw": 2 * x.T @ dy}

    report = gradcheck_functions(forward, backward, floats(4, 5), floats(5, 3))
    assert {row.name: row.cause for row in report.rows} == {"x": "", "w": "factor"}


def in_place_unsaid(ctx, x, w, b):
    return Linear.forward(ctx, x.mul_(2), w, b)


REFUSED = {
    "changed its argument x without": lambda: (linear(in_place_unsaid), *RIGHT["function"]()[1:]),
    "backward changed its argument dy": lambda: (
        gradients(lambda x, w, dy: (dy.mul_(2) @ w.T, x.T @ dy, dy.sum(0))),
        *RIGHT["function"]()[1:],
    ),
    "backward changed w, the forward pass's": lambda: (
        gradients(lambda x, w, dy: (dy @ w.T.clone(), x.T @ dy, w.mul_(2).sum(0) * 0)),
        *RIGHT["function"]()[1:],
    ),
    r"expected 3, got 2": lambda: (
        gradients(lambda x, w, dy: (dy @ w.T, x.T @ dy)),
        *RIGHT["function"]()[1:],
    ),
    "a tensor inside is of another dtype": lambda: (lambda x: x @ torch.ones(5, 2), floats(2, 5)),
    "was given float64 and returned float32": lambda: (lambda x: x.float(), floats(2, 5)),
    "no tensor of floats that requires": lambda: (lambda x: x.detach(), floats(2, 5)),
    "has no shape yet": lambda: (nn.LazyLinear(2), floats(2, 5)),
    "dense tensor of real numbers": lambda: (torch.abs, torch.ones(2, dtype=torch.complex64)),
    "no array of floats among": lambda: (torch.abs, torch.arange(3)),
    "not finite": lambda: (torch.abs, torch.tensor([1.0, float("nan")])),
    "give a function of PyTorch or JAX its own arrays": lambda: (torch.abs, normal(3)),
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_checked_is_refused_in_one_line(words):
    with pytest.raises(InputError, match=words) as refused:
        gradcheck(*REFUSED[words]())
    assert "\n" not in str(refused.value)


def test_noise_and_labels_are_for_models():
    for options in ({"noise": normal(2)}, {"labels": np.zeros(2, int)}):
        with pytest.raises(InputError, match="for models"):
            gradcheck(nn.Linear(3, 2), floats(2, 3), **options)
