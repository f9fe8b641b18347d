"""Functions of one's own: several outputs, losses, gradients in another order, wrong arguments."""

import numpy as np
import pytest
from gradient_cases import Stranger, dense
from helpers import normal, refused

from scratchvae.checks.gradients import (
    check_gradients,
    error_curve,
    gradcheck,
    gradcheck_functions,
)


def two(x, h):
    return x * h, x.sum(axis=1)


def two_back(d_product, d_sum, x, h):
    return d_product * h + d_sum[:, None], d_product * x


def test_several_outputs_are_checked_with_and_without_a_cache():
    x, h = normal(4, 3), normal(4, 3, seed=1)
    report = gradcheck_functions(two, lambda d_1, d_2: two_back(d_1, d_2, x, h), x, h, outputs=2)
    assert report.passed, report

    def forward(x, h):
        return *two(x, h), (x, h)

    report = gradcheck_functions(
        forward, lambda d_1, d_2, cache: two_back(d_1, d_2, *cache), x, h, outputs=2
    )
    assert report.passed, report
    for wrong in (
        lambda d_1, d_2, cache: two_back(d_1, 0 * d_2, *cache),
        lambda d_1, d_2, cache: two_back(0 * d_1, d_2, *cache),
        lambda d_1, d_2, cache: two_back(-d_1, d_2, *cache),
    ):
        assert not gradcheck_functions(forward, wrong, x, h, outputs=2).passed


def test_a_number_among_the_outputs_gets_a_number():
    seen = []

    def backward(d_total, dx):
        seen.append((np.shape(d_total), np.shape(dx)))
        return d_total + 2 * dx

    assert gradcheck_functions(lambda x: (x.sum(), 2 * x), backward, normal(4, 3), outputs=2).passed
    assert set(seen) == {((), (4, 3))}


def test_two_outputs_that_nobody_announced_are_refused_with_the_way_to_say_so():
    x = normal(4, 3)
    for backward in (
        lambda da, db: da + 3 * db,  # the names say it
        lambda a_grad, b_grad: a_grad + 3 * b_grad,
        lambda da, db: da,  # and the second is forgotten
        lambda first, second: first + 3 * second,  # the numbers say it
    ):
        with refused("returned two arrays", "outputs=2", "outputs=1"):
            gradcheck_functions(lambda x: (x + 1, 3 * x), backward, x)
        report = gradcheck_functions(lambda x: (x + 1, 3 * x), backward, x, outputs=2)
        assert report.passed == (backward(1, 1) == 4)
    # An array that is kept is no output, however it is called.
    for backward in (lambda dy, cache: 2 * dy * cache, lambda dy, x: 2 * dy * x):
        assert gradcheck_functions(lambda x: (x**2, x), backward, x).passed
    kept = gradcheck_functions(lambda x: (x**2, x), lambda dy, data: 2 * dy * data, x, outputs=1)
    assert kept.passed
    assert not gradcheck_functions(lambda x: (x**2, x), lambda dy, kept: dy * kept, x).passed


@pytest.mark.parametrize(
    ("outputs", "result", "words"),
    [
        (2, 1, "must return 2 outputs, or these and a cache, not 1 values"),
        (3, 2, "not 2 values"),
        (None, 3, "outputs=3"),
        (1, 4, "outputs=4"),
        (2, 4, "not 4 values"),
    ],
)
def test_another_number_of_outputs_is_refused(outputs, result, words):
    with refused(words):
        gradcheck_functions(lambda x: (x,) * result, lambda *d: d[0], normal(4), outputs=outputs)


def test_several_outputs_of_a_layer_are_checked_once_they_are_announced():
    class Heads(Stranger):
        def forward(self, x):
            return x, 2 * x

        def backward(self, dy):
            return dy[0] + 2 * dy[1]

    class Both(Heads):
        def backward(self, d_mean, d_log_variance):
            return d_mean + 2 * d_log_variance

    class Half(Heads):
        def backward(self, d_mean, d_log_variance):
            return d_mean

    for layer in (Heads(), Both()):
        with refused("outputs=2"):
            gradcheck(layer, normal(4, 3))
        assert gradcheck(layer, normal(4, 3), outputs=2).passed
    assert not gradcheck(Half(), normal(4, 3), outputs=2).passed


