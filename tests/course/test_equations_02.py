"""The equations of lesson 2, dense layers, checked against the package."""

import numpy as np
import pytest

import scratchvae
from scratchvae import kernels
from scratchvae.checks.gradients.finite_differences import slope_along
from scratchvae.course import program
from scratchvae.course.exercises import lesson_02 as answers
from scratchvae.layers import ELU, Dense, ReLU, Sequential, Sigmoid, Tanh
from scratchvae.probability import GaussianLikelihood
from scratchvae.training.optimisers import SGD

COUNT, INPUTS, OUTPUTS = 5, 3, 4  # N, I and O of the lesson


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def make_dense(rng):
    """Return a layer in float64, a batch for it and an upstream gradient."""
    layer = Dense(INPUTS, OUTPUTS, rng=rng, dtype=np.float64)
    return layer, rng.standard_normal((COUNT, INPUTS)), rng.standard_normal((COUNT, OUTPUTS))


def test_forward(rng):
    """eq. 2.1: each output is a weighted sum of all inputs plus its own bias."""
    layer, x, _ = make_dense(rng)
    weight, bias = layer.parameters["weight"].value, layer.parameters["bias"].value
    sums = [
        [sum(x[n, i] * weight[i, o] for i in range(INPUTS)) + bias[o] for o in range(OUTPUTS)]
        for n in range(COUNT)
    ]
    np.testing.assert_allclose(layer.forward(x), sums, rtol=1e-12)


def test_chain_rule(rng):
    """eq. 2.3: a gradient is the sum over all outputs of dy times ∂y/∂θ, on both paths."""
    layer, x, dy = make_dense(rng)
    layer.forward(x)
    dx = layer.backward(dy).copy()
    y = layer.forward(x).copy()
    for place in np.ndindex(x.shape):
        moved = x.copy()
        moved[place] += 1  # y is affine in x: a step of 1 is exact but for rounding
        derivative = layer.forward(moved) - y
        np.testing.assert_allclose(dx[place], (dy * derivative).sum(), atol=1e-13)

    def backward(dy, cache):
        return (answers.skip_backward(dy, *cache), *rest_of_skip(dy, *cache))

    def rest_of_skip(dy, x, weight, bias):
        da = dy * (1 - np.tanh(x @ weight + bias) ** 2)
        return x.T @ da, da.sum(axis=0)

    def forward(x, weight, bias):
        return x + np.tanh(x @ weight + bias), (x, weight, bias)

    weight, bias = rng.standard_normal((INPUTS, INPUTS)), rng.standard_normal(INPUTS)
    assert scratchvae.gradcheck_functions(forward, backward, x, weight, bias).passed


def test_input_gradient(rng):
    """eq. 2.4: dx = dy Wᵀ."""
    layer, x, dy = make_dense(rng)
    layer.forward(x)
    weight = layer.parameters["weight"].value
    sums = [[dy[n] @ weight[i] for i in range(INPUTS)] for n in range(COUNT)]
    np.testing.assert_allclose(layer.backward(dy), sums, rtol=1e-12)


def test_weight_gradient(rng):
    """eq. 2.5: dW = xᵀ dy, an outer product for each example."""
    layer, x, dy = make_dense(rng)
    layer.forward(x)
    layer.backward(dy)
    outer = sum(np.outer(x[n], dy[n]) for n in range(COUNT))
    np.testing.assert_allclose(layer.parameters["weight"].grad, outer, rtol=1e-12)
    np.testing.assert_allclose(answers.weight_gradient(x, dy), outer, rtol=1e-12)


def test_bias_gradient(rng):
    """eq. 2.6: db is the sum of the rows of dy."""
    layer, x, dy = make_dense(rng)
    layer.forward(x)
    layer.backward(dy)
    np.testing.assert_allclose(layer.parameters["bias"].grad, sum(dy), rtol=1e-12)


