"""A check at other points than the given one, where mistakes do not hide; kinks and rounding."""

import numpy as np
import pytest
from gradient_cases import Stranger, affine, affine_backward, dense, of_row
from helpers import normal, refused, small_vae

from scratchvae.checks.gradients import gradcheck, gradcheck_functions
from scratchvae.checks.gradients.finite_differences import scales
from scratchvae.layers import BatchNorm, Dense, ReLU, Sequential, Tanh

X, W = normal(4, 3), normal(3, 2)


def failing(report):
    return {row.name for row in report.rows if not row.passed}


def product(x, w):
    return x @ w, (x, w)


@pytest.mark.parametrize(
    ("x", "w", "backward", "name"),
    [
        (0 * X, W, lambda dy, c: (dy @ c[1].T, 0 * c[1]), "w"),
        (X, 0 * W, lambda dy, c: (5 * dy @ c[1].T, c[0].T @ dy), "x"),
        (np.ones((4, 3)), W, lambda dy, c: (dy @ c[1].T, c[0][::-1].T @ dy), "w"),
    ],
    ids=["zero input", "zero weights", "ones"],
)
def test_a_mistake_that_arrays_of_one_number_hide_is_found_with_these_moved(x, w, backward, name):
    before = x.tobytes(), w.tobytes()
    report = gradcheck_functions(product, backward, x, w)
    assert failing(report) == {name}
    assert "moved" in of_row(report, name).verdict
    right = gradcheck_functions(product, lambda dy, c: (dy @ c[1].T, c[0].T @ dy), x, w)
    assert right.passed, right
    assert not any(row.independent for row in right.rows)
    assert "checked as well with" in str(right)
    assert (x.tobytes(), w.tobytes()) == before


def test_a_function_of_zeros_only_says_so_unless_these_are_constant():
    def forward(x, z):
        if z.any():
            raise ValueError("zeros only")
        return 2 * x

    with refused("zeros only"):
        gradcheck_functions(forward, lambda dy: (2 * dy, 0 * X), X, 0 * X)
    assert gradcheck_functions(forward, lambda dy: 2 * dy, X, 0 * X, constants="z").passed


def test_a_function_that_raises_beyond_its_domain_is_checked_by_smaller_steps():
    p = np.array([2e-4, 0.5, 1 - 2e-4])

    def logit(p):
        if not ((p > 0) & (p < 1)).all():
            raise ValueError("not a probability")
        return np.log(p / (1 - p))

    assert gradcheck_functions(logit, lambda dy: dy / (p * (1 - p)), p).passed
    assert not gradcheck_functions(logit, lambda dy: dy / p, p).passed


class Saturating(Stranger):
    """Its backward pass is right for a bias of about zero only."""

    def __init__(self):
        self.bias = np.array([1e-4, 2e-4, 3e-4])  # not zero, so that nothing is moved for that

    def forward(self, x):
        self.x = x
        return x * (1 + self.bias**2)

    def backward(self, dy):
        self.dbias = 2 * (dy * self.x).sum(axis=0) * self.bias
        return dy * 1.0


def test_a_mistake_that_shows_after_some_training_is_found_by_a_burn_in():
    layer = Saturating()
    before = layer.bias.tobytes()
    assert gradcheck(layer, X).passed
    report = gradcheck(layer, X, burn_in=5)
    assert failing(report) == {"x"}
    assert "WRONG after 5 training steps" in str(report)
    assert layer.bias.tobytes() == before


@pytest.mark.parametrize(
    "make", [lambda: dense(1, 3, 2), Tanh, small_vae], ids=["dense", "tanh", "vae"]
)
def test_a_right_layer_passes_a_burn_in_and_is_left_as_it_was(make):
    layer = make() if make is not Tanh else Tanh(dtype=np.float64)
    x = X if make is not small_vae else np.random.default_rng(0).random((2, 3, 5, 1))
    before = {name: p.value.tobytes() for name, p in layer.parameters.items()}
    report = gradcheck(layer, x, burn_in=2)
    assert report.passed, report
    assert "checked as well after 2 training steps" in str(report)
    assert {name: p.value.tobytes() for name, p in layer.parameters.items()} == before
    with refused("burn_in"):
        gradcheck(layer, x, burn_in=-1)