def test_gradients_in_another_order_are_named_by_whose_they_are():
    def product(a, b):
        return a @ b, (a, b)

    def swapped(dy, cache):
        a, b = cache
        return a.T @ dy, dy @ b.T

    for shapes in (((4, 4), (4, 4)), ((4, 3), (3, 2))):
        report = gradcheck_functions(product, swapped, *(normal(*shape) for shape in shapes))
        assert [row.cause for row in report.rows] == ["order", "order"]
        assert "the gradient of b" in report.rows[0].diagnosis
        assert "the gradient of a" in report.rows[1].diagnosis


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        ("text", "str"),
        (2j * normal(4, 3), "complex128"),
        ([[1.0], [1.0, 2.0]], "of x"),
        ({"x": {}}, "dict"),
        ((normal(4, 3), (normal(3, 2),))[1:], "tuple"),
    ],
)
def test_a_gradient_that_is_no_array_of_numbers_is_refused(gradient, words):
    class Odd(Stranger):
        def backward(self, dy):
            return gradient

    with refused("the gradient of x is", words):
        gradcheck(Odd(), normal(4, 3))


def test_wrong_arguments_are_refused_in_one_line():
    layer, x = dense(), normal(4, 5)
    for call, words in (
        (lambda: gradcheck(x, layer), "layer or a model, not ndarray of float64"),
        (lambda: gradcheck(layer, "x"), "not str"),
        (lambda: gradcheck(layer, None), "not NoneType"),
        (lambda: gradcheck(layer, np.ma.array(x)), "MaskedArray"),
        (lambda: gradcheck(layer, x, seed="0"), "seed"),
        (lambda: gradcheck(layer, x, seed=-1), "seed"),
        (lambda: gradcheck(layer, x, tolerance="small"), "tolerance"),
        (lambda: gradcheck(layer, x, tolerance=[1e-3]), "tolerance"),
        (lambda: gradcheck(layer, x, max_coordinates="10"), "max_coordinates"),
        (lambda: gradcheck_functions(np.tanh, None, x), "one output and there is no backward"),
        (lambda: gradcheck(np.tanh, x), "one output and there is no backward"),
        (lambda: gradcheck_functions(np.tanh, 3, x), "not ufunc and int"),
        (lambda: gradcheck_functions(x, np.tanh, x), "ndarray"),
        (lambda: gradcheck_functions(np.sin, np.cos, [1.0]), "not list"),
        (lambda: gradcheck_functions(np.sin, np.cos, x, outputs="2"), "outputs"),
        (lambda: gradcheck_functions(np.sin, np.cos, x, seed=None), "seed"),
        (lambda: error_curve(layer, x, formula=["central"]), "formula"),
        (lambda: error_curve(layer, x, steps="1e-3"), "steps"),
        (lambda: error_curve(layer, x, steps=1e-3), "steps"),
        (lambda: error_curve(layer, x, steps=[]), "steps"),
        (lambda: error_curve(layer, x, steps=["a"]), "each step"),
        (lambda: error_curve(layer, x, seed="0"), "seed"),
    ):
        with refused(words):
            call()


def test_settings_are_refused_before_anything_runs():
    called = []

    def forward(x):
        called.append(x)
        return x

    for options in ({"tolerance": "no"}, {"directions": 0}, {"seed": -1}, {"outputs": 0}):
        with refused(*options):
            gradcheck_functions(forward, lambda dy: dy, normal(4), **options)
    assert not called


def test_check_gradients_refuses_what_it_cannot_move_or_compare():
    x, rng = normal(4), np.random.default_rng(0)
    fixed = normal(4)
    fixed.setflags(write=False)

    def check(value=lambda: float((x**2).sum()), arrays=None, gradients=None):
        return check_gradients(
            "squares",
            value,
            arrays or {"x": x},
            {"x": 2 * x} if gradients is None else gradients,
            rng=rng,
        )

    assert check().passed
    assert check(gradients={"x": (2 * x).tolist()}).passed
    for options, words in (
        ({"value": None}, "value must be a function without arguments, not NoneType"),
        ({"value": lambda: x**2}, "value must return a number, not ndarray of float64"),
        ({"value": lambda: "1"}, "not str"),
        ({"arrays": [x]}, "arrays must be a dict"),
        ({"gradients": [x]}, "gradients must be a dict"),
        ({"gradients": {}}, "has none for 'x'"),
        ({"gradients": {"x": "x"}}, "the gradient of x is str"),
        ({"arrays": {"x": fixed}}, "read-only"),
        ({"arrays": {"x": x.astype(np.float32)}}, "float32"),
    ):
        with refused(words):
            check(**options)


def test_a_forward_that_returns_nothing_in_a_tuple_is_refused():
    with refused("must return y or (y, cache), not 0 values"):
        gradcheck_functions(lambda x: (), lambda dy: dy, np.ones((2, 3)))
