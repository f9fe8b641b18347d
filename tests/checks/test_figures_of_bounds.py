"""The figures of the checks of bounds and optimisers: which they are, and in which units."""

import numpy as np
import pytest
from helpers import normal

from scratchvae.checks import bounds
from scratchvae.checks.bounds import check_bound_order, check_exact_likelihood, importance_bound
from scratchvae.checks.optimisers import check_adam, check_sgd, usual_adam, usual_sgd
from scratchvae.evaluation.exact import LinearGaussian
from scratchvae.layers import Parameter
from scratchvae.training import SGD, Adam

SIZES = {"first": 1.0, "second": 10.0, "tiny": 1e-4}


def names(report):
    return [row.name for row in report.rows]


def figures(report):
    return [(row.expected, row.found) for row in report.rows]


# Bounds.


def test_an_importance_bound_is_the_logarithm_of_the_mean_weight():
    likelihood, prior, posterior = (normal(5, 3, seed=seed) for seed in range(3))
    expected = np.log(np.mean(np.exp(likelihood + prior - posterior), axis=0))
    np.testing.assert_allclose(importance_bound(likelihood, prior, posterior), expected)
    one = importance_bound(likelihood[:1], prior[:1], posterior[:1])
    np.testing.assert_allclose(one, (likelihood + prior - posterior)[0])


def test_an_elbo_that_is_off_by_a_constant_is_off_by_so_many_millionths():
    asked = []

    def off(model, x, mean, log_variance):
        asked.append((model, x, mean, log_variance))
        return model.elbo(x, mean, log_variance) - 0.5

    report = check_exact_likelihood(off)
    assert report.title == "bound against log p(x): short by KL(q || posterior)"
    assert names(report) == [f"model {number}: log p(x) - ELBO" for number in range(5)]
    for row, (model, x, mean, log_variance) in zip(report.rows, asked, strict=True):
        gap = model.gap(x, mean, log_variance)
        assert (x.shape, mean.shape) == ((4, 5), (4, 2))
        assert row.expected == pytest.approx(gap.mean())
        assert row.found == pytest.approx(gap.mean() + 0.5)
        assert row.standard_errors == pytest.approx(0.5e6 / (1 + np.abs(gap).max()))
        assert gap.min() > 0.01  # q is not the posterior itself
    assert len({row.expected for row in report.rows}) == 5
    nothing = check_exact_likelihood(lambda model, x, *q: np.full(len(x), np.nan), models=1)
    assert nothing.rows[0].standard_errors == np.inf


def test_the_bounds_are_asked_for_with_ever_more_draws_and_put_in_order():
    shapes = []

    def bound(*logarithms):
        shapes.append([array.shape for array in logarithms])
        return importance_bound(*logarithms)

    report = check_bound_order(bound)
    assert report.passed, report
    assert shapes == [[(k, 300)] * 3 for k in (1, 10, 1000)]
    assert report.title == "importance-weighted bounds: their order"
    assert names(report) == [
        "K = 1 is the ELBO",
        "K = 10 is above K = 1",
        "K = 1,000 is above K = 10",
        "K = 10 is below log p(x)",
        "K = 1,000 is log p(x)",
    ]
    elbo, one = figures(report)[0]
    assert figures(report)[1][0] == one
    ten, thousand = figures(report)[2]
    assert figures(report)[1][1] == figures(report)[3][0] == ten
    exact = figures(report)[3][1]
    assert figures(report)[4] == (exact, thousand)
    assert elbo < ten < thousand < exact + 0.1
    assert exact - elbo > 0.2  # there is an order to be seen


@pytest.mark.parametrize(("row", "by"), [(0, 20.0), (0, -20.0), (4, 20.0), (4, -20.0)])
def test_a_bound_that_must_be_equal_may_be_neither_above_nor_below(row, by):
    draws = {0: 1, 4: 1000}[row]

    def off(*logarithms):
        return importance_bound(*logarithms) + by * (len(logarithms[0]) == draws)

    assert not check_bound_order(off).rows[row].passed


