"""Functions of every kind that Python has, and what they may take and return."""

import functools
from collections import namedtuple

import numpy as np
import pytest
from helpers import normal

from scratchvae.checks.gradients import gradcheck, gradcheck_functions
from scratchvae.errors import InputError

X = normal(4, 3)
Pair = namedtuple("Pair", "first second")


def square(x):
    return x**2, x


def slope(dy, x):
    return 2 * x * dy


def scaled(x, *, scale=2.0):
    return scale * x**2, (scale, x)


def slope_of_scaled(dy, cache):
    return 2 * cache[0] * cache[1] * dy


class Called:
    def __call__(self, x):
        return square(x)


class Square:
    def forward(self, x):
        return square(x)

    def backward(self, dy, x):
        return slope(dy, x)

    @classmethod
    def of_class(cls, x):
        return square(x)

    @staticmethod
    def static(x):
        return square(x)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (scaled, slope_of_scaled),
        (functools.partial(scaled, scale=3.0), slope_of_scaled),
        (functools.partial(lambda scale, x: scaled(x, scale=scale), 3.0), slope_of_scaled),
        (lambda x: square(x), lambda dy, x: slope(dy, x)),
        (lambda *arguments: square(*arguments), lambda *arguments: slope(*arguments)),
        (Called(), Square().backward),
        (Square().forward, Square().backward),
        (Square.of_class, slope),
        (Square.static, slope),
        (np.square, lambda dy: 2 * X * dy),
        (lambda x: Pair(x**2, x), slope),
        (lambda x: (float((x**2).sum()), x), slope),
        (lambda x: ((x**2).sum(), x), lambda x: 2 * x),
    ],
)
@pytest.mark.parametrize("kind", [np.array, np.asfortranarray, "read-only"])
def test_whatever_can_be_called_is_checked(forward, backward, kind):
    x = X.copy() if kind == "read-only" else kind(X)
    x.flags.writeable = kind != "read-only"
    assert gradcheck_functions(forward, backward, x).passed
    assert gradcheck(forward, backward, x).passed
    if backward is slope:
        report = gradcheck(forward, lambda *given: 1.5 * backward(*given), x)
        assert [row.cause for row in report.rows] == ["factor"]


def test_outputs_in_a_named_tuple_are_outputs_if_it_is_said():
    def backward(first, second):
        return 2 * X * first + 3 * X**2 * second

    report = gradcheck_functions(lambda x: Pair(x**2, x**3), backward, X, outputs=2)
    assert report.passed


async def square_at_last(x):
    return square(x)


def squares(x):
    yield square(x)


@pytest.mark.filterwarnings("ignore:coroutine")
@pytest.mark.parametrize(
    ("forward", "backward", "expected"),
    [
        (lambda x: ({"y": x**2}, x), slope, "returned dict where gradcheck expects an array"),
        (squares, slope, "returned generator where"),
        (square_at_last, slope, "returned coroutine where"),
        (square, lambda dy, x: (g for g in [dy]), "gradient of x is generator where"),
        (square, lambda dy, x: np.ma.masked_less(slope(dy, x), 0), "of x is MaskedArray"),
        (square, lambda dy, x: 1j * dy, "the gradient of x is ndarray of complex128"),
        (square, lambda cache, dout: slope(dout, cache), "backward takes (cache, dout) and"),
        (square, lambda ctx, dy: slope(dy, ctx), "give `lambda dy, cache: backward(cache, dy)`"),
        (lambda x, *, scale: scaled(x, scale=scale), slope, "takes (x, *, scale)"),
        (square, lambda dy, *, cache: slope(dy, cache), "backward takes (dy, *, cache)"),
        (square, lambda dy, x: (dy, dy), "a gradient for each of x, in this order; it returned 2"),
        (lambda x: (x[:0], x), slope, "returned an empty array, of shape (0, 3)"),
    ],
)
def test_what_cannot_be_taken_is_refused_in_a_line(forward, backward, expected):
    with pytest.raises(InputError) as caught:
        gradcheck_functions(forward, backward, X)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.longdouble, ">f8", object, complex])
def test_arrays_of_other_dtypes_are_refused_with_the_remedy(dtype):
    with pytest.raises(InputError, match=r"x is .*\.astype\(np\.float64\)"):
        gradcheck_functions(square, slope, X.astype(dtype))


def test_a_factor_that_is_the_number_of_examples_is_called_so_for_a_loss_of_functions():
    def loss(x):
        return (x**2).sum() / len(x), x

    report = gradcheck_functions(loss, lambda x: 2 * x, X)
    assert "the number of examples" in report.rows[0].diagnosis


def test_outputs_in_a_list_are_outputs_if_it_is_said():
    def backward(first, second):
        return 2 * X * first + 3 * X**2 * second

    assert gradcheck_functions(lambda x: [x**2, x**3], backward, X, outputs=2).passed


@pytest.mark.parametrize("seed", range(5))
def test_a_loss_in_single_precision_is_named_and_its_gradient_is_not_blamed(seed):
    def loss(x):
        return float(np.float32((x**2).sum())), x

    report = gradcheck_functions(loss, lambda x: 2 * x, normal(4, 3, seed=seed))
    assert {row.cause for row in report.rows} == {"single precision"}
    exact = gradcheck_functions(lambda x: ((x**2).sum(), x), lambda x: x, normal(4, 3, seed=seed))
    assert {row.cause for row in exact.rows} == {"factor"}
