"""Functions and layers with the arguments that people give them, and losses that need no dy."""

import numpy as np
import pytest
from gradient_cases import Stranger, of_row
from helpers import normal, refused

from scratchvae import gradcheck, gradcheck_functions

X, W = normal(4, 3), normal(3, 2)
LABELS = np.array([0, 1, 1, 0])


def names(report):
    return [row.name for row in report.rows]


def batch_norm(x, gamma, beta, bn_param):
    """Normalise as in training and move the running means in the settings, or use these."""
    if bn_param["mode"] == "train":
        mean, variance = x.mean(axis=0), x.var(axis=0)
        bn_param["running_mean"] = 0.9 * bn_param.get("running_mean", 0) + 0.1 * mean
    else:
        mean, variance = bn_param["running_mean"], 1.0
    normalised = (x - mean) / np.sqrt(variance + 1e-5)
    return gamma * normalised + beta, (normalised, gamma, np.sqrt(variance + 1e-5))


def batch_norm_back(dy, cache):
    normalised, gamma, deviation = cache
    d = dy * gamma
    dx = (d - d.mean(axis=0) - normalised * (d * normalised).mean(axis=0)) / deviation
    return dx, (dy * normalised).sum(axis=0), dy.sum(axis=0)


def test_settings_in_a_dict_are_passed_on_and_left_as_they_were():
    settings = {"mode": "train"}
    report = gradcheck_functions(batch_norm, batch_norm_back, X, np.ones(3), np.zeros(3), settings)
    assert report.passed, report
    assert names(report) == ["x", "gamma", "beta"]
    assert settings == {"mode": "train"}
    # The same backward pass is wrong where the means are constants.
    settings = {"mode": "test", "running_mean": normal(3)}
    report = gradcheck_functions(batch_norm, batch_norm_back, X, np.ones(3), np.zeros(3), settings)
    assert [row.passed for row in report.rows] == [False, True, True]


def test_a_generator_among_the_arguments_draws_the_same_in_every_pass():
    def dropout(x, probability, rng):
        kept = rng.random(x.shape) < probability
        return x * kept, kept

    rng = np.random.default_rng(3)
    before = rng.bit_generator.state
    assert gradcheck_functions(dropout, lambda dy, kept: dy * kept, X, 0.5, rng).passed
    assert rng.bit_generator.state == before
    assert not gradcheck_functions(dropout, lambda dy, kept: dy, X, 0.5, rng).passed


def cross_entropy(x, y):
    """Return the mean loss and its gradient at once."""
    p = np.exp(x - x.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(x))
    loss = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    return loss, p / len(x)


def test_a_loss_that_says_its_gradient_at_once_is_checked():
    for report in (
        gradcheck_functions(cross_entropy, None, X, LABELS),
        gradcheck(cross_entropy, X, LABELS),
    ):
        assert report.passed, report
        assert names(report) == ["x"]

    def summed(x, y):
        loss, dx = cross_entropy(x, y)
        return loss, len(x) * dx

    row = gradcheck(summed, X, LABELS).rows[0]
    assert (row.cause, "4 times" in row.diagnosis) == ("factor", True)
    with refused("one output and there is no backward", "(loss, gradients)"):
        gradcheck(np.tanh, X)
    with refused("an output of (4, 3) and there is no backward"):
        gradcheck(lambda x: (2 * x, 2 * x), X)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_a_backward_pass_that_the_forward_pass_returns_is_checked(factor):
    def product(x, w):
        return x @ w, lambda dy: (dy @ w.T, factor * x.T @ dy)

    def both(x, w):
        return x @ w, x + 1, lambda dy, dz: (dy @ w.T + dz, factor * x.T @ dy)

    for report in (gradcheck(product, X, W), gradcheck(both, X, W, outputs=2)):
        assert [row.passed for row in report.rows] == [True, factor == 1.0], report


def test_what_is_no_target_and_has_no_gradient_is_asked_for():
    def hinge(W, X, y, strength):
        scores = X @ W
        margins = np.maximum(0, scores - scores[np.arange(len(X)), y][:, None] + 1)
        margins[np.arange(len(X)), y] = 0
        slopes = 1.0 * (margins > 0)
        slopes[np.arange(len(X)), y] -= slopes.sum(axis=1)
        return margins.mean() + strength * (W**2).sum(), (
            X.T @ slopes / slopes.size + 2 * strength * W
        )

    with refused("for each of W, X", "returned 1", "constants=['X']"):
        gradcheck(hinge, W, X, LABELS, 0.1)
    for constants in ("X", ["X"]):
        report = gradcheck(hinge, W, X, LABELS, 0.1, constants=constants)
        assert report.passed, report
        assert names(report) == ["W"]
    with refused("forward has no argument 'Z'"):
        gradcheck(hinge, W, X, LABELS, 0.1, constants="Z")


class SquaredError:
    factor = 1.0

    def forward(self, prediction, target):
        self.gap = prediction - target
        return 0.5 * (self.gap**2).sum()

    def backward(self):
        return self.factor * self.gap


def test_a_loss_with_a_target_is_checked_and_the_target_is_said_not_to_be():
    report = gradcheck(SquaredError(), X, 2 * X)
    assert report.passed, report
    assert names(report) == ["prediction"]
    assert [array.name for array in report.unseen] == ["target"]
    assert "constants='target'" in str(report)
    said = gradcheck(SquaredError(), X, 2 * X, constants="target")
    assert (said.passed, said.unseen) == (True, [])
    wrong = SquaredError()
    wrong.factor = 2.0
    assert of_row(gradcheck(wrong, X, 2 * X), "prediction").cause == "factor"


