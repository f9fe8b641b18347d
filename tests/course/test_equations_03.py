"""The equations of lesson 3, "Training", each against numbers got another way."""

from itertools import combinations

import numpy as np
import pytest
from helpers import normal

import scratchvae
from scratchvae.course import program
from scratchvae.course.exercises.lesson_03 import (
    glorot_bound,
    gradient_variance,
    largest_stable_rate,
    spread_after,
    stationary_variance,
)
from scratchvae.layers import Parameter
from scratchvae.training.optimisers import SGD, Adam


@pytest.fixture
def rng():
    return np.random.default_rng(3)


@pytest.mark.parametrize("size", [1, 2, 5, 6])
def test_batches_are_unbiased(rng, size):
    """eq. 3.1, eq. 3.2: over all possible batches, without chance."""
    gradients = rng.standard_normal(6)
    means = [np.mean(batch) for batch in combinations(gradients, size)]
    assert np.mean(means) == pytest.approx(gradients.mean())
    assert np.var(means) == pytest.approx(gradient_variance(gradients, size), abs=1e-15)


def test_every_example_is_in_one_batch_of_an_epoch(rng):
    """eq. 3.1: each counts once."""
    found = list(program.batches(17, 5, rng))
    assert [len(batch) for batch in found] == [5, 5, 5, 2]
    assert sorted(np.concatenate(found)) == list(range(17))


def test_the_largest_rate(rng):
    """eq. 3.3, eq. 3.4: just below it everything shrinks, just above the steepest grows."""
    curvatures = rng.uniform(0.5, 9, 5)
    limit = largest_stable_rate(curvatures)
    for share, shrinks in ((0.99, True), (1.01, False)):
        theta = np.ones(5)
        for _ in range(2000):
            theta -= share * limit * curvatures * theta
        assert (np.abs(theta).max() < 1) == shrinks
    theta = np.ones(5)
    theta -= 0.1 * curvatures * theta
    np.testing.assert_allclose(theta, 1 - 0.1 * curvatures)


def test_noisy_descent_settles():
    """eq. 3.5: it is the fixed point of the variance's recursion."""
    rate, curvature, noise = 0.3, 2.0, 0.7
    variance = 0.0
    for _ in range(500):
        variance = (1 - rate * curvature) ** 2 * variance + rate**2 * noise
    assert variance == pytest.approx(stationary_variance(rate, curvature, noise))


def test_momentum(rng):
    """eq. 3.6: the program and the package take the same steps."""
    value, gradients = rng.standard_normal((2, 3)), rng.standard_normal((5, 2, 3))
    parameter = Parameter(value.copy())
    package = SGD({"weight": parameter}, 0.1, 0.8)
    parameters = {"weight": value.copy()}
    optimiser = program.Momentum(parameters, 0.1, 0.8)
    for gradient in gradients:
        parameter.grad[...] = gradient
        package.step()
        optimiser.step({"weight": gradient})
        np.testing.assert_allclose(parameters["weight"], parameter.value, rtol=1e-14)


def test_a_constant_gradient_with_momentum():
    """eq. 3.7: in the end each step is 1/(1 − μ) times as long."""
    parameters = {"theta": np.zeros(1)}
    optimiser = program.Momentum(parameters, 1.0, 0.9)
    for _ in range(300):
        before = parameters["theta"].copy()
        optimiser.step({"theta": np.ones(1)})
    assert before - parameters["theta"] == pytest.approx(10)


def test_adam_takes_corrected_means_of_the_gradient_and_its_square():
    """eq. 3.8: against weighted means of all gradients so far, written out."""
    rate, beta_1, beta_2, delta = 0.1, 0.8, 0.95, 1e-3
    gradients = normal(6, 3, seed=1)
    value = normal(3, seed=2)
    own = program.Adam({"p": value.copy()}, rate, beta_1, beta_2, delta)
    parameter = Parameter(value.copy())
    optimiser = Adam({"p": parameter}, rate, beta_1, beta_2, delta)
    expected = value.copy()
    for t in range(1, 7):
        seen = gradients[:t]
        means = [
            np.average(powers, axis=0, weights=beta ** np.arange(t)[::-1])
            for powers, beta in ((seen, beta_1), (seen**2, beta_2))
        ]
        expected = expected - rate * means[0] / (np.sqrt(means[1]) + delta)
        own.step({"p": gradients[t - 1]})
        parameter.grad[...] = gradients[t - 1]
        optimiser.step()
        np.testing.assert_allclose(own.parameters["p"], expected, rtol=1e-12)
        np.testing.assert_allclose(parameter.value, expected, rtol=1e-12)


def test_the_weights_of_a_moment():
    """eq. 3.9: a gradient that stays the same gives 1 − βᵗ of it, and corrected all of it."""
    optimiser = program.Adam({"theta": np.zeros(1)}, 0.5, 0.8, 0.9, 1e-12)
    for step in range(1, 6):
        before = optimiser.parameters["theta"].copy()
        optimiser.step({"theta": np.full(1, 3.0)})
        assert optimiser.first["theta"] == pytest.approx(3 * (1 - 0.8**step))
        assert before - optimiser.parameters["theta"] == pytest.approx(0.5)


def test_cosine():
    """eq. 3.10: the trainer's schedule has the same share."""
    model = scratchvae.build("zhao-mlp", latent_dim=2)
    trainer = scratchvae.Trainer(model, learning_rate=0.01, schedule="cosine")
    for progress in (0.0, 0.3, 0.5, 0.9):  # at the very end the trainer keeps a thousandth
        trainer.schedule(progress)
        expected = 0.01 * program.cosine(progress)
        assert trainer.optimiser.learning_rate == pytest.approx(expected, abs=1e-15)


def test_signals_through_layers(rng):
    """eq. 3.11, eq. 3.12, eq. 3.13: variances through a layer, forwards and backwards."""
    inputs, outputs, bound = 300, 500, 0.2
    weight = rng.uniform(-bound, bound, (inputs, outputs))
    x, dy = rng.standard_normal((400, inputs)), rng.standard_normal((400, outputs))
    # Of 150,000 weights and more the variance is known to less than 1 %; five times that.
    assert weight.var() == pytest.approx(bound**2 / 3, rel=0.02)
    assert (x @ weight).std() == pytest.approx(spread_after(1, inputs, bound), rel=0.05)
    assert (dy @ weight.T).var() == pytest.approx(outputs * bound**2 / 3, rel=0.05)
    assert spread_after(3, inputs, bound) == pytest.approx(spread_after(1, inputs, bound) ** 3)
    assert glorot_bound(7, 17) ** 2 / 3 == pytest.approx(2 / 24)