def test_means_are_put_in_order_in_units_of_the_error_of_their_difference():
    low, high = np.zeros(4), np.array([1.0, 3.0, 1.0, 3.0])  # 2 apart, give or take 1/2
    for first, second, both, errors in (
        (low, high, False, 0),
        (low, high, True, 4),
        (high, low, False, 4),
        (high, low, True, 4),
        (low, low + 1, False, 0),
        (low + 1, low, False, 1e12),
        (low, low * np.nan, False, np.inf),
    ):
        row = bounds._row("row", first, second, both=both)
        assert row.name == "row"
        assert row.expected == first.mean()
        assert row.standard_errors == errors
        assert row.found == second.mean() or np.isnan(row.found)


def test_q_is_wide_enough_for_the_weights_to_have_a_variance():
    for seed in range(20):
        model, _, _, log_variance = bounds._case(np.random.default_rng(seed))
        assert isinstance(model, LinearGaussian)
        assert model.weight.shape == (2, 5)
        assert 0.4 <= model.variance <= 0.8
        *_, wide = bounds._case(np.random.default_rng(seed), images=7, wider=2.0)
        assert (wide.shape, log_variance.shape) == ((7, 2), (4, 2))
        assert len({*wide.ravel()}) == 1
        _, covariance = model.posterior(np.zeros((1, 5)))
        largest = np.linalg.eigvalsh(covariance).max()
        np.testing.assert_allclose(np.exp(log_variance), largest)
        np.testing.assert_allclose(np.exp(wide), 2 * largest)


# Optimisers.


class Still:
    """An optimiser that takes down the gradients that it is given, and moves nothing."""

    def __init__(self, parameters):
        self.parameters, self.gradients = parameters, []

    def step(self):
        self.gradients.append({name: float(p.grad[0]) for name, p in self.parameters.items()})


@pytest.mark.parametrize(("check", "title"), [(check_adam, "Adam"), (check_sgd, "SGD")])
def test_an_optimiser_is_led_along_three_parameters_for_twelve_steps(check, title):
    made = []

    def make(parameters):
        made.append(Still(parameters))
        return made[0]

    report = check(make)
    assert report.title == f"{title}: its steps against the formula"
    order = [f"{name}, after step {step}" for name in SIZES for step in (1, 2, 12)]
    assert names(report) == order
    (still,) = made
    assert len(still.gradients) == 12
    for name, size in SIZES.items():
        sizes = [abs(gradients[name]) for gradients in still.gradients]
        assert size / 5 < np.mean(sizes) < 5 * size
        rows = [row for row in report.rows if row.name.startswith(f"{name},")]
        value, first, second = 1.0, 0.0, 0.0
        for number, gradients in enumerate(still.gradients, start=1):
            g = gradients[name]
            if title == "SGD":
                first = 0.9 * first + g
                value -= 0.01 * first
            else:
                first, second = 0.9 * first + 0.1 * g, 0.999 * second + 0.001 * g * g
                root = np.sqrt(second / (1 - 0.999**number))
                value -= 0.01 * first / (1 - 0.9**number) / (root + 1e-4)
            if number in (1, 2, 12):
                row = rows.pop(0)
                assert row.expected == pytest.approx(value, rel=1e-12)
                assert row.found == 1
                # All of the way is missing: a million millionths.
                assert row.standard_errors == pytest.approx(1e6)


def test_an_optimiser_that_gives_no_number_is_endlessly_wrong():
    class Spoiling(Still):
        def step(self):
            for parameter in self.parameters.values():
                parameter.value[...] = np.nan

    assert {row.standard_errors for row in check_sgd(Spoiling).rows} == {np.inf}


def test_the_usual_optimisers_have_the_settings_that_are_checked():
    parameters = {"a": Parameter(np.ones(1))}
    adam, sgd = usual_adam(parameters), usual_sgd(parameters)
    assert type(adam) is Adam
    assert (adam.learning_rate, adam.beta_1, adam.beta_2, adam.epsilon) == (0.01, 0.9, 0.999, 1e-4)
    assert type(sgd) is SGD
    assert (sgd.learning_rate, sgd.momentum) == (0.01, 0.9)
    assert adam.parameters == sgd.parameters == parameters
