"""Checks of distributions, bounds and optimisers refuse what they cannot use, in one line."""

import numpy as np
import pytest
from helpers import normal, refused

from scratchvae.checks.bounds import check_bound_order, check_exact_likelihood, importance_bound
from scratchvae.checks.distributions import (
    check_kl,
    check_likelihood,
    check_reparameterisation,
)
from scratchvae.checks.mutants import find_mutant
from scratchvae.checks.optimisers import check_adam, check_sgd
from scratchvae.checks.suite import check_likelihood_gradient
from scratchvae.probability import BernoulliLikelihood, kl_to_standard

OPTIMISER = "make must be a function from parameters by name to an optimiser of them"
LIKELIHOOD = "likelihood must be a Likelihood, such as BernoulliLikelihood()"


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (check_reparameterisation, "sampler must be a function of mean, log-variance and noise"),
        (check_kl, "kl must be a function of mean and log-variance"),
        (
            check_exact_likelihood,
            "elbo must be a function of a model, images, mean and log-variance",
        ),
        (check_bound_order, "bound must be a function of three logarithms of shape (K, N)"),
        (check_adam, OPTIMISER),
        (check_sgd, OPTIMISER),
        (check_likelihood, LIKELIHOOD),
        (check_likelihood_gradient, LIKELIHOOD),
    ],
)
@pytest.mark.parametrize("wrong", [None, "x", 3, [1.0], np.ones(2)])
def test_what_is_no_function_or_likelihood_is_refused(check, expected, wrong):
    with refused(f"{expected}, not {type(wrong).__name__}"):
        check(wrong)


@pytest.mark.parametrize(
    ("check", "name", "least"),
    [
        (check_reparameterisation, "draws", 2),
        (check_kl, "draws", 2),
        (check_exact_likelihood, "models", 1),
        (check_bound_order, "images", 2),
    ],
)
def test_counts_and_seeds_are_refused_before_work_begins(check, name, least):
    for wrong in (None, "10", least - 1, 2.5, [10]):
        with refused(f"{name} must be a whole number of at least {least}, not"):
            check(**{name: wrong})
    for wrong in (None, "0", -1, 0.5):
        with refused("seed must be a whole number of at least 0, not"):
            check(seed=wrong)
    with refused("seed"):
        check_adam(seed="0")
    with refused("seed"):
        check_likelihood(BernoulliLikelihood(), seed="0")
    assert check(**{name: least}).rows


@pytest.mark.parametrize(
    ("check", "name", "result"),
    [
        (lambda f: check_reparameterisation(f, draws=10), "sampler", (10, 1, 4)),
        (lambda f: check_kl(f, draws=10), "kl", (1,)),
        (lambda f: check_exact_likelihood(f, models=1), "elbo", (4,)),
        (lambda f: check_bound_order(f, images=3), "bound", (3,)),
    ],
)
@pytest.mark.parametrize("wrong", [None, "x", 1.0, np.ones((2, 7))])
def test_a_function_that_returns_something_else_is_refused(check, name, result, wrong):
    with refused(f"{name} must return", str(result), type(wrong).__name__):
        check(lambda *arguments: wrong)
    assert check(lambda *arguments: np.ones(result)).rows


def test_the_class_of_a_likelihood_is_refused():
    with refused("BernoulliLikelihood()", "the class BernoulliLikelihood"):
        check_likelihood(BernoulliLikelihood)


def test_an_optimiser_without_a_step_is_refused():
    with refused("the step of what make returns must be a function of nothing, not NoneType"):
        check_adam(lambda parameters: None)


def test_the_importance_bound_refuses_arrays_that_do_not_belong_together():
    x = normal(3, 4)
    for arrays, words in (
        ((None, x, x), "log_likelihood"),
        ((x, None, x), "log_prior"),
        ((x, x, "x"), "log_posterior"),
        ((x, x[:2], x), "the three logarithms must have one shape"),
        ((x, x, x[:, :2]), "one shape"),
        ((x[0], x[0], x[0]), "(K, N)"),
        ((x[:0], x[:0], x[:0]), "(K, N)"),
    ):
        with refused(words):
            importance_bound(*arrays)
    np.testing.assert_allclose(importance_bound(x, 0 * x, x), np.zeros(4), atol=1e-15)


@pytest.mark.parametrize("name", [None, 3, ["x"], "no such"])
def test_a_mutant_that_there_is_not_is_refused(name):
    with refused("there is no mutant"):
        find_mutant(name)


def test_a_kl_of_many_digits_that_is_an_integer_is_fine():
    assert not check_kl(lambda mean, log_variance: np.array([3]), draws=10).passed
    assert check_kl(kl_to_standard, draws=1000).passed
