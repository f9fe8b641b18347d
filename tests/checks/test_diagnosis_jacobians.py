"""What is said about a gradient, seen output by output."""

import numpy as np
import pytest
from helpers import normal

from scratchvae import gradcheck, gradcheck_functions
from scratchvae.checks.diagnosis.formulas import as_formula


def causes(forward, backward, *arrays):
    report = gradcheck_functions(forward, backward, *arrays)
    return [row.cause for row in report.rows], "\n".join(row.diagnosis for row in report.rows)


def test_a_wrong_derivative_is_named_with_the_one_that_is_right():
    x = normal(4, 3)

    def tanh(x):
        return np.tanh(x), (x, np.tanh(x))

    for backward, words in (
        (lambda dy, cache: dy * (1 - cache[0] ** 2), "dy * (1 - x**2), where dy * (1 - y**2)"),
        (lambda dy, cache: dy, "dy as it came in"),
        (lambda dy, cache: dy * np.cos(cache[0]), "derivative of the function itself is wrong"),
    ):
        (cause,), said = causes(tanh, backward, x)
        assert cause == "slope"
        assert words in said


@pytest.mark.parametrize(
    ("forward", "backward", "words"),
    [
        (np.sign, lambda dy, x: dy, "dy as it came in, where 0 is right"),
        (lambda x: x + 1, lambda dy, x: dy * x, "it is dy * (x), where dy is right"),
    ],
)
def test_a_right_derivative_of_0_or_1_is_said_in_as_few_words(forward, backward, words):
    (cause,), said = causes(lambda x: (forward(x), x), backward, normal(4, 3))
    assert cause == "slope"
    assert words in said


def test_a_wrong_derivative_before_a_product_is_found_in_all_gradients():
    def layer(x, w):
        y = np.tanh(x @ w)
        return y, (x, w, y)

    def backward(dy, cache):
        x, w, y = cache
        da = dy * (1 - y)
        return da @ w.T, x.T @ da

    assert causes(layer, backward, normal(4, 3), normal(3, 5))[0] == ["slope", "slope"]


def test_what_is_not_transposed_in_a_product_of_squares_is_found_on_either_side():
    x, w = normal(3, 3), normal(3, 3, seed=1)
    for backward, expected, word in (
        (lambda dy, cache: (dy @ w.T, x.T @ dy.T), ["", "transpose"], "once dy is transposed"),
        (lambda dy, cache: (dy @ w.T, x @ dy), ["", "transpose"], "once the array that dy"),
        (lambda dy, cache: (dy.T @ w.T, x.T @ dy), ["transpose", ""], "once dy is transposed"),
    ):
        found, said = causes(lambda x, w: (x @ w, None), backward, x, w)
        assert found == expected
        assert word in said


def test_a_wrong_term_of_a_loss_per_example_is_a_wrong_derivative():
    def loss(x):
        return (x**2 + np.sin(x)).sum(axis=1), x

    for backward in (
        lambda dy, x: dy[:, None] * (2 * x + np.cosh(x)),
        lambda dy, x: dy[:, None] / (2 * x + np.cos(x)),
    ):
        (cause,), _ = causes(loss, backward, normal(4, 3))
        assert cause in ("slope", "factor")


def test_what_is_a_difference_has_a_wrong_sign_rather_than_another_order():
    def loss(x, target):
        return 0.5 * ((x - target) ** 2).sum(), x - target

    found, _ = causes(
        loss, lambda dy, gap: (-dy * gap, dy * gap), normal(4, 3), normal(4, 3, seed=1)
    )
    assert found == ["sign", "sign"]


def softmax(x):
    e = np.exp(x)
    return e / e.sum(axis=1, keepdims=True), e / e.sum(axis=1, keepdims=True)


def test_terms_sums_and_axes_of_a_softmax_are_told_apart():
    x = normal(5, 4)
    for backward, cause in (
        (lambda dy, y: y * (dy - 2 * (dy * y).sum(axis=1, keepdims=True)), "term"),
        (lambda dy, y: y * (dy - (dy * y).mean(axis=1, keepdims=True)), "term"),
        (lambda dy, y: y * (dy - dy * y), "missing sum"),
        (lambda dy, y: y * (dy - (dy * y).sum(axis=0, keepdims=True)), "wrong axis"),
        (lambda dy, y: y * np.abs(dy - (dy * y).sum(axis=1, keepdims=True)), "upstream"),
    ):
        assert causes(softmax, backward, x)[0] == [cause]


def test_overwritten_and_shifted_entries_are_told_from_wrong_ones():
    ids, table = np.array([2, 0, 2, 1]), normal(3, 4)

    def embedding_backward(dy):
        found = np.zeros_like(table)
        found[ids] += dy
        return found

    (cause,), said = causes(lambda table: table[ids], embedding_backward, table)
    assert cause == "region"
    assert "index 2 of axis 0" in said
    (cause,), said = causes(lambda x: 3 * x, lambda dy: 3 * np.roll(dy, 1, axis=1), normal(3, 5))
    assert cause == "shift"
    assert "too far along axis 1" in said


def test_a_mask_that_is_missing_or_turned_round_is_named():
    keep = np.array([[1.0, 0, 1, 1], [0, 1, 1, 0], [1, 1, 0, 1]])
    for backward, cause in (
        (lambda dy: dy, "region"),
        (lambda dy: dy * (1 - keep), "mask"),
    ):
        assert causes(lambda x: x * keep, backward, normal(3, 4))[0] == [cause]


def test_an_array_that_does_not_belong_there_is_named():
    def scaled(x, gamma):
        centred = x - x.mean(axis=0)
        return gamma * centred, (x, centred, gamma)

    def backward(dy, cache):
        x, _, gamma = cache
        dx = dy * gamma
        return dx - dx.mean(axis=0), (dy * x).sum(axis=0)

    found, said = causes(scaled, backward, normal(5, 4), normal(4))
    assert found == ["", "wrong array"]
    assert "dy is multiplied by x" in said


def test_what_was_kept_from_the_first_batch_is_found():
    class Kept:
        def forward(self, x):
            if not hasattr(self, "x"):
                self.x = x
            return np.sin(3 * x)

        def backward(self, dy):
            return 3 * dy * np.cos(3 * self.x)

    assert gradcheck(Kept(), normal(4, 3)).rows[0].cause == "input ignored"


def test_an_upstream_gradient_is_not_what_the_same_seed_gives():
    x = np.random.default_rng(0).standard_normal((4, 3))
    report = gradcheck_functions(lambda x: np.maximum(x, 0), lambda dy: x * (x > 0), x, seed=0)
    assert not report.passed  # with dy = x it would be right


def test_a_mask_kept_from_the_batch_before_is_found_in_functions():
    kept = {}

    def relu(x):
        return np.maximum(x, 0), kept.setdefault("mask", x > 0)

    assert not gradcheck_functions(relu, lambda dy, mask: dy * mask, normal(4, 3)).passed


def test_formulas_are_found_up_to_a_factor_and_not_in_a_few_numbers():
    x, y = normal(3, 4), normal(3, 4, seed=1)
    arrays = {"x": x, "y": y}
    assert as_formula(1 - y**2, arrays, 1e-6) == "1 - y**2"
    assert as_formula(2.5 * np.exp(x), arrays, 1e-6) == "2.5 * (exp(x))"
    assert as_formula(np.ones((3, 4)), arrays, 1e-6) == "1"
    assert as_formula(np.sin(x), arrays, 1e-6) is None
    assert as_formula(x[:1, :3], {"x": x[:1, :3]}, 1e-6) is None
