"""Sums run over the last axis, whatever axes come before it; draws are a mean and its noise."""

import numpy as np
import pytest
from helpers import normal, refused

from scratchvae.probability import (
    GaussianLikelihood,
    LearnedVarianceLikelihood,
    bernoulli_log_density,
    gaussian_log_density,
    gaussian_product,
    gaussian_product_backward,
    kl_diagonal,
    kl_diagonal_gradients,
    kl_to_standard,
    multivariate_gaussian_log_density,
    standard_normal_log_density,
)
from scratchvae.probability.categorical import (
    categorical_nll,
    categorical_nll_gradient,
    draw_categorical,
    softmax,
)


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (standard_normal_log_density, 1),
        (bernoulli_log_density, 2),
        (gaussian_log_density, 3),
        (kl_to_standard, 2),
        (kl_diagonal, 4),
    ],
)
def test_a_sum_over_coordinates_is_that_of_each_example_by_itself(function, arguments):
    arrays = [normal(2, 3, 4, seed=seed) for seed in range(arguments)]
    together = function(*arrays)
    assert together.shape == (2, 3)
    for place in np.ndindex(2, 3):
        assert together[place] == pytest.approx(function(*(array[place] for array in arrays)))


def test_means_of_a_full_density_broadcast_or_are_refused():
    x, mean = normal(3, 2), normal(3, 2, seed=1)
    each = [
        multivariate_gaussian_log_density(v, m, np.eye(2)) for v, m in zip(x, mean, strict=True)
    ]
    np.testing.assert_allclose(multivariate_gaussian_log_density(x, mean, np.eye(2)), each)
    with refused("the shapes of x (3, 2), mean (4, 2) do not fit together: reshape one"):
        multivariate_gaussian_log_density(x, normal(4, 2), np.eye(2))


def test_the_arrays_of_a_full_density_are_called_by_their_names():
    arrays = {"x": normal(3, 2), "mean": normal(2), "covariance": np.eye(2)}
    for name, array in arrays.items():
        with refused(f"{name} must be a NumPy array, not list"):
            multivariate_gaussian_log_density(**(arrays | {name: array.tolist()}))
    for name in ("mean", "covariance"):
        single = arrays | {name: arrays[name].astype(np.float32)}
        with refused(f"{name} is float32 where float64 is expected"):
            multivariate_gaussian_log_density(**single)


@pytest.mark.parametrize("function", [gaussian_product, kl_diagonal, kl_diagonal_gradients])
def test_two_means_of_one_shape_must_also_have_that_of_their_variances(function):
    mean, log_variance = normal(3, 1), normal(3, 2)
    with refused("mean_1 and log_variance_1 must have one shape, not (3, 1) and (3, 2)"):
        function(mean, log_variance, mean, log_variance)
    with refused("mean_1 and log_variance_1 must have one shape, not (3, 1) and (3, 2)"):
        gaussian_product_backward(mean, mean, mean, log_variance, mean, log_variance)


def test_gradients_of_a_product_have_the_shape_of_its_factors():
    arrays = [normal(3, 2, seed=seed) for seed in range(4)]
    with refused("d_mean and mean_1 must have one shape, not (3, 1) and (3, 2)"):
        gaussian_product_backward(normal(3, 1), normal(3, 1), *arrays)


def test_a_sample_is_the_mean_and_the_noise_of_the_generator_times_the_deviation():
    decoded = normal(5, 2, 3)
    noise = np.random.default_rng(4).standard_normal((5, 2, 3))
    sample = GaussianLikelihood(0.25).sample(decoded, np.random.default_rng(4))
    np.testing.assert_allclose(sample, decoded + 0.5 * noise)
    both = np.concatenate([decoded, normal(5, 2, 3, seed=1)], axis=-1)
    sample = LearnedVarianceLikelihood(-np.inf).sample(both, np.random.default_rng(4))
    np.testing.assert_allclose(sample, decoded + np.exp(0.5 * both[..., 3:]) * noise)


# Codes.


def test_a_softmax_is_that_of_each_row_by_itself_however_large_the_others_are():
    logits = normal(2, 3, 4) + np.array([-2000.0, 0.0, 2000.0])[:, None]
    found = softmax(logits)
    for place in np.ndindex(2, 3):
        shares = np.exp(logits[place] - logits[place].max())
        np.testing.assert_allclose(found[place], shares / shares.sum())
    with refused("logits must be a NumPy array, not list"):
        softmax([[1.0]])
    for wrong in (np.array(1.0), normal(3, 0)):
        with refused(f"logits must be of shape (..., K), K of 1 or more, not {wrong.shape}"):
            softmax(wrong)


def test_a_draw_falls_between_the_running_totals_of_its_own_row():
    logits = normal(2, 3, 4)
    uniform = np.random.default_rng(4).random((2, 3))
    totals = softmax(logits).cumsum(axis=-1)
    rows = zip(totals.reshape(-1, 4), uniform.ravel(), strict=True)
    expected = [np.searchsorted(row, number) for row, number in rows]
    found = draw_categorical(logits, np.random.default_rng(4))
    assert found.dtype == np.int64
    assert found.ravel().tolist() == expected

    class Ends(np.random.Generator):
        """Draws 0 and 1: the second as float32 rounds the numbers just below it."""

        def random(self, shape):
            return np.broadcast_to([0.0, 1.0], shape)

    ends = draw_categorical(np.zeros((3, 2, 4)), Ends(np.random.PCG64(0)))
    assert ends.tolist() == [[0, 3]] * 3
    # A code that cannot be is not drawn, not even by 0.
    never = np.array([[-np.inf, 0.0, 0.0], [-np.inf, 0.0, 0.0]])
    assert draw_categorical(never, Ends(np.random.PCG64(0))).tolist() == [1, 2]


@pytest.mark.parametrize("function", [categorical_nll, categorical_nll_gradient])
def test_codes_that_the_logits_are_not_of_are_refused_by_their_names(function):
    codes, logits = np.array([[0, 3], [1, 2], [0, 0]]), normal(3, 2, 4)
    assert len(function(codes, logits)) == len(function(codes.tolist(), logits)) == 3
    assert len(function(0 * codes, logits[..., :1])) == 3  # of one code
    with refused("logits must be a NumPy array, not list"):
        function(codes, logits.tolist())
    with refused("codes must be an array of real numbers, not 'ab'"):
        function("ab", logits)
    for wrong in ((codes[:2], logits), (codes, logits[0]), (codes, logits[..., :0])):
        with refused(
            "codes must be of shape (N, P) and logits of (N, P, K), not "
            f"{wrong[0].shape} and {wrong[1].shape}: reshape them"
        ):
            function(*wrong)
    for bad in (-1, 4, 0.5):
        with refused("codes must be whole numbers from 0 to 3"):
            function(np.where(codes == 3, bad, codes), logits)