@pytest.mark.parametrize(
    ("kind", "slope"),
    [
        (Tanh, lambda x: 1 / np.cosh(x) ** 2),
        (Sigmoid, lambda x: np.exp(-x) / (1 + np.exp(-x)) ** 2),
        (ReLU, lambda x: np.where(x > 0, 1, 0)),
        (ELU, lambda x: np.where(x > 0, 1, np.exp(x))),
    ],
)
def test_activations(rng, kind, slope):
    """eq. 2.7: dx is dy times the slope, entry by entry."""
    layer = kind(dtype=np.float64)
    x, dy = rng.standard_normal((2, COUNT, INPUTS))
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(dy), dy * slope(x), rtol=1e-12)


def test_squared_error(rng):
    """eq. 2.10: half the squared error, averaged over examples, and its gradient (y − t)/N."""
    y, t = rng.standard_normal((2, COUNT, OUTPUTS))
    likelihood = GaussianLikelihood(variance=1.0)
    loss = likelihood.negative_log_likelihood(t, y).mean()
    assert loss == pytest.approx(0.5 * ((y - t) ** 2).sum() / COUNT, rel=1e-13)
    for place in np.ndindex(y.shape):
        move = np.zeros_like(y)
        move[place] = 1
        # A central difference of a parabola is exact but for rounding, with any step.
        slope, _ = slope_along(
            lambda: float(likelihood.negative_log_likelihood(t, y).mean()), y, move, 1.0
        )
        assert slope == pytest.approx((y - t)[place] / COUNT, abs=1e-13)


def test_gradient_descent(rng):
    """eq. 2.11: a small step against the gradient lowers the loss by rate times its square."""
    network = Sequential(
        Dense(INPUTS, 6, rng=0, dtype=np.float64),
        Tanh(dtype=np.float64),
        Dense(6, OUTPUTS, rng=1, dtype=np.float64),
    )
    x, t = rng.standard_normal((COUNT, INPUTS)), rng.standard_normal((COUNT, OUTPUTS))
    likelihood, rate = GaussianLikelihood(variance=1.0), 1e-5

    def loss():
        return likelihood.negative_log_likelihood(t, network.forward(x)).mean()

    before = loss()
    network.backward(likelihood.gradient(t, network.forward(x)) / COUNT)
    square = sum((p.grad**2).sum() for p in network.parameters.values())
    SGD(network.parameters, rate).step()
    # The rest of Taylor's formula is of order rate, with a curvature of order 10.
    assert before - loss() == pytest.approx(rate * square, rel=1e-3)


@pytest.mark.parametrize("h", [0.1, 0.01])
def test_truncation(h):
    """eq. 2.12: the central difference is off by h²/6 f‴, and its extrapolation by −h⁴/30 f⁗′."""
    x = np.array([1.0])
    narrow, wide = slope_along(lambda: float(np.exp(x[0])), x, np.ones(1), h)
    # The next term is h²/20 of this one; for the extrapolation 5h²/42.
    assert narrow - np.e == pytest.approx(h**2 / 6 * np.e, rel=h**2 / 10)
    error = answers.extrapolated_slope(np.array(narrow), np.array(wide)) - np.e
    # Rounding leaves about 1e-13 of it.
    assert error == pytest.approx(-(h**4) / 30 * np.e, rel=h**2 / 4, abs=2e-13)


def test_truncation_and_rounding():
    """eq. 2.13: the error is below the sum of the two for every step."""
    x, epsilon = np.array([1.0]), np.finfo(np.float64).eps
    for h in 2.0 ** -np.arange(3, 46):  # powers of two: 1 ± h is exact
        slope, _ = slope_along(lambda: float(np.exp(x[0])), x, np.ones(1), h)
        bound = h**2 / 6 * np.e + epsilon * np.e / h
        # 1% is for the h⁴ term, h²/20 of the first.
        assert abs(slope - np.e) <= 1.01 * bound