class Network:
    """A model as CS231n's first ones: its loss and gradients in one call, in dicts."""

    strength = 1.0

    def __init__(self):
        self.params = {"W1": 0.01 * normal(3, 5), "b1": np.zeros(5), "W2": 0.01 * normal(5, 2)}

    def loss(self, X, y=None):
        W1, b1, W2 = self.params.values()
        hidden = np.maximum(0, X @ W1 + b1)
        if y is None:
            return hidden @ W2
        loss, d_scores = cross_entropy(hidden @ W2, y)
        loss += 0.05 * ((W1**2).sum() + (W2**2).sum())
        d_hidden = d_scores @ W2.T * (hidden > 0)
        return loss, {
            "W2": hidden.T @ d_scores + 0.1 * self.strength * W2,
            "W1": X.T @ d_hidden + 0.1 * W1,
            "b1": d_hidden.sum(axis=0),
        }


def test_a_model_that_says_its_loss_and_its_gradients_is_checked():
    model = Network()
    before = {name: array.tobytes() for name, array in model.params.items()}
    report = gradcheck(model, X, LABELS, burn_in=3)
    assert report.passed, report
    assert names(report) == ["W1", "b1", "W2"]
    assert {name: array.tobytes() for name, array in model.params.items()} == before
    with refused("Network.loss must return (loss, gradients)"):
        gradcheck(model, X)
    model.strength = 2.0
    assert [row.name for row in gradcheck(model, X, LABELS).rows if not row.passed] == ["W2"]


def test_parameters_in_a_dict_or_a_list_are_arguments_as_well():
    def loss(params, X, y):
        model = Network()
        model.params = params
        return model.loss(X, y)

    report = gradcheck(loss, Network().params, X, LABELS, constants="X")
    assert report.passed, report
    assert names(report) == ["W1", "b1", "W2"]

    def product(weights, x):
        first, second = weights
        return x @ first @ second, (first, second, x)

    def product_back(dy, cache):
        first, second, x = cache
        return [x.T @ (dy @ second.T), (x @ first).T @ dy], dy @ (first @ second).T

    report = gradcheck_functions(product, product_back, [W, normal(2, 5)], X)
    assert report.passed, report
    assert names(report) == ["weights[0]", "weights[1]", "x"]


class Recurrent:
    """Two inputs, and what it learns in params with gradients in grads."""

    factor = 1.0

    def __init__(self):
        self.params = {"Wx": normal(3, 4), "Wh": normal(4, 4, seed=1), "b": np.zeros(4)}
        self.grads = {}

    def forward(self, x, h):
        Wx, Wh, b = self.params.values()
        self.kept = x, h, np.tanh(x @ Wx + h @ Wh + b)
        return self.kept[-1]

    def backward(self, dy):
        x, h, y = self.kept
        d = dy * (1 - y**2)
        self.grads = {"Wx": x.T @ d, "Wh": self.factor * h.T @ d, "b": d.sum(axis=0)}
        return d @ self.params["Wx"].T, d @ self.params["Wh"].T


def test_a_layer_with_several_inputs_is_checked():
    layer, h = Recurrent(), normal(4, 4, seed=2)
    report = gradcheck(layer, X, h)
    assert report.passed, report
    assert names(report) == ["x", "h", "Wx", "Wh", "b"]
    layer.factor = 0.5
    assert of_row(gradcheck(layer, X, h), "Wh").cause == "factor"


class InLists:
    def __init__(self, factor=1.0):
        self.params, self.grads, self.factor = [W.copy()], [np.zeros_like(W)], factor

    def forward(self, x):
        self.x = x
        return x @ self.params[0]

    def backward(self, dy):
        self.grads[0][...] = self.factor * self.x.T @ dy
        return dy @ self.params[0].T


def test_what_is_learned_may_be_in_lists():
    report = gradcheck(InLists(), X)
    assert (report.passed, report.unseen, names(report)) == (True, [], ["x", "params[0]"])
    assert of_row(gradcheck(InLists(2.0), X), "params[0]").cause == "factor"


class Embedding:
    def __init__(self, adds):
        self.W, self.adds = normal(5, 2), adds

    def forward(self, places):
        self.places = places
        return self.W[places]

    def backward(self, dy):
        self.dW = np.zeros_like(self.W)
        if self.adds:
            np.add.at(self.dW, self.places, dy)
        else:
            self.dW[self.places] = dy


@pytest.mark.parametrize("adds", [True, False])
def test_a_layer_of_whole_numbers_is_checked_by_what_it_learns(adds):
    report = gradcheck(Embedding(adds), np.array([0, 1, 1, 4]))
    assert names(report) == ["W"]
    assert report.passed == adds
    with refused("needs float64 and x is int64"):
        gradcheck(Stranger(), np.arange(12).reshape(4, 3))


def test_an_error_in_a_pass_is_said_in_one_line_with_the_line_that_raised_it():
    def forward(x, w):
        return x @ w.T  # the wrong shape

    with refused("forward raised ValueError", "test_gradcheck_arguments.py, line", "x @ w.T"):
        gradcheck_functions(forward, lambda dy: dy, X, W)

    class Unfinished(Stranger):
        def backward(self, dy):
            return self.missing * dy

    with refused("Unfinished.backward raised AttributeError", "self.missing * dy"):
        gradcheck(Unfinished(), X)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_an_output_that_is_not_finite_is_refused():
    with refused("returned NaN or infinity", "finite"):
        gradcheck_functions(np.log, lambda dy: dy / X, X)