def test_running_means_move_in_a_burn_in_and_are_put_back():
    norm = Sequential(Dense(3, 3, rng=0, dtype=np.float64), BatchNorm(3, dtype=np.float64))
    before = {name: array.tobytes() for name, array in norm.buffers.items()}
    assert gradcheck(norm, X, burn_in=3, training=True).passed
    assert {name: array.tobytes() for name, array in norm.buffers.items()} == before


def test_one_example_is_said_to_hide_missing_sums():
    assert "one example" in str(gradcheck(dense(), normal(1, 5)))
    assert "one example" not in str(gradcheck(dense(), normal(2, 5)))


def test_the_check_does_not_draw_the_numbers_that_its_user_drew():
    x = np.random.default_rng(0).standard_normal((4, 3))
    assert not gradcheck_functions(lambda x: x**2, lambda dy: 2 * x * x, x).passed
    norm = np.linalg.norm(x)
    report = gradcheck_functions(
        lambda x: x / np.linalg.norm(x), lambda dy: dy / norm - x * (dy * x).sum() / norm**3, x
    )
    assert report.passed, report


# Kinks that are declared.


def test_entries_that_are_said_to_lie_at_kinks_are_not_judged():
    x = np.array([[0.0, 1.0, -2.0, 0.0]])

    def size(x):
        return np.abs(x), np.where(x == 0, 0.7, np.sign(x))

    report = gradcheck_functions(size, lambda dy, s: dy * s, x, kinks={"x": x == 0})
    assert report.passed, report
    row = report.rows[0]
    assert (row.checked, row.undecided, row.kinks) == (2, 2, 0)
    assert "2 entries at a kink, not judged" in str(report)
    assert not gradcheck_functions(size, lambda dy, s: 2 * dy * s, x, kinks={"x": x == 0}).passed
    long = np.tile(x, 200)
    report = gradcheck_functions(size, lambda dy, s: dy * s, long, kinks={"x": long == 0})
    assert report.passed, report
    for kinks, words in (
        ({"y": x == 0}, "no array 'y'"),
        ({"x": x}, "a mask of shape (1, 4)"),
        ({"x": x[0] == 0}, "a mask of shape (1, 4)"),
    ):
        with refused(words):
            gradcheck_functions(size, lambda dy, s: dy * s, x, kinks=kinks)


def test_kinks_without_a_place_are_those_of_a_layer_that_is_not_smooth():
    rows = [
        gradcheck(ReLU(dtype=np.float64), X).rows[0],
        gradcheck_functions(
            lambda x: (np.maximum(x, 0), x > 0), lambda dy, on: dy * on, X, kinks=True
        ).rows[0],
    ]
    assert [row.tolerance for row in rows] == [1e-5, 1e-5]


# Scales and rounding.


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1e-3])
@pytest.mark.parametrize("factor", [1.0, 1.01])
def test_an_input_of_a_small_scale_is_moved_on_that_scale(scale, factor):
    x = scale * (0.5 + np.abs(X))
    for forward, slope in (
        (lambda x: np.log(x), 1 / x),
        (lambda x: np.sin(x / scale), np.cos(x / scale) / scale),
    ):
        report = gradcheck_functions(forward, lambda dy, s=slope: factor * dy * s, x)
        assert report.passed == (factor == 1.0), report
        assert not any(row.undecided for row in report.rows)


def test_steps_have_a_second_scale_only_in_a_small_array():
    first = np.array([1.0, 0.0])
    assert scales(np.array([1e-6, 2e-6]), first) == [1.0, 2e-6]
    assert scales(np.array([1e-6, 3.0]), first) == [1.0]
    assert scales(np.array([5.0, 3.0]), first) == [5.0]
    assert scales(np.zeros(2), first) == [1.0]


def test_a_slope_that_is_lost_in_the_rounding_of_a_large_output_is_not_called_wrong():
    def report(offset, factor):
        return gradcheck_functions(
            lambda x: offset + (x**2).sum(), lambda dy: 2 * factor * dy * X, X
        )

    assert report(1e6, 1.0).passed
    assert report(1e6, 1.001).rows[0].cause == "factor"
    lost = report(1e11, 1.0)
    assert not lost.passed
    assert lost.rows[0].cause == "rounding"
    assert "NOT JUDGED" in str(lost)
    assert report(1e11, -1.0).rows[0].cause != "rounding"


def test_affine_functions_pass_with_fifty_seeds():
    for seed in range(50):
        x, w, b = normal(4, 3, seed=seed), normal(3, 2, seed=seed), np.zeros(2)
        report = gradcheck_functions(affine, affine_backward, x, w, b, seed=seed)
        assert report.passed, report