def test_best_step(rng):
    """eq. 2.14: the bound is smallest at the step said, and as large there as said."""
    f, third, second = rng.uniform(0.5, 4, (3, 6))
    epsilon = 1e-16
    best = np.cbrt(3 * epsilon * f / third)

    def bound(h):
        return h**2 / 6 * third + epsilon * f / h

    np.testing.assert_allclose(bound(best), 0.5 * best**2 * third, rtol=1e-12)
    assert np.all(bound(best) < bound(1.01 * best))
    assert np.all(bound(best) < bound(0.99 * best))

    def bound_of_one_sided(h):
        return h / 2 * second + 2 * epsilon * f / h

    one_sided = answers.one_sided_best_step(f, second, epsilon)
    assert np.all(bound_of_one_sided(one_sided) < bound_of_one_sided(1.01 * one_sided))
    assert np.all(bound_of_one_sided(one_sided) < bound_of_one_sided(0.99 * one_sided))


def test_v_curve_has_its_bottom_near_the_best_step(rng):
    """eq. 2.14: of a network, too: the best central step is of the order of ε to the 1/3."""
    network = Sequential(Dense(INPUTS, 6, rng=0, dtype=np.float64), Tanh(dtype=np.float64))
    curve = scratchvae.error_curve(network, rng.standard_normal((COUNT, INPUTS)))
    # |f| and |f‴| of order 1 within two decades; chance may move the smallest error by one more.
    assert 1e-7 < curve.steps[curve.errors.argmin()] < 1e-3


def test_vector_jacobian_products(rng):
    """eq. 2.15: what a backward pass returns is dy times the Jacobian, for each of its steps."""
    x, dy = rng.standard_normal((2, 3, 4))
    weight, bias = rng.standard_normal((4, 4)), rng.standard_normal(4)
    arrays = {"x": x, "W": weight, "b": bias}

    def y():
        return x + np.tanh(x @ weight + bias)

    found = answers.backpropagate(answers.skip_tape(x, weight, bias), {"y": dy})
    for name, array in arrays.items():
        jacobian = np.empty((dy.size, array.size))
        for row in range(dy.size):
            jacobian[row] = program.slopes(lambda row=row: y().ravel()[row], array).ravel()
        # Central differences: truncation of step² = 1e-10.
        np.testing.assert_allclose(found[name].ravel(), dy.ravel() @ jacobian, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found["x"], answers.skip_backward(dy, x, weight, bias))
    np.testing.assert_array_equal(found["y"], dy)  # what was handed in is not changed


def test_outer_products(rng):
    """eq. 2.16: a matrix product is the sum of columns of A times rows of B."""
    a, b = rng.standard_normal((7, 9)), rng.standard_normal((9, 11))
    outer = sum(np.outer(a[:, step], b[step]) for step in range(9))
    # Sums of 9 products in another order: a few roundings of numbers of order 10.
    np.testing.assert_allclose(kernels.matmul(a, b), outer, atol=1e-13)


def test_the_pieces_of_a_network():
    """eq. 2.2, eq. 2.8, eq. 2.9: what comes back is the slope, for an ELU and for a network."""
    rng = np.random.default_rng(4)
    network = program.Sequential(program.Dense(3, 5, rng), program.Tanh(), program.Dense(5, 2, rng))
    x, target = rng.standard_normal((4, 3)), rng.standard_normal((4, 2))

    def loss():
        return program.squared_error(network.forward(x), target)[0]

    y = network.forward(x)
    first, last = network.layers[0].parameters, network.layers[2].parameters
    by_hand = np.tanh(x @ first["weight"] + first["bias"]) @ last["weight"] + last["bias"]
    np.testing.assert_allclose(y, by_hand)
    _, dy = program.squared_error(y, target)
    network.backward(dy)
    for name, array in network.parameters.items():
        # Central differences: truncation of step² = 1e-10.
        np.testing.assert_allclose(
            network.gradients[name], program.slopes(loss, array), rtol=1e-6, atol=1e-9
        )
    elu = ELU(1.5, dtype=np.float64)
    np.testing.assert_allclose(elu.forward(x), np.where(x > 0, x, 1.5 * np.expm1(x)))
